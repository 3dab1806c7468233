import type { Clock } from '../clock.ts'

/**
 * What the exchange's limit on REST weight leaves in this minute. The limit holds for the whole address, so what its answers say counts,
 * not what we asked for; between two answers our own requests are added. Limits are per minute of UTC (seen in the field).
 */
export interface Weight {
  /** Takes so much if no more than `share` (0 to 1) of the limit is used with it. */
  take(weight: number, share: number): boolean
  /** The request that took `weight` is over; `used`: what the answer says is used in this minute, if it says so. */
  settle(weight: number, used: number | undefined): void
  /** The limit is another one: weight a minute. */
  limitTo(perMinute: number): void
  /** Milliseconds until the next minute. */
  waitMs(): number
}

const minuteMs = 60_000
/** rest-api.md, 2026-07-21; since 2023-08-25. */
const perMinuteDefault = 6000

export function createWeight(clock: Clock): Weight {
  let limit = perMinuteDefault
  let minute = 0
  let used = 0
  let inFlight = 0

  const turn = (): void => {
    const now = Math.floor(clock.wall() / minuteMs)
    if (now === minute) return
    minute = now
    used = 0
  }

  return {
    take: (weight, share) => {
      turn()
      if (used + inFlight + weight > limit * share) return false
      inFlight += weight
      return true
    },
    settle: (weight, said) => {
      turn()
      inFlight -= weight
      // A refused or lost request may have cost its weight all the same.
      used = said ?? used + weight
    },
    limitTo: perMinute => {
      limit = perMinute
    },
    waitMs: () => minuteMs - (clock.wall() % minuteMs),
  }
}
