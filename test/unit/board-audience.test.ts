import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAudience } from '../../src/board/audience.ts'
import { createRhythm } from '../../src/board/rhythm.ts'
import { fakeClock } from '../support/fake-clock.ts'

test('an audience holds nothing of those who left', () => {
  const pairs = ['A/USD', 'B/USD', 'C/USD']
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(4))), steps => {
      const audience = createAudience<number>()
      const present = new Set<number>()
      const pairsOf = (reader: number): string[] => pairs.slice(reader % 3)
      for (const [joins, reader] of steps) {
        if (joins && !present.has(reader)) audience.join(reader, pairsOf(reader))
        if (!joins) audience.leave(reader, pairsOf(reader))
        if (joins) present.add(reader)
        else present.delete(reader)
        for (const pair of pairs) {
          const its = [...present].filter(one => pairsOf(one).includes(pair))
          expect([...audience.of(pair)].sort()).toEqual(its.sort())
          expect(audience.has(pair)).toBe(its.length > 0)
        }
      }
      for (const reader of present) audience.leave(reader, pairsOf(reader))
      expect(audience.size).toBe(0)
    }),
  )
})

test('those kept back are rung when due, together if they are due together, and never early', () => {
  const clock = fakeClock()
  const dueAt = new Map([
    ['a', 95],
    ['b', 99],
    ['c', 180],
    ['d', 40],
    ['gone', 50],
  ])
  const rung: [number, readonly string[]][] = []
  const rhythm = createRhythm<string>({
    clock,
    dueAt: one => dueAt.get(one) ?? Number.POSITIVE_INFINITY,
    due: those => rung.push([clock.now(), those]),
  })
  for (const one of ['c', 'a', 'b', 'd', 'gone', 'never']) rhythm.add(one)
  rhythm.delete('gone')
  expect(clock.waiting).toBe(1)
  clock.advance(1000)
  expect(rung).toEqual([
    [40, ['d']],
    [100, ['a', 'b']],
    [180, ['c']],
  ])
  expect(clock.waiting).toBe(0)
  rhythm.add('a')
  rhythm.stop()
  expect(clock.waiting).toBe(0)
})
