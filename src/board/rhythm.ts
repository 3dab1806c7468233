import type { Clock, Timer } from '../clock.ts'

/** Those kept back until a time of their own, on one timer for all. */
export interface Rhythm<T> {
  add(one: T): void
  delete(one: T): void
  stop(): void
}

export interface RhythmOptions<T> {
  readonly clock: Clock
  /** Infinity: for nothing any more. */
  readonly dueAt: (one: T) => number
  readonly due: (those: readonly T[]) => void
}

/** Those due within this time are due together. */
const togetherMs = 10

export function createRhythm<T>({ clock, dueAt, due }: RhythmOptions<T>): Rhythm<T> {
  const waiting = new Set<T>()
  let timer: Timer | undefined
  let timerAt = Number.POSITIVE_INFINITY

  const setFor = (at: number): void => {
    if (at >= timerAt || at === Number.POSITIVE_INFINITY) return
    if (timer !== undefined) clock.clearTimeout(timer)
    timerAt = Math.ceil(at / togetherMs) * togetherMs
    timer = clock.setTimeout(ring, Math.max(0, timerAt - clock.now()))
  }

  const ring = (): void => {
    timerAt = Number.POSITIVE_INFINITY
    const now = clock.now()
    const those: T[] = []
    let nextAt = Number.POSITIVE_INFINITY
    for (const one of waiting) {
      const at = dueAt(one)
      if (at > now && at !== Number.POSITIVE_INFINITY) {
        nextAt = Math.min(nextAt, at)
        continue
      }
      waiting.delete(one)
      if (at <= now) those.push(one)
    }
    setFor(nextAt)
    if (those.length > 0) due(those)
  }

  return {
    add: one => {
      waiting.add(one)
      setFor(dueAt(one))
    },
    delete: one => void waiting.delete(one),
    stop: () => {
      waiting.clear()
      if (timer !== undefined) clock.clearTimeout(timer)
    },
  }
}
