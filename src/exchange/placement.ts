/**
 * Which symbol is streamed over which connection, when one may not carry all. A symbol stays where it is while others come and go; a new one
 * takes the first free place, so that what is left of many gathers on few.
 */
export interface Placement {
  /** Places exactly these; the shards that carry some, numbered from 1, and how many symbols found no place. */
  place(symbols: ReadonlySet<string>): { readonly shards: ReadonlyMap<number, ReadonlySet<string>>; readonly left: number }
  shardOf(symbol: string): number | undefined
}

export interface PlacementOptions {
  /** Symbols on one shard, at least 1. */
  readonly room: number
  readonly shardsMax: number
}

export function createPlacement({ room, shardsMax }: PlacementOptions): Placement {
  const places = new Map<string, number>()

  return {
    shardOf: symbol => places.get(symbol),
    place: symbols => {
      const shards = new Map<number, Set<string>>()
      const put = (symbol: string, shard: number): void => {
        const others = shards.get(shard)
        if (others === undefined) shards.set(shard, new Set([symbol]))
        else others.add(symbol)
      }
      for (const [symbol, shard] of places) {
        if (symbols.has(symbol)) put(symbol, shard)
        else places.delete(symbol)
      }
      let shard = 1
      let left = 0
      for (const symbol of symbols) {
        if (places.has(symbol)) continue
        while (shard <= shardsMax && (shards.get(shard)?.size ?? 0) >= room) shard += 1
        if (shard > shardsMax) {
          left += 1
          continue
        }
        places.set(symbol, shard)
        put(symbol, shard)
      }
      return { shards, left }
    },
  }
}
