import type { Clock } from '../clock.ts'

/**
 * When a connection may be tried: those side by side open one a second. One that is alone, or tries again before another wants to, waits as
 * long as machines/connection.ts says and no longer.
 */
export interface Attempts {
  /** Takes the next turn for this connection; milliseconds until it comes. */
  turn(shard: number): number
}

export const apartMs = 1000

export function createAttempts(clock: Clock): Attempts {
  let last = { shard: 0, at: Number.NEGATIVE_INFINITY }

  return {
    turn: shard => {
      const now = clock.now()
      const at = Math.max(now, shard === last.shard ? last.at : last.at + apartMs)
      last = { shard, at }
      return at - now
    },
  }
}
