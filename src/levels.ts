import type { Board } from './board/board.ts'
import type { Clock } from './clock.ts'
import { type Heartbeat, heartbeatMissedAfterMs } from './heartbeat.ts'
import { isCached, type Level, type Pair } from './price.ts'

/** Judges how good the price of each pair is: never better than the level of the instance, and worse when the pair itself is silent. */
export interface Levels {
  of(pair: Pair): Level
  /** The leader said something. */
  beat(heartbeat: Heartbeat): void
  /** What the leader says its prices are, while it is heard. */
  leaders(): Level | undefined
}

export interface LevelsOptions {
  readonly clock: Clock
  readonly board: Board
  readonly staleAfterMs: number
  readonly instanceLevel: () => Level
  /** Monotonic clock: since when that is what it is. */
  readonly levelSince: () => number
  readonly hasOwnSocket: () => boolean
  /** Monotonic clock: what was heard of a pair before, the connection it comes over does not vouch for; see exchange/shards.ts. */
  readonly streamedSince: (pair: Pair) => number
  /** The exchange does not trade this pair any more. */
  readonly isUnserved: (pair: Pair) => boolean
}

/** A leader that no longer calls a pair stale, and tells no price of it either, may have lost sight of it: it hears what we want within three seconds. */
const unsaidMs = 4000

export function createLevels(options: LevelsOptions): Levels {
  const { clock, board, staleAfterMs, instanceLevel, levelSince, hasOwnSocket, streamedSince, isUnserved } = options
  let last: Heartbeat | undefined
  let lastAt = Number.NEGATIVE_INFINITY
  /** Pairs the leader called stale, and when it did last. */
  const stale = new Map<Pair, number>()

  const leaders = (): Level | undefined => (clock.now() - lastAt <= heartbeatMissedAfterMs ? last?.level : undefined)

  const isCalledStale = (pair: Pair, heardAt: number): boolean => {
    const at = stale.get(pair)
    return at !== undefined && (at === lastAt || heardAt < at)
  }

  const vouchedSince = (pair: Pair): number => (hasOwnSocket() ? Math.max(levelSince(), streamedSince(pair)) : levelSince())

  return {
    leaders,
    beat: heartbeat => {
      if (last !== undefined && heartbeat.epoch < last.epoch) return
      last = heartbeat
      lastAt = clock.now()
      for (const pair of heartbeat.stale) stale.set(pair, lastAt)
      for (const [pair, at] of stale) if (at < lastAt - unsaidMs) stale.delete(pair)
    },
    of: pair => {
      const entry = board.get(pair)
      if (entry === undefined || isUnserved(pair)) return 'stale'
      const level = instanceLevel()
      // What was stored, or here before the level was reached, is what it is until the pair is heard of: a leader that is heard again may not
      // know yet that anybody wants it, a socket of our own that speaks of one pair has not spoken of the others, and one that is broken speaks of none.
      const isUnheard = entry.isStored || entry.heardAt < vouchedSince(pair) - heartbeatMissedAfterMs
      if (isCached(level) || isUnheard)
        return clock.wall() - entry.receivedAt > staleAfterMs ? 'stale' : isCached(level) ? level : 'shared-cache'
      const isSilent = hasOwnSocket() ? clock.now() - entry.heardAt > staleAfterMs : isCalledStale(pair, entry.heardAt)
      if (isSilent) return 'stale'
      return entry.update.cause === 'rest' ? 'polling' : level
    },
  }
}
