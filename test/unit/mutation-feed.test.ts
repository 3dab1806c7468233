import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { createFeed } from '../../src/exchange/feed.ts'
import type { Wire } from '../../src/exchange/wire.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** A socket that, like a real one, takes nothing before it is open. */
function wireOf(): { readonly wire: Wire; readonly sent: string[]; readonly emitter: EventEmitter; open(): void } {
  const emitter = new EventEmitter()
  const sent: string[] = []
  let isOpen = false
  const wire = Object.assign(emitter, {
    send: (text: string) => {
      if (!isOpen) throw new Error('WebSocket is not open')
      sent.push(text)
    },
    ping: () => {},
    close: () => {},
    terminate: () => {},
    readyState: 0,
  })
  const open = (): void => {
    isOpen = true
    emitter.emit('open')
  }
  return { wire: wire as unknown as Wire, sent, emitter, open }
}

test('pairs wanted while the socket opens are asked for when it has opened, all of them', () => {
  const clock = fakeClock()
  const { wire, sent, open } = wireOf()
  const feed = createFeed({ clock, urls: ['ws://x'], streams: ['trade'], tick: () => {}, note: () => {}, connect: () => wire })
  feed.want(new Set(['BTCUSDT']))
  feed.open('a', () => {})
  feed.want(new Set(['BTCUSDT', 'ETHUSDT']))
  expect(sent).toEqual([])
  open()
  clock.advance(10)
  expect(sent.map(text => JSON.parse(text).params)).toEqual([['btcusdt@trade', 'ethusdt@trade']])
  feed.stop()
})

test('a pair wanted later is asked for on the socket that is open, and the socket is not told to be over', () => {
  const clock = fakeClock()
  const { wire, sent, open } = wireOf()
  const feed = createFeed({ clock, urls: ['ws://x'], streams: ['trade'], tick: () => {}, note: () => {}, connect: () => wire })
  const told: string[] = []
  feed.want(new Set(['BTCUSDT']))
  feed.open('a', ({ type }) => void told.push(type))
  open()
  feed.want(new Set(['BTCUSDT', 'ETHUSDT']))
  clock.advance(10)
  expect(told).toEqual(['socket.opened'])
  expect(sent.map(text => JSON.parse(text).params)).toEqual([['btcusdt@trade'], ['ethusdt@trade']])
  feed.stop()
})
