/**
 * Time and chance, passed in. The only file (with config.ts and main.ts) that may read a clock or draw a random number,
 * so that a whole cluster can run on one virtual clock from one seed.
 */

/** What setTimeout returned; opaque. */
export type Timer = unknown

export interface Clock {
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  now(): number
  /** Milliseconds since 1970 on the wall clock; for people and for other machines, never for measuring. */
  wall(): number
  /** Calls `then` once, `ms` from now. The shape XState expects of a clock. */
  setTimeout(then: () => void, ms: number): Timer
  clearTimeout(timer: Timer): void
  /** Calls `then` after the input that is already waiting has been handled. */
  soon(then: () => void): void
  /** A number in [0, 1). */
  random(): number
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (then, ms) => setTimeout(then, ms),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
  soon: then => void setImmediate(then),
  random: () => Math.random(),
}

/** Calls `beat` every `ms` until the returned function is called. A beat that throws ends the process: it is a programmer's error. */
export function every(clock: Clock, ms: number, beat: () => void): () => void {
  let timer: Timer
  const again = (): void => {
    timer = clock.setTimeout(() => {
      again()
      beat()
    }, ms)
  }
  again()
  return () => clock.clearTimeout(timer)
}

/** Resolves `ms` from now. */
export function after(clock: Clock, ms: number): Promise<void> {
  return new Promise(resolve => void clock.setTimeout(resolve, ms))
}

/** A wait drawn evenly from [0, cap), cap doubling with each attempt: exponential back-off with full jitter. `attempt` counts from 0. */
export function backoffMs(clock: Clock, attempt: number, firstMs: number, maxMs: number): number {
  return clock.random() * Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30))
}
