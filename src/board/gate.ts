import type { Clock } from '../clock.ts'

/** Why a reader is told to come back later instead of being let in. Nobody is ever sent away to make room: that would only bring him back. */
export type Refusal = 'full' | 'rush' | 'no-room'

/** Lets readers in: so many at once, and so many a second, that those already here keep their prices in a storm. */
export interface Gate {
  /** `readers`: streams open now. Counts whoever is turned away. */
  admit(readers: number): boolean
  /** There was a seat, but no room for any of the reader's pairs. */
  hadNoRoom(): void
  counts(): Readonly<Record<Refusal, number>>
}

export interface GateOptions {
  readonly clock: Clock
  readonly readersMax: number
  /** 0: without limit. Twice as many may come in the first second after a calm one. */
  readonly joinsPerSecond: number
}

export function createGate({ clock, readersMax, joinsPerSecond }: GateOptions): Gate {
  const counts = { full: 0, rush: 0, 'no-room': 0 }
  const leaveMax = 2 * joinsPerSecond
  /** How many may come now. */
  let leave = leaveMax
  let countedAt = clock.now()

  const takesLeave = (): boolean => {
    if (joinsPerSecond === 0) return true
    const now = clock.now()
    leave = Math.min(leaveMax, leave + ((now - countedAt) / 1000) * joinsPerSecond)
    countedAt = now
    if (leave < 1) return false
    leave -= 1
    return true
  }

  return {
    admit: readers => {
      const refusal = readers >= readersMax ? 'full' : takesLeave() ? undefined : 'rush'
      if (refusal !== undefined) counts[refusal] += 1
      return refusal === undefined
    },
    hadNoRoom: () => {
      counts['no-room'] += 1
    },
    counts: () => counts,
  }
}
