import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAudience } from '../../src/board/audience.ts'

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
