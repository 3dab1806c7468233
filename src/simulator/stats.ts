/** Ways to break the protocol's rules, as the exchange counts them. */
export type Violation =
  | 'too-many-requests'
  | 'too-many-streams'
  | 'too-many-attempts'
  | 'malformed'
  | 'frame-too-long'
  | 'pong-timeout'
  | 'wrong-pong'
  | 'slow-reader'
  | 'over-weight'

export interface ExchangeStats {
  readonly connections: { readonly now: number; readonly ever: number; readonly attempts: number }
  /** Streams of each open connection, oldest connection first. */
  readonly streams: readonly number[]
  /** Control messages received by method, `invalid` for those that were refused. */
  readonly control: Readonly<Record<string, number>>
  readonly violations: Readonly<Partial<Record<Violation, number>>>
  readonly pings: { readonly sent: number; readonly received: number }
  readonly pongs: { readonly received: number }
  /** Data frames written to sockets, control replies not counted. */
  readonly framesSent: number
  /** REST requests by path. */
  readonly rest: Readonly<Record<string, number>>
  /** In this clock minute, of the address that used most. */
  readonly weightUsed: number
}

/** Counters as they grow. */
export interface Tally {
  ever: number
  attempts: number
  pingsSent: number
  pingsReceived: number
  pongsReceived: number
  framesSent: number
  readonly control: Record<string, number>
  readonly violations: Partial<Record<Violation, number>>
  readonly rest: Record<string, number>
}

export function newTally(): Tally {
  return { ever: 0, attempts: 0, pingsSent: 0, pingsReceived: 0, pongsReceived: 0, framesSent: 0, control: {}, violations: {}, rest: {} }
}

export function count<Key extends string>(counters: Partial<Record<Key, number>>, key: Key): void {
  counters[key] = (counters[key] ?? 0) + 1
}

export function statsOf(tally: Tally, streams: readonly number[], weightUsed: number): ExchangeStats {
  return {
    connections: { now: streams.length, ever: tally.ever, attempts: tally.attempts },
    streams,
    control: { ...tally.control },
    violations: { ...tally.violations },
    pings: { sent: tally.pingsSent, received: tally.pingsReceived },
    pongs: { received: tally.pongsReceived },
    framesSent: tally.framesSent,
    rest: { ...tally.rest },
    weightUsed,
  }
}
