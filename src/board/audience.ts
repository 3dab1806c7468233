import type { Pair } from '../price.ts'

/** Who reads which pair. Holds nothing of those who left, nor of pairs nobody reads. */
export interface Audience<Reader> {
  join(reader: Reader, pairs: readonly Pair[]): void
  leave(reader: Reader, pairs: readonly Pair[]): void
  of(pair: Pair): ReadonlySet<Reader>
  has(pair: Pair): boolean
  /** Pairs somebody reads. */
  readonly size: number
}

export function createAudience<Reader>(): Audience<Reader> {
  const byPair = new Map<Pair, Set<Reader>>()
  const nobody: ReadonlySet<Reader> = new Set()
  return {
    join: (reader, pairs) => {
      for (const pair of pairs) {
        const others = byPair.get(pair)
        if (others === undefined) byPair.set(pair, new Set([reader]))
        else others.add(reader)
      }
    },
    leave: (reader, pairs) => {
      for (const pair of pairs) {
        const others = byPair.get(pair)
        others?.delete(reader)
        if (others?.size === 0) byPair.delete(pair)
      }
    },
    of: pair => byPair.get(pair) ?? nobody,
    has: pair => byPair.has(pair),
    get size() {
      return byPair.size
    },
  }
}
