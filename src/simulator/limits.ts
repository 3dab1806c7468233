/** Every number of the protocol, so that a test can scale it. Defaults are the documented or observed ones of July 2026. */
export interface ExchangeLimits {
  /** PING, PONG and JSON frames a client may send in any second; one more closes with 1008 "Too many requests". */
  readonly messagesPerSecond: number
  /** Streams on one connection; one more is error 4, then 1008 "Invalid request". */
  readonly streamsMax: number
  /** A larger control frame stalls its connection's control messages for `slowAckMs` or until the next server ping. */
  readonly frameBytesMax: number
  readonly slowAckMs: number
  /** Connection attempts per address within `attemptsWindowMs`; one more is answered 429. */
  readonly attemptsMax: number
  readonly attemptsWindowMs: number
  readonly pingEveryMs: number
  /** A ping whose exact payload has not come back by then closes with 1008 "Pong timeout". */
  readonly pongWithinMs: number
  /** Age at which a connection is closed with 1001. */
  readonly lifeMs: number
  /** REST weight per address and clock minute; above it 429. */
  readonly weightPerMinute: number
  /** So many ignored 429s are answered with 418 and a ban of `banMs`. */
  readonly banAfter: number
  readonly banMs: number
  /** After one malformed control message nothing else on that connection is answered (observed 2026-09-11). */
  readonly deafAfterMalformed: boolean
  /** A reader this far behind is cut off; the real figure is not known. */
  readonly backlogBytesMax: number
}

export const DEFAULT_LIMITS: ExchangeLimits = {
  messagesPerSecond: 5,
  streamsMax: 1024,
  frameBytesMax: 4096,
  slowAckMs: 10_000,
  attemptsMax: 300,
  attemptsWindowMs: 300_000,
  pingEveryMs: 20_000,
  pongWithinMs: 60_000,
  lifeMs: 86_400_000,
  weightPerMinute: 6000,
  banAfter: 10,
  banMs: 120_000,
  deafAfterMalformed: true,
  backlogBytesMax: 32 * 1024 * 1024,
}
