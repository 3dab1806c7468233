import { expect, test } from 'vitest'
import { createBoard } from '../../src/board/board.ts'
import { createLevels } from '../../src/levels.ts'
import type { Level } from '../../src/price.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { updateOf } from '../support/outlet.ts'

const pair = 'BTC/USD'

function stage() {
  const clock = fakeClock()
  const board = createBoard(clock, () => {})
  const on = { level: 'live' as Level, hasOwnSocket: false }
  const levels = createLevels({
    clock,
    board,
    staleAfterMs: 60_000,
    instanceLevel: () => on.level,
    levelSince: () => 0,
    hasOwnSocket: () => on.hasOwnSocket,
    streamedSince: () => Number.NEGATIVE_INFINITY,
    isUnserved: () => false,
  })
  const put = (sequence: number, isStored: boolean): boolean => board.apply(updateOf({ at: sequence }), clock.wall(), { isStored })
  return { clock, levels, put, on, board }
}

test('a stored price is no live one, whatever the instance is, until the pair is heard of', () => {
  const { levels, put, clock } = stage()
  put(1, true)
  expect(levels.of(pair)).toBe('shared-cache')
  put(2, false)
  expect(levels.of(pair)).toBe('live')
  put(3, true)
  clock.advance(60_001)
  expect(levels.of(pair)).toBe('stale')
})

test('a heartbeat of an older epoch neither counts nor prolongs what the leader said', () => {
  const { levels, clock } = stage()
  const beat = (epoch: number, level: Level): void => levels.beat({ epoch, instance: `${epoch}`, level, stale: [] })
  beat(2, 'live')
  clock.advance(1000)
  beat(1, 'stale')
  expect(levels.leaders()).toBe('live')
  clock.advance(700)
  expect(levels.leaders()).toBe(undefined)
  beat(3, 'polling')
  expect(levels.leaders()).toBe('polling')
})

test('a price nobody speaks of is stale: by our own socket, or by what the leader says', () => {
  const { levels, put, clock, on } = stage()
  put(1, false)
  levels.beat({ epoch: 1, instance: 'leader', level: 'live', stale: [pair] })
  expect(levels.of(pair)).toBe('stale')
  on.hasOwnSocket = true
  expect(levels.of(pair)).toBe('live')
  clock.advance(60_001)
  expect(levels.of(pair)).toBe('stale')
})
