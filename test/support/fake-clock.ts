import type { Clock } from '../../src/clock.ts'

/** A clock that stands still until it is told to go on, and its chance, seeded. */
export interface FakeClock extends Clock {
  /** Goes on by `ms` and calls each timer at its own deadline, in the order of deadlines, then of setting; those set meanwhile too. */
  advance(ms: number): void
  /** Stands still for `ms` although time passes, as a process that was stopped; what came due is called at the end. */
  freeze(ms: number): void
  /** Timers not yet due. */
  readonly waiting: number
}

interface Waiting {
  readonly at: number
  readonly order: number
  readonly then: () => void
}

const wallAtStart = 1_700_000_000_000

export function fakeClock(seed = 1): FakeClock {
  const timers = new Set<Waiting>()
  let now = 0
  let order = 0
  let state = seed >>> 0

  const next = (end: number): Waiting | undefined => {
    let first: Waiting | undefined
    for (const timer of timers) {
      if (timer.at > end) continue
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer
    }
    return first
  }
  const run = (end: number): void => {
    for (let timer = next(end); timer !== undefined; timer = next(end)) {
      timers.delete(timer)
      now = Math.max(now, timer.at)
      timer.then()
    }
    now = Math.max(now, end)
  }
  const set = (then: () => void, ms: number): Waiting => {
    order += 1
    const timer = { at: now + Math.max(0, ms), order, then }
    timers.add(timer)
    return timer
  }
  return {
    now: () => now,
    wall: () => wallAtStart + now,
    setTimeout: set,
    clearTimeout: timer => void timers.delete(timer as Waiting),
    soon: then => void set(then, 0),
    /** mulberry32 */
    random: () => {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
    advance: ms => run(now + ms),
    freeze: ms => {
      now += ms
      run(now)
    },
    get waiting() {
      return timers.size
    },
  }
}
