import type { Clock, Timer } from '../clock.ts'

export interface OwnClock extends Clock {
  /** Cancels everything still waiting; later timers are never set. */
  stop(): void
}

/** The given clock, remembering what was set on it, so that closing the exchange leaves no timer behind. */
export function ownTimers(clock: Clock): OwnClock {
  const waiting = new Set<Timer>()
  let stopped = false
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    random: () => clock.random(),
    soon: then => clock.soon(() => stopped || then()),
    setTimeout(then, ms) {
      if (stopped) return undefined
      const timer = clock.setTimeout(() => {
        waiting.delete(timer)
        then()
      }, ms)
      waiting.add(timer)
      return timer
    },
    clearTimeout(timer) {
      if (waiting.delete(timer)) clock.clearTimeout(timer)
    },
    stop() {
      stopped = true
      for (const timer of waiting) clock.clearTimeout(timer)
      waiting.clear()
    },
  }
}
