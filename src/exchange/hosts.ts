import type { Clock } from '../clock.ts'

/**
 * The hosts of an exchange, tried in order. A host that failed goes to the end of the line; one that will not serve us where we are
 * (451, 403: asking again is how one gets banned) is left out for a while.
 */
export interface Hosts {
  /** The host to try now, or undefined when none will have us. */
  current(): string | undefined
  failed(host: string): void
  /** The host answered 451 or 403. Returns whether another host is left. */
  barred(host: string): boolean
  /** Milliseconds until a host may be tried, 0 if one may now. */
  waitMs(): number
}

/** Long enough not to be a loop, short enough that a mistaken answer does not cost the day. */
const barMs = 600_000

/** Bans last from two minutes to three days (rest-api.md, limits). More could not be timed either: a timer holds 24 days. */
const refusalMaxMs = 3 * 86_400_000

export function createHosts(clock: Clock, urls: readonly string[]): Hosts {
  let line = [...new Set(urls)]
  const barredUntil = new Map<string, number>()
  const waitOf = (host: string): number => Math.max(0, (barredUntil.get(host) ?? 0) - clock.now())
  const current = (): string | undefined => line.find(host => waitOf(host) === 0)
  return {
    current,
    failed: host => {
      if (line.includes(host)) line = [...line.filter(other => other !== host), host]
    },
    barred: host => {
      barredUntil.set(host, clock.now() + barMs)
      return current() !== undefined
    },
    waitMs: () => Math.min(refusalMaxMs, ...line.map(waitOf)),
  }
}

/** How long to stay away after a 429 or 418. `retryAfter` is the header, in seconds; without a sensible one `otherwiseMs` count. */
export function refusalMs(retryAfter: string | null | undefined, otherwiseMs: number): number {
  const seconds = Number(retryAfter)
  return seconds > 0 ? Math.min(seconds * 1000, refusalMaxMs) : otherwiseMs
}

/** What went wrong with a connection, as one sentence. fetch hides it one or two causes down. */
export function causeOf(error: unknown, host: string): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name of ${host} does not resolve`
  if (code === 'ECONNREFUSED') return `${host} refuses the connection`
  return `${host}: ${(inner instanceof Error ? inner.message : String(inner)) || code || 'failed'}`
}
