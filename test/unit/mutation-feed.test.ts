import { expect, test } from 'vitest'
import { createFeed } from '../../src/exchange/feed.ts'
import type { Wire } from '../../src/exchange/wire.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { fakeWire } from '../support/fake-wire.ts'

const tickerOf = (symbol: string): string => {
  const figures = {
    p: '0.1',
    P: '0.1',
    w: '1',
    x: '1',
    c: '1',
    Q: '1',
    b: '1',
    B: '1',
    a: '1',
    A: '1',
    o: '1',
    h: '1',
    l: '1',
    v: '1',
    q: '1',
  }
  const data = { e: '24hrTicker', E: 1_700_000_000_000, s: symbol, ...figures, O: 0, C: 1_700_000_000_000, F: 0, L: 1, n: 2 }
  return JSON.stringify({ stream: `${symbol.toLowerCase()}@ticker`, data })
}

test('pairs wanted while the socket opens are asked for when it has opened, all of them', () => {
  const clock = fakeClock()
  const { wire, sent, open } = fakeWire()
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
  const { wire, sent, open } = fakeWire()
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

test.each([
  { streams: ['trade', 'ticker'] as const, afterMs: 5000, why: 'tickers come every second' },
  { streams: ['trade'] as const, afterMs: 15_000, why: 'trades come when they come' },
])('a socket that never says anything is found mute after $afterMs ms where $why', ({ streams, afterMs }) => {
  const clock = fakeClock()
  const { wire, emitter, open } = fakeWire()
  const told: string[] = []
  const feed = createFeed({ clock, urls: ['ws://x'], streams, tick: () => {}, note: () => {}, connect: () => wire })
  feed.want(new Set(['BTCUSDT']))
  feed.open('a', ({ type }) => told.push(type))
  open()
  for (let at = 0; at < afterMs - 500; at += 500) {
    clock.advance(500)
    emitter.emit('pong')
  }
  expect(told).toEqual(['socket.opened'])
  clock.advance(1000)
  expect(told).toEqual(['socket.opened', 'feed.quiet'])
  feed.stop()
})

const tradeOf = (symbol: string, tradeId: number): string => {
  const data = {
    e: 'trade',
    E: 1_700_000_000_000,
    s: symbol,
    t: tradeId,
    p: '1.00000000',
    q: '1.00000000',
    T: 1_700_000_000_000,
    m: false,
    M: true,
  }
  return JSON.stringify({ stream: `${symbol.toLowerCase()}@trade`, data })
}

test.each([
  { streams: ['trade', 'ticker'] as const, everyMs: 400, quietAfterMs: 5000, why: 'a ticker was asked for and never came' },
  { streams: ['trade'] as const, everyMs: 400, quietAfterMs: 3000, why: 'trades came all the time' },
  { streams: ['trade'] as const, everyMs: 2000, quietAfterMs: 6000, why: 'trades came every other second' },
  { streams: ['trade'] as const, everyMs: 8000, quietAfterMs: 15_000, why: 'trades were rare' },
])('silence is not natural after $quietAfterMs ms where $why', ({ streams, everyMs, quietAfterMs }) => {
  const clock = fakeClock()
  const { wire, emitter, open } = fakeWire()
  const told: string[] = []
  const feed = createFeed({ clock, urls: ['ws://x'], streams, tick: () => {}, note: () => {}, connect: () => wire })
  feed.want(new Set(['BTCUSDT']))
  feed.open('a', ({ type }) => told.push(type))
  open()
  clock.advance(10)
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(Math.min(left, 250))
      emitter.emit('pong')
    }
  }
  for (let tradeId = 1; tradeId <= 60; tradeId += 1) {
    emitter.emit('message', Buffer.from(tradeOf('BTCUSDT', tradeId)), false)
    if (tradeId < 60) pass(everyMs)
  }
  pass(quietAfterMs - 500)
  expect(told).toEqual(['socket.opened'])
  pass(1000)
  expect(told).toEqual(['socket.opened', 'feed.quiet'])
  feed.stop()
})

test('a successor that opens while the exchange is silent does not make the silence shorter', () => {
  const clock = fakeClock()
  const wires = [fakeWire(), fakeWire()]
  const told: string[] = []
  let opened = 0
  const connect = (): Wire => (wires[opened++] as (typeof wires)[number]).wire
  const feed = createFeed({ clock, urls: ['ws://x'], streams: ['ticker'], tick: () => {}, note: () => {}, connect })
  feed.want(new Set(['BTCUSDT']))
  feed.open('a', ({ type }) => told.push(type))
  wires[0]?.open()
  clock.advance(10)
  wires[0]?.emitter.emit('message', Buffer.from(tickerOf('BTCUSDT')), false)
  clock.advance(2000)
  feed.open('b', ({ type }) => told.push(type))
  wires[1]?.open()
  clock.advance(1600)
  expect(told).toEqual(['socket.opened', 'socket.opened', 'feed.quiet'])
  feed.stop()
})

test.each([
  { messages: 12, says: true, why: 'is given up when the one before it goes on' },
  { messages: 3, says: false, why: 'is waited for when the one before it says little, too' },
])('a successor that brings nothing $why', ({ messages, says }) => {
  const clock = fakeClock()
  const wires = [fakeWire(), fakeWire()]
  const told: string[] = []
  let opened = 0
  const connect = (): Wire => (wires[opened++] as (typeof wires)[number]).wire
  const feed = createFeed({ clock, urls: ['ws://x'], streams: ['trade'], tick: () => {}, note: () => {}, connect })
  feed.want(new Set(['BTCUSDT']))
  feed.open('a', () => {})
  wires[0]?.open()
  clock.advance(10)
  feed.open('b', event => told.push('link' in event ? `${event.type} ${event.link}` : event.type))
  wires[1]?.open()
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= 250) {
      clock.advance(Math.min(left, 250))
      for (const { emitter } of wires) emitter.emit('pong')
    }
  }
  for (let tradeId = 1; tradeId <= messages; tradeId += 1) {
    pass(4800 / messages)
    wires[0]?.emitter.emit('message', Buffer.from(tradeOf('BTCUSDT', tradeId)), false)
  }
  expect(told).toEqual(['socket.opened b'])
  pass(1000)
  expect(told.slice(0, 2)).toEqual(says ? ['socket.opened b', 'socket.closed b'] : ['socket.opened b'])
  feed.stop()
})
