import type { Clock } from '../clock.ts'

/** A sliding window: at most `max` in any `windowMs`. Holds `max` numbers and no timer. */
export interface Budget {
  /** Takes one if there is one left. */
  take(): boolean
  /** Milliseconds until one is left, 0 if one is. */
  waitMs(): number
}

export function createBudget(clock: Clock, max: number, windowMs: number): Budget {
  const taken: number[] = []
  const forget = (): void => {
    const since = clock.now() - windowMs
    while (taken[0] !== undefined && taken[0] <= since) taken.shift()
  }
  return {
    take: () => {
      forget()
      if (taken.length >= max) return false
      taken.push(clock.now())
      return true
    },
    waitMs: () => {
      forget()
      return taken.length < max ? 0 : Math.max(1, (taken[0] ?? 0) + windowMs - clock.now())
    },
  }
}
