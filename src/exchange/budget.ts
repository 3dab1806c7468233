import type { Clock } from '../clock.ts'

/** A sliding window: at most `max` in any `windowMs`. Holds `max` numbers and no timer. */
export interface Budget {
  /** Takes one if there is one left. */
  take(): boolean
  /** Milliseconds until one is left, or so many; 0 if they are. */
  waitMs(count?: number): number
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
    waitMs: (count = 1) => {
      forget()
      const over = taken.length + count - max
      return over <= 0 ? 0 : Math.max(1, (taken[over - 1] ?? 0) + windowMs - clock.now())
    },
  }
}
