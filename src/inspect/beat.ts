/** Time as this room needs it; src/clock.ts fits. */
export interface InspectClock {
  /** Milliseconds on a clock that never jumps. */
  now(): number
  /** Milliseconds since 1970. */
  wall(): number
  readonly setTimeout: (then: () => void, ms: number) => unknown
  clearTimeout(timer: unknown): void
}

/** Calls `beat` every `ms` until the returned function is called. */
export function every(clock: InspectClock, ms: number, beat: () => void): () => void {
  let timer: unknown
  const again = (): void => {
    timer = clock.setTimeout(() => {
      again()
      beat()
    }, ms)
  }
  again()
  return () => clock.clearTimeout(timer)
}
