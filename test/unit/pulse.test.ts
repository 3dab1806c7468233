import { expect, test } from 'vitest'
import { createBoard } from '../../src/board/board.ts'
import type { Bus } from '../../src/bus/bus.ts'
import { readHeartbeat } from '../../src/heartbeat.ts'
import { createLevels } from '../../src/levels.ts'
import { createPulse } from '../../src/pulse.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { updateOf } from '../support/outlet.ts'

test('what a leader called stale is stale on it as a follower, too', () => {
  const clock = fakeClock()
  const board = createBoard(clock, () => {})
  const on = { role: 'leader' as 'leader' | 'follower' }
  const levels = createLevels({
    clock,
    board,
    staleAfterMs: 8000,
    instanceLevel: () => 'live',
    levelSince: () => 0,
    hasOwnSocket: () => on.role === 'leader',
    streamedSince: () => Number.NEGATIVE_INFINITY,
    isUnserved: () => false,
  })
  const told: string[] = []
  const bus = {
    beat: async (_epoch: number, text: string) => {
      told.push(text)
      return { kind: 'accepted', uncached: 0 } as const
    },
  } as unknown as Bus
  const beat = createPulse({
    instance: 'one',
    bus,
    diary: { role: () => on.role, term: () => ({ epoch: 7, validUntil: 0 }), level: () => 'live' },
    wanted: { everywhere: () => new Set(['BTC/USD']) },
    levels,
    status: { ownTrouble: () => undefined },
    fenced: () => {},
  })
  board.apply(updateOf({ at: 1 }), clock.wall())
  clock.advance(9000)
  expect(levels.of('BTC/USD')).toBe('stale')
  beat()
  expect(readHeartbeat(Buffer.from(told[0] ?? ''))?.stale).toEqual(['BTC/USD'])
  on.role = 'follower'
  clock.advance(10)
  expect(levels.of('BTC/USD')).toBe('stale')
  beat()
  expect(told).toHaveLength(1)
})
