import type { GoneRecord, Moment } from '../../../inspect/record.ts'

/** One actor's history. A path that is used again after its actor went (an invoke entered twice) goes on in the same track. */
export interface Track {
  readonly path: string
  machine: string | undefined
  src: string | undefined
  parent: string | undefined
  /** By serial, ascending. */
  moments: { readonly n: number; readonly moment: Moment }[]
  lives: Life[]
}

export interface Life {
  readonly from: number
  to?: number
  status?: GoneRecord['status']
  error?: string
}

/** Index of the last item whose serial is at most `n`; -1: none. */
export function lastAtMost<T>(items: readonly T[], n: number, serialOf: (item: T) => number): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    const item = items[middle]
    if (item !== undefined && serialOf(item) <= n) low = middle + 1
    else high = middle
  }
  return low - 1
}

export const momentAt = (track: Track, n: number): Moment | undefined => track.moments[lastAtMost(track.moments, n, one => one.n)]?.moment

/** The life the actor has or had last at this serial. */
export const lifeAt = (track: Track, n: number): Life | undefined => track.lives[lastAtMost(track.lives, n, one => one.from)]

export const livesAt = (track: Track, n: number): boolean => {
  const life = lifeAt(track, n)
  return life !== undefined && (life.to === undefined || life.to > n)
}

/** Forgets what is older than `first`, except the moment that was valid before. */
export function trim(track: Track, first: number): void {
  const base = lastAtMost(track.moments, first - 1, one => one.n)
  if (base > 0) track.moments = track.moments.slice(base)
  if (track.lives.length > 1) track.lives = track.lives.filter(({ to }) => to === undefined || to >= first)
}
