import { expect, it } from 'vitest'
import { attemptsMax, createAttempts, type Share } from '../../src/exchange/attempts.ts'
import { createPlacement } from '../../src/exchange/placement.ts'
import { createShards } from '../../src/exchange/shards.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { type FakeWire, fakeWire } from '../support/fake-wire.ts'

const placed = (placement: ReturnType<typeof createPlacement>, ...symbols: string[]): unknown => {
  const { shards, left } = placement.place(new Set(symbols))
  return [...[...shards].sort(([a], [b]) => a - b).map(([shard, held]) => `${shard}: ${[...held].join(' ')}`), ...(left > 0 ? [left] : [])]
}

it('a symbol stays where it is, a new one takes the first free place, and what finds none is counted', () => {
  const placement = createPlacement({ room: 2, shardsMax: 3 })
  expect(placed(placement, 'A', 'B', 'C', 'D', 'E')).toEqual(['1: A B', '2: C D', '3: E'])
  expect(placed(placement, 'B', 'E')).toEqual(['1: B', '3: E'])
  expect(placed(placement, 'E', 'F', 'B', 'G')).toEqual(['1: B F', '2: G', '3: E'])
  expect(placed(placement, ...'ABCDEFGH')).toEqual(['1: B F', '2: G A', '3: E C', 2])
  expect(['B', 'A', 'D'].map(placement.shardOf)).toEqual([1, 2, undefined])
})

/** Asks for connections; writes down when each may go, or for how long it is to stay. */
function asking(share?: Share) {
  const clock = fakeClock()
  const attempts = createAttempts({ clock, share })
  const told: string[] = []
  const ask = (shard: number): (() => void) =>
    attempts.ask(shard, {
      go: () => void told.push(`${shard} goes at ${clock.now()}`),
      stay: (_, waitMs) => void told.push(`${shard} stays ${waitMs}`),
    })
  return { clock, attempts, told, ask }
}

it('connections take turns a second apart; one alone waits for nobody', () => {
  const { clock, told, ask } = asking()
  for (const shard of [1, 1, 2, 3, 3, 1]) ask(shard)
  ask(4)()
  clock.advance(5000)
  ask(2)
  expect(told).toEqual([
    '1 goes at 0',
    '1 goes at 0',
    '2 goes at 1000',
    '3 goes at 2000',
    '3 goes at 2000',
    '1 goes at 3000',
    '2 goes at 5000',
  ])
})

it('no more are tried in five minutes than the exchange allows', () => {
  const { clock, told, ask } = asking()
  for (let at = 0; at < attemptsMax; at += 1) ask(1)
  clock.advance(100_000)
  ask(1)
  expect([told.length, told.at(-1)]).toEqual([attemptsMax + 1, '1 stays 200000'])
  clock.advance(200_000)
  ask(1)
  expect(told.at(-1)).toBe('1 goes at 300000')
})

it('after a refusal nobody goes until its time has passed, also when asked anew', () => {
  const { clock, attempts, told, ask } = asking()
  attempts.refused(60_000)
  ask(1)
  clock.advance(59_999)
  ask(1)
  clock.advance(1)
  ask(1)
  expect(told).toEqual(['1 stays 60000', '1 stays 1', '1 goes at 60000'])
})

it('what others behind the same address did counts, if it is known in time', async () => {
  let known: Awaited<ReturnType<Share>> | 'late' = { attempts: attemptsMax, waitMs: 0 }
  const shared: unknown[] = []
  const { clock, attempts, told, ask } = asking((tried, waitMs) => {
    shared.push([tried, waitMs])
    return known === 'late' ? new Promise(() => {}) : Promise.resolve(known)
  })
  const settle = async (): Promise<void> => {
    ask(1)
    await new Promise(setImmediate)
  }
  await settle()
  known = { attempts: attemptsMax + 1, waitMs: 0 }
  await settle()
  expect(told[1]).toMatch(/^1 stays [345]\d{4}/)
  known = undefined
  await settle()
  known = 'late'
  await settle()
  expect([told[0], told[2], told[3]]).toEqual(['1 goes at 0', '1 goes at 0', undefined])
  clock.advance(250)
  expect(told[3]).toBe('1 goes at 250')
  known = { attempts: 1, waitMs: 7000 }
  await settle()
  attempts.refused(9000)
  expect([told[4], shared]).toEqual(['1 stays 7000', [...Array.from({ length: 5 }, () => [1, 0]), [0, 9000]]])
})

/** Two connections of one symbol each. */
function pair() {
  const clock = fakeClock()
  const wires: FakeWire[] = []
  const told: (readonly number[])[] = []
  const feed = createShards({
    clock,
    urls: ['ws://x'],
    streams: ['trade'],
    streamsMax: 1,
    note: () => {},
    tick: () => {},
    beside: shards => told.push(shards),
    connect: () => {
      const wire = fakeWire()
      wires.push(wire)
      return wire.wire
    },
  })
  feed.want(new Set(['BTCUSDT', 'ETHUSDT']))
  const trade = (wire: number, s: string): void =>
    wires[wire]?.say(
      JSON.stringify({
        stream: `${s.toLowerCase()}@trade`,
        data: { e: 'trade', E: 1, s, t: 1, p: '1', q: '1', T: 1, m: true, M: true },
      }),
    )
  const close = ['BTCUSDT', 'ETHUSDT'].map((symbol, at) => {
    const close = feed.open('a', () => {}, at + 1)
    clock.advance(at * 1000)
    wires[at]?.open()
    trade(at, symbol)
    return close
  })
  return { clock, feed, wires, told, close, trade }
}

it('while its connection is broken a symbol is vouched for no longer, but for a second of doubt; the others are', () => {
  const { clock, feed, close, trade, wires } = pair()
  const since = (): number[] => ['BTCUSDT', 'ETHUSDT'].map(feed.streamedSince)
  const never = Number.NEGATIVE_INFINITY
  const before = since()
  close[1]?.()
  clock.advance(999)
  expect([since(), feed.broken()]).toEqual([before, []])
  clock.advance(1)
  expect([since()[1], feed.broken()]).toEqual([clock.now(), ['ETHUSDT']])
  clock.advance(500)
  expect(since()[1]).toBe(clock.now())
  feed.open('a', () => {}, 2)
  wires[2]?.open()
  expect(feed.broken()).toEqual(['ETHUSDT'])
  trade(2, 'ETHUSDT')
  const healedAt = clock.now()
  clock.advance(500)
  expect([since(), feed.broken()]).toEqual([[before[0], healedAt], []])
  expect(before[0]).toBe(never)
  feed.stop()
})

it('with one connection only, the level of the instance says it all', () => {
  const { clock, feed, close, told } = pair()
  feed.want(new Set(['BTCUSDT']))
  clock.advance(5000)
  close[0]?.()
  clock.advance(2000)
  expect([feed.streamedSince('BTCUSDT'), feed.broken(), told]).toEqual([Number.NEGATIVE_INFINITY, [], [[2], []]])
  feed.stop()
})

it('who wants nothing any more keeps no connection beside the first, and counts go on', () => {
  const { feed, told } = pair()
  const { attempts, ticks } = feed.counts()
  feed.want(new Set())
  expect(told).toEqual([[2], []])
  expect(feed.counts()).toMatchObject({ attempts, ticks, shards: [{ shard: 1 }] })
  feed.stop()
})
