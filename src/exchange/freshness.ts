import type { Clock } from '../clock.ts'

/**
 * Finds single streams that have fallen silent inside a socket that lives. How long is too long, each stream has taught itself: three times
 * the longest silence it lately had, and never over half a minute where something comes every second. A pair that hardly trades is not dead.
 */
export interface Freshness {
  /** A message of this stream came. */
  heard(stream: string): void
  /** Of these streams, those that have been silent for too long now. One that stays so is told again, ever more rarely. */
  look(streams: Iterable<string>): readonly Silence[]
  /** How long this stream may be silent, as far as it has taught us; Infinity: not yet. */
  patienceMs(stream: string): number
  /** What passed until now says nothing: no socket was open, or we stood still ourselves. */
  forgive(): void
  /** Forgets all others. */
  keep(streams: ReadonlySet<string>): void
  /** Those that have been told of, and were not heard since. */
  readonly silent: ReadonlySet<string>
}

export interface Silence {
  readonly stream: string
  readonly forMs: number
  /** How often it has been told of before, in this silence. */
  readonly times: number
}

export interface FreshnessOptions {
  readonly clock: Clock
  /** Streams that come every second: they need not teach us first. */
  readonly isPulse: (stream: string) => boolean
}

interface Rhythm {
  /** Or since when it has been asked for. */
  heardAt: number
  isHeard: boolean
  /** The longest silence of late: what was longer counts at once, what was shorter slowly. */
  usualMs: number
  meanMs: number
  /** How many silences it has had, up to {@link gapsMin}. */
  gaps: number
  times: number
  dueAt: number
}

const gapsMin = 50
const factor = 3
const leastMs = 3000
const pulseMs = 1000
/** A pulse that was never heard may be of a pair just listed. */
const firstPulseMs = 10_000
const often = { meanMs: 1100, mostMs: 30_000 }
/** Remembers some hundreds of silences: of trades that come by chance one in a million is three times the longest of so many. */
const fade = 0.997
const meanShare = 0.02
const againMaxMs = 600_000

export function createFreshness({ clock, isPulse }: FreshnessOptions): Freshness {
  const rhythms = new Map<string, Rhythm>()
  const silent = new Set<string>()

  const begin = (stream: string, heardAt: number): Rhythm => {
    const taught = isPulse(stream) ? { usualMs: pulseMs, meanMs: pulseMs, gaps: gapsMin } : { usualMs: 0, meanMs: 0, gaps: 0 }
    const rhythm = { ...taught, heardAt, isHeard: false, times: 0, dueAt: 0 }
    rhythms.set(stream, rhythm)
    return rhythm
  }

  const thresholdMs = ({ usualMs, meanMs, gaps, isHeard }: Rhythm): number => {
    if (gaps < gapsMin) return Number.POSITIVE_INFINITY
    if (!isHeard) return firstPulseMs
    const ownMs = Math.max(leastMs, factor * usualMs)
    return meanMs <= often.meanMs ? Math.min(often.mostMs, ownMs) : ownMs
  }

  /** A silence that we told of and that was none teaches, too, but not all at once: it may have been a fault. */
  const learn = (rhythm: Rhythm, gapMs: number): void => {
    const countedMs = rhythm.times > 0 ? Math.min(gapMs, 2 * rhythm.usualMs) : gapMs
    rhythm.usualMs = Math.max(countedMs, rhythm.usualMs * fade)
    rhythm.meanMs = rhythm.gaps === 0 ? countedMs : rhythm.meanMs + (countedMs - rhythm.meanMs) * meanShare
    if (rhythm.gaps < gapsMin) rhythm.gaps += 1
  }

  return {
    silent,
    heard: stream => {
      const now = clock.now()
      const rhythm = rhythms.get(stream) ?? begin(stream, now)
      if (rhythm.isHeard) learn(rhythm, now - rhythm.heardAt)
      rhythm.isHeard = true
      rhythm.heardAt = now
      if (rhythm.times === 0) return
      rhythm.times = 0
      silent.delete(stream)
    },
    look: streams => {
      const now = clock.now()
      const found: Silence[] = []
      for (const stream of streams) {
        const rhythm = rhythms.get(stream) ?? begin(stream, now)
        const { heardAt, times, dueAt } = rhythm
        const afterMs = thresholdMs(rhythm)
        if (times === 0 ? now - heardAt < afterMs : now < dueAt) continue
        found.push({ stream, forMs: now - heardAt, times })
        silent.add(stream)
        rhythm.times += 1
        rhythm.dueAt = now + Math.min(againMaxMs, afterMs * 2 ** Math.min(times, 20))
      }
      return found
    },
    patienceMs: stream => {
      const rhythm = rhythms.get(stream)
      return rhythm === undefined ? Number.POSITIVE_INFINITY : thresholdMs(rhythm)
    },
    forgive: () => {
      const now = clock.now()
      for (const rhythm of rhythms.values()) rhythm.heardAt = now
    },
    keep: streams => {
      for (const stream of rhythms.keys()) {
        if (streams.has(stream)) continue
        rhythms.delete(stream)
        silent.delete(stream)
      }
    },
  }
}
