import { expect, test } from 'vitest'
import { createPace } from '../../src/board/pace.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** A price every millisecond for `ms`, each write taking `writingMs`: when writing began. */
function writtenAt(writingMs: number, windowMs: number, ms: number): readonly number[] {
  const clock = fakeClock()
  const begun: number[] = []
  let spent = 0
  const pace = createPace({ ...clock, now: () => clock.now() + spent }, windowMs, now => {
    begun.push(now)
    spent += writingMs
  })
  for (let at = 0; at < ms; at += 1) {
    for (const _price of [1, 2]) pace.count()
    pace.soon()
    clock.advance(1)
  }
  return begun
}

const between = (times: readonly number[]): readonly number[] => times.slice(1).map((time, at) => time - (times[at] ?? 0))

test('while much comes, writing takes half of the time', () => {
  expect(new Set(between(writtenAt(3, 10, 50)))).toEqual(new Set([6]))
  expect(new Set(between(writtenAt(8, 10, 50)))).toEqual(new Set([16]))
})

test('nothing waits longer for others than the window', () => {
  expect(new Set(between(writtenAt(40, 10, 100)))).toEqual(new Set([50]))
})

test('while little comes, it is written at once', () => {
  const clock = fakeClock()
  let written = 0
  const pace = createPace(clock, 10, () => {
    written += 1
  })
  for (let count = 1; count <= 3; count += 1) {
    pace.count()
    pace.soon()
    clock.advance(1)
    expect(written).toBe(count)
  }
})
