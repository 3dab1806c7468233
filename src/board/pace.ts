import type { Clock } from '../clock.ts'

/** When what is due is written: at once while little comes; while much comes writing takes half of the time, so that more goes out together. */
export interface Pace {
  /** Something is due. */
  soon(): void
  /** One more price came. */
  count(): void
}

/** `windowMs`: prices that come within this time may leave together. `write` is called with the monotonic time. */
export function createPace(clock: Clock, windowMs: number, write: (now: number) => void): Pace {
  let isScheduled = false
  let changes = 0
  let restUntil = Number.NEGATIVE_INFINITY

  const due = (): void => {
    isScheduled = false
    const now = clock.now()
    const isBusy = changes > 1
    changes = 0
    write(now)
    const end = clock.now()
    restUntil = isBusy ? end + Math.min(end - now, windowMs) : end
  }

  return {
    soon: () => {
      if (isScheduled) return
      isScheduled = true
      const restMs = restUntil - clock.now()
      if (restMs >= 1) clock.setTimeout(due, Math.ceil(restMs))
      else clock.soon(due)
    },
    count: () => {
      changes += 1
    },
  }
}
