import type { Keys } from '../embedded.ts'
import type { Visits } from './bus.ts'

interface Known {
  /** Minute since 1970 → connections tried in it. */
  readonly counts: Readonly<Record<string, number>>
  /** Until when, ms since 1970. */
  readonly sockets: number
  readonly rest: number
}

const minuteMs = 60_000
const windowMinutes = 5

/** What visits.lua does, on the embedded store. */
export function visitEmbedded(keys: Keys, key: string, { attempts, socketsWaitMs, restWaitMs }: Visits): Visits {
  const now = Math.floor(keys.timeMicros() / 1000)
  const minute = Math.floor(now / minuteMs)
  const known = JSON.parse(keys.get(key) ?? '{"counts":{},"sockets":0,"rest":0}') as Known
  const counts: Record<string, number> = {}
  for (const [at, count] of Object.entries(known.counts))
    if (Number(at) >= minute - windowMinutes && Number(at) <= minute) counts[at] = count
  counts[minute] = (counts[minute] ?? 0) + attempts
  const sockets = Math.max(known.sockets, socketsWaitMs > 0 ? now + socketsWaitMs : 0)
  const rest = Math.max(known.rest, restWaitMs > 0 ? now + restWaitMs : 0)
  const ttlMs = Math.max((windowMinutes + 1) * minuteMs, sockets - now, rest - now)
  if (attempts + socketsWaitMs + restWaitMs > 0) keys.set(key, JSON.stringify({ counts, sockets, rest }), ttlMs)
  return {
    attempts: Object.values(counts).reduce((sum, count) => sum + count, 0),
    socketsWaitMs: Math.max(0, sockets - now),
    restWaitMs: Math.max(0, rest - now),
  }
}
