import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { createFeed } from '../../src/exchange/feed.ts'
import type { Wire } from '../../src/exchange/wire.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** A minute of a virtual clock, so that nothing but our own work is counted; the socket's is in test/bench/feed.bench.mjs. */
it('a thousand quiet pairs and one that trades need less than a hundredth of a core', () => {
  const clock = fakeClock()
  const emitter = new EventEmitter()
  let pings = 0
  const ping = (): void => {
    pings += 1
    emitter.emit('pong')
  }
  const wire = Object.assign(emitter, { send: () => {}, ping, close: () => {}, terminate: () => {}, readyState: 1 })
  const feed = createFeed({
    clock,
    urls: ['ws://x'],
    streams: ['trade'],
    tick: () => {},
    note: () => {},
    connect: () => wire as unknown as Wire,
  })
  feed.want(new Set(['BTCUSDT', ...Array.from({ length: 1000 }, (_, at) => `QUIET${at}USDT`)]))
  const close = feed.open('a', () => {})
  emitter.emit('open')
  clock.advance(10_000)
  expect(feed.counts().streams).toBe(1001)
  const seconds = 60
  const began = process.cpuUsage()
  for (let second = 1; second <= seconds; second += 1) {
    const data = `{"e":"trade","E":1,"s":"BTCUSDT","t":${second},"p":"61837.63000000","q":"1.00000000","T":1,"m":true,"M":true}`
    emitter.emit('message', Buffer.from(`{"stream":"btcusdt@trade","data":${data}}`), false)
    clock.advance(1000)
  }
  const { user, system } = process.cpuUsage(began)
  expect(feed.counts()).toMatchObject({ ticks: seconds, sockets: 1 })
  expect(pings).toBeGreaterThan(seconds / 3)
  expect((user + system) / 1e6 / seconds).toBeLessThan(0.01)
  close()
  feed.stop()
})
