import type { Clock } from '../clock.ts'

/**
 * The hosts of an exchange, tried in order. A host that failed goes to the end of the line; one that will not serve us where we are
 * (451, 403: asking again is how one gets banned) is left out for a day.
 */
export interface Hosts {
  /** The host to try now, or undefined when none will have us. */
  current(): string | undefined
  failed(host: string): void
  /** Returns whether another host is left. */
  barred(host: string): boolean
}

const barMs = 86_400_000

export function createHosts(clock: Clock, urls: readonly string[]): Hosts {
  let line = [...urls]
  const barredUntil = new Map<string, number>()
  const current = (): string | undefined => line.find(host => (barredUntil.get(host) ?? 0) <= clock.now())
  return {
    current,
    failed: host => {
      line = [...line.filter(other => other !== host), host]
    },
    barred: host => {
      barredUntil.set(host, clock.now() + barMs)
      return current() !== undefined
    },
  }
}
