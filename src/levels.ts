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
  /** The exchange does not trade this pair any more. */
  readonly isUnserved: (pair: Pair) => boolean
}

export function createLevels(options: LevelsOptions): Levels {
  const { clock, board, staleAfterMs, instanceLevel, levelSince, hasOwnSocket, isUnserved } = options
  let last: Heartbeat | undefined
  let lastAt = Number.NEGATIVE_INFINITY
  let stale: ReadonlySet<Pair> = new Set()

  const leaders = (): Level | undefined => (clock.now() - lastAt <= heartbeatMissedAfterMs ? last?.level : undefined)

  return {
    leaders,
    beat: heartbeat => {
      if (last !== undefined && heartbeat.epoch < last.epoch) return
      last = heartbeat
      lastAt = clock.now()
      stale = new Set(heartbeat.stale)
    },
    of: pair => {
      const entry = board.get(pair)
      if (entry === undefined || isUnserved(pair)) return 'stale'
      const level = instanceLevel()
      // What was stored, or here before the leader was heard again, is what it is until the pair is heard of: the leader may not know yet
      // that anybody wants it.
      const isUnheard = entry.isStored || (!hasOwnSocket() && entry.heardAt < levelSince() - heartbeatMissedAfterMs)
      if (isCached(level) || isUnheard)
        return clock.wall() - entry.receivedAt > staleAfterMs ? 'stale' : isCached(level) ? level : 'shared-cache'
      const isSilent = hasOwnSocket() ? clock.now() - entry.heardAt > staleAfterMs : stale.has(pair)
      if (isSilent) return 'stale'
      return entry.update.cause === 'rest' ? 'polling' : level
    },
  }
}
