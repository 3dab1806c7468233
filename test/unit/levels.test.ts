import { expect, test } from 'vitest'
import { createBoard } from '../../src/board/board.ts'
import { createLevels } from '../../src/levels.ts'
import type { Level } from '../../src/price.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** Bugs that the simulation found; each sentence failed before it was mended. */

function stage({ hasOwnSocket = false, level = 'live' as Level, isBroken = (): boolean => false } = {}) {
  const clock = fakeClock()
  const board = createBoard(clock, () => {})
  let since = clock.now()
  const levels = createLevels({
    clock,
    board,
    staleAfterMs: 8000,
    instanceLevel: () => level,
    levelSince: () => since,
    hasOwnSocket: () => hasOwnSocket,
    streamedSince: () => (isBroken() ? clock.now() : Number.NEGATIVE_INFINITY),
    isUnserved: () => false,
  })
  const goLive = (): void => {
    since = clock.now()
  }
  const update = { pair: 'ADA/USD', at: { epoch: 1, sequence: 1 }, prev: 0, cause: 'trade' as const, body: '"cause":"trade","tradeId":7}' }
  return { clock, board, levels, update, goLive }
}

test('a price read from where it is stored is not live, although everything else is', () => {
  const { clock, board, levels, update } = stage()
  board.apply(update, clock.wall() - 1000, { isStored: true })
  expect(levels.of('ADA/USD')).toBe('shared-cache')
  board.apply({ ...update, at: { epoch: 1, sequence: 2 } }, clock.wall())
  expect(levels.of('ADA/USD')).toBe('live')
})

test('a stored price that is too old is stale', () => {
  const { clock, board, levels, update } = stage()
  board.apply(update, clock.wall() - 9000, { isStored: true })
  expect(levels.of('ADA/USD')).toBe('stale')
})

test('a ticker that knows of a trade we have not seen does not keep the old price live', () => {
  const { clock, board, levels, update } = stage({ hasOwnSocket: true })
  board.apply(update, clock.wall())
  clock.advance(9000)
  board.apply({ ...update, at: { epoch: 1, sequence: 2 } }, clock.wall(), { isBehind: true })
  expect(levels.of('ADA/USD')).toBe('stale')
})

test('what the leader calls stale is stale on a follower', () => {
  const { clock, board, levels, update } = stage()
  board.apply(update, clock.wall())
  clock.advance(500)
  levels.beat({ epoch: 1, instance: 'one', level: 'live', stale: ['ADA/USD'] })
  expect(levels.of('ADA/USD')).toBe('stale')
  clock.advance(500)
  levels.beat({ epoch: 1, instance: 'one', level: 'live', stale: [] })
  // It may have forgotten that anybody wants the pair.
  expect(levels.of('ADA/USD')).toBe('stale')
  board.apply({ ...update, at: { epoch: 1, sequence: 2 } }, clock.wall())
  expect(levels.of('ADA/USD')).toBe('live')
})

test('what the leader does not call stale any more is believed after a while, although nothing was heard of it', () => {
  const { clock, board, levels, update } = stage()
  board.apply(update, clock.wall())
  clock.advance(100)
  levels.beat({ epoch: 1, instance: 'one', level: 'live', stale: ['ADA/USD'] })
  for (let beats = 0; beats < 9; beats += 1) {
    clock.advance(500)
    levels.beat({ epoch: 1, instance: 'one', level: 'live', stale: [] })
  }
  expect(levels.of('ADA/USD')).toBe('live')
})

test('a leader heard again says nothing about a price from before: it may not know yet that anybody wants that pair', () => {
  const { clock, board, levels, update, goLive } = stage()
  board.apply(update, clock.wall())
  clock.advance(5000)
  expect(levels.of('ADA/USD')).toBe('live')
  goLive()
  expect(levels.of('ADA/USD')).toBe('shared-cache')
  board.apply({ ...update, at: { epoch: 2, sequence: 1 } }, clock.wall())
  expect(levels.of('ADA/USD')).toBe('live')
})

test('a pair whose connection is broken while others stream is not live; polled, it says so', () => {
  let isBroken = false
  const { clock, board, levels, update } = stage({ hasOwnSocket: true, isBroken: () => isBroken })
  board.apply(update, clock.wall())
  clock.advance(2000)
  expect(levels.of('ADA/USD')).toBe('live')
  isBroken = true
  expect(levels.of('ADA/USD')).toBe('shared-cache')
  board.apply({ ...update, at: { epoch: 1, sequence: 2 }, cause: 'rest' }, clock.wall())
  expect(levels.of('ADA/USD')).toBe('polling')
  clock.advance(2000)
  expect(levels.of('ADA/USD')).toBe('shared-cache')
  clock.advance(8000)
  expect(levels.of('ADA/USD')).toBe('stale')
})

test('what connections there are is nothing to who only follows', () => {
  const { clock, board, levels, update } = stage({ isBroken: () => true })
  board.apply(update, clock.wall())
  clock.advance(2000)
  expect(levels.of('ADA/USD')).toBe('live')
})
