import { expect, test } from 'vitest'
import { createPace } from '../../src/board/pace.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** When each of some flushes begins, counted from when something was due: the writing of the one before takes `writeMs`. */
function waits({ windowMs, writeMs, prices }: { windowMs: number; writeMs: number; prices: number }): number[] {
  const clock = fakeClock()
  const begun: number[] = []
  const pace = createPace(clock, windowMs, now => {
    begun.push(now)
    clock.freeze(writeMs)
  })
  const after: number[] = []
  for (let turn = 0; turn < 4; turn += 1) {
    const dueAt = clock.now()
    for (let count = 0; count < prices; count += 1) {
      pace.count()
      pace.soon()
    }
    while (begun.length <= turn) clock.advance(1)
    after.push((begun[turn] ?? Number.NaN) - dueAt)
    clock.advance(0)
  }
  return after
}

test('in calm whatever comes is written at once', () => {
  expect(waits({ windowMs: 10, writeMs: 4, prices: 1 })).toEqual([0, 0, 0, 0])
})

test('under load writing takes half of the time, so that more goes out together, and nothing waits longer than the window', () => {
  expect(waits({ windowMs: 10, writeMs: 4, prices: 5 })).toEqual([0, 4, 4, 4])
  expect(waits({ windowMs: 10, writeMs: 7, prices: 5 })).toEqual([0, 7, 7, 7])
  expect(waits({ windowMs: 100, writeMs: 30, prices: 5 })).toEqual([0, 30, 30, 30])
  expect(waits({ windowMs: 10, writeMs: 30, prices: 5 })).toEqual([0, 10, 10, 10])
})

test('without a window nothing waits', () => {
  expect(waits({ windowMs: 0, writeMs: 4, prices: 5 })).toEqual([0, 0, 0, 0])
})
