import { expect, test } from 'vitest'
import { createBoard } from '../../src/board/board.ts'
import type { Bus, FollowEvents } from '../../src/bus/bus.ts'
import type { Publisher } from '../../src/bus/publisher.ts'
import type { Wanted } from '../../src/demand/wanted.ts'
import { createDownstream } from '../../src/downstream.ts'
import { writeHeartbeat } from '../../src/heartbeat.ts'
import type { Path } from '../../src/path.ts'
import { type Position, writeBody, writePayload } from '../../src/price.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** The bus as somebody else may write to it. */
function stage() {
  const clock = fakeClock()
  const counts = { garbled: 0, holed: 0, beats: 0, read: 0 }
  const seen: Position[] = []
  let line: FollowEvents | undefined
  const bus = {
    follow: (_: unknown, events: FollowEvents) => {
      line = events
      return { want: () => {}, stop: () => {} }
    },
    last: async () => {
      counts.read += 1
      return { kind: 'read', payloads: new Map() }
    },
  } as unknown as Bus
  const board = createBoard(clock, () => {})
  const count = (what: 'garbled' | 'holed' | 'beats') => () => {
    counts[what] += 1
  }
  const downstream = createDownstream({
    clock,
    bus,
    board,
    wanted: { here: () => new Set(['BTC/USD']) } as unknown as Wanted,
    publisher: { saw: (at: Position) => void seen.push(at) } as unknown as Publisher,
    path: { learn: () => {} } as unknown as Path,
    staleAfterMs: 60_000,
    missed: { heard: () => {}, told: () => {} },
    heartbeat: count('beats'),
    offered: () => {},
    claimed: () => {},
    released: () => {},
    garbled: count('garbled'),
    holed: count('holed'),
  })
  downstream.follow(() => {})
  const payload = (at: Position, prev = 0, pair = 'BTC/USD', receivedAt = clock.wall()): Buffer => {
    const price = { pair, symbol: 'BTCUSDT', price: '1', receivedAt, source: 'websocket' } as const
    return Buffer.from(writePayload({ pair, at, prev, cause: 'trade', body: writeBody(price, 'trade', 'live') }))
  }
  const now = clock.wall() * 1000
  return {
    clock,
    board,
    counts,
    seen,
    payload,
    now,
    hear: (bytes: Buffer, cached = false) => line?.price('BTC/USD', bytes, cached),
    line: () => line,
  }
}

const day = 86_400_000_000

test('a price from more than a day ahead moves nothing, told or stored, and does not raise the epochs to come', () => {
  const { board, counts, seen, payload, now, hear } = stage()
  for (const cached of [false, true]) hear(payload({ epoch: now + day + 1, sequence: 1 }), cached)
  expect(counts.garbled).toBe(2)
  expect(seen).toEqual([])
  expect(board.get('BTC/USD')).toBeUndefined()
  hear(payload({ epoch: now + day, sequence: 1 }))
  expect(board.get('BTC/USD')?.update.at).toEqual({ epoch: now + day, sequence: 1 })
})

test('a price of another pair, a long one and one that is none move nothing', () => {
  const { board, counts, payload, now, hear } = stage()
  const long = payload({ epoch: now, sequence: 1 })
    .toString()
    .replace('"receivedAt"', `${'"x":"y",'.repeat(600)}"receivedAt"`)
  expect(long.length).toBeGreaterThan(4096)
  for (const bytes of [payload({ epoch: now, sequence: 1 }, 0, 'ETH/USD'), Buffer.from(long), Buffer.alloc(0), Buffer.from('{}')])
    hear(bytes)
  expect(counts.garbled).toBe(4)
  expect(board.get('BTC/USD')).toBeUndefined()
})

test('a heartbeat from more than a day ahead, or a huge one, is nobody’s', () => {
  const { counts, now, line } = stage()
  const beat = (epoch: number, instance = 'x') =>
    line()?.bulletin(
      'heartbeat',
      Buffer.from(writeHeartbeat({ epoch, instance, level: 'live', stale: [] }) + ' '.repeat(instance === 'huge' ? 600_000 : 0)),
    )
  beat(now + day + 1)
  beat(now, 'huge')
  expect(counts).toMatchObject({ garbled: 2, beats: 0 })
  beat(now)
  expect(counts).toMatchObject({ garbled: 2, beats: 1 })
})

test('holes in one term are found and healed together; a new term, a repetition and a first price are none', () => {
  const { clock, counts, payload, now, hear } = stage()
  hear(payload({ epoch: now, sequence: 5 }, 3))
  hear(payload({ epoch: now, sequence: 6 }, 5))
  hear(payload({ epoch: now, sequence: 5 }, 3))
  hear(payload({ epoch: now + 1, sequence: 9 }, 8))
  hear(payload({ epoch: now + 1, sequence: 10 }, 0))
  expect(counts.holed).toBe(0)
  hear(payload({ epoch: now + 1, sequence: 12 }, 11))
  hear(payload({ epoch: now + 1, sequence: 14 }, 13))
  expect(counts).toMatchObject({ holed: 2, read: 0 })
  clock.advance(100)
  expect(counts.read).toBe(1)
  clock.advance(1000)
  expect(counts.read).toBe(1)
  hear(payload({ epoch: now + 1, sequence: 20 }, 19))
  clock.advance(100)
  expect(counts).toMatchObject({ holed: 3, read: 2 })
})

test('a young stored price counts as live, and is still no news to who saw a later one elsewhere', () => {
  const { board, payload, now, hear } = stage()
  hear(payload({ epoch: now, sequence: 1 }), true)
  expect(board.get('BTC/USD')).toMatchObject({ isStored: false, isTold: false })
  hear(payload({ epoch: now, sequence: 2 }, 1))
  expect(board.get('BTC/USD')).toMatchObject({ isStored: false, isTold: true })
})

test.each([-3_600_000, -2001, 2001, 3_600_000])(
  'a stored price that seems to be %i ms old is not live, whichever clock is wrong',
  ageMs => {
    const { board, payload, now, hear, clock } = stage()
    hear(payload({ epoch: now, sequence: 1 }, 0, 'BTC/USD', clock.wall() - ageMs), true)
    expect(board.get('BTC/USD')).toMatchObject({ isStored: true })
    expect(board.get('BTC/USD')?.update.body).toMatch(/"level":"(shared-cache|stale)"/)
  },
)
