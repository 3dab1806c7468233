import type { ConnectionEvent, Link } from '../../machines/connection.ts'
import { type Clock, every } from '../clock.ts'
import { openSocket, type Socket } from './binance.ts'
import type { Frame } from './binance-message.ts'
import type { StreamKind, Tick } from './exchange.ts'
import { createFreshness } from './freshness.ts'
import { createHosts, type Hosts } from './hosts.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Connect } from './wire.ts'

/**
 * The exchange's prices as they happen, as far as one connection carries them: which symbols are wanted, over which socket they come, and
 * whether they do.
 * Ticks go straight to `tick`; machines/connection.ts is told edges only.
 */
export interface Feed {
  /** Stream exactly these symbols, on the open socket or on the next one. */
  want(symbols: ReadonlySet<string>): void
  /** Opens one socket and reports on it until the returned function is called. */
  open(link: Link, tell: (event: ConnectionEvent) => void): () => void
  /** Of every wanted symbol something was heard on the open socket, and nothing asked for there is unanswered. */
  isCovered(): boolean
  /** A socket is open, and is not silent. */
  isStreaming(): boolean
  counts(): FeedCounts
  stop(): void
}

export interface FeedCounts {
  readonly sockets: number
  /** Connections tried, those that opened, those refused with a status. */
  readonly attempts: number
  readonly opened: number
  readonly refused: number
  readonly host: string | undefined
  readonly streams: number
  readonly confirmed: number
  /** Streams that fell silent while their socket lives, and were asked for again; at most {@link silentMax} of them. */
  readonly silent: readonly string[]
  readonly ticks: number
  /** Frames that were no JSON, binary, giant; frames of something we do not read. */
  readonly garbage: number
  readonly foreign: number
}

export interface FeedOptions {
  readonly clock: Clock
  readonly urls: readonly string[]
  /** Shared by several feeds, in place of one's own made of `urls`. */
  readonly hosts?: Hosts
  readonly streams: readonly StreamKind[]
  readonly tick: (tick: Tick, receivedAt: number) => void
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
  /** In place of a real socket. */
  readonly connect?: Connect | undefined
  /** The exchange will have nobody of our address for so long. */
  readonly banned?: (waitMs: number) => void
  /** On one socket. */
  readonly streamsMax?: number | undefined
}

/**
 * Silence of all streams together that is not natural. Tickers come every second, so where one was heard 2.5 s are many; where one was asked
 * for and none was heard, the socket may be mute. Without tickers it is three times the longest silence of late, as far as that is known:
 * trades of a liquid pair were seen silent for 3.8 s.
 */
const quietAfterMs = { pulsed: 2500, mute: 5000, least: 3000, most: 15_000 }
const lookEveryMs = 250
/** A look that comes so late means that we stood still ourselves. */
const lateMs = 1000
export const silentMax = 20
/** A socket that brought something within this time lives. */
const livingMs = 2000
/** A successor that brings nothing for so long, while so many messages come over the socket it is to replace, will bring nothing. */
const muteSuccessor = { afterMs: 5000, missed: 10 }

interface OpenLink {
  readonly socket: Socket
  readonly tell: (event: ConnectionEvent) => void
  isReady: boolean
  /** Of a successor: when it opened, and what came over the socket before it since, while nothing came over this one. */
  openedAt: number
  missed: number
}

export function createFeed(options: FeedOptions): Feed {
  const { clock, urls, streams, tick, note, connect, streamsMax, banned, hosts = createHosts(clock, urls) } = options
  /** In the order of opening: the second, if there is one, is the successor of the first. */
  const open = new Map<Link, OpenLink>()
  const counts = { host: undefined as string | undefined, attempts: 0, opened: 0, refused: 0, ticks: 0, garbage: 0, foreign: 0 }
  const freshness = createFreshness({ clock, isPulse })
  /** Of all streams together. */
  const whole = createFreshness({ clock, isPulse: () => false })
  let lookedAt = clock.now()
  let wanted: ReadonlySet<string> = new Set()
  let dataAt = clock.now()
  let isQuiet = false

  const take = (link: Link, frame: Frame, receivedAt: number): void => {
    if (frame.kind === 'garbage') counts.garbage += 1
    else if (frame.kind === 'foreign') counts.foreign += 1
    if (frame.kind !== 'tick') return
    const entry = open.get(link)
    if (entry?.socket.subscriptions.asked.has(frame.stream) !== true) {
      counts.foreign += 1
      return
    }
    dataAt = clock.now()
    whole.heard(all)
    counts.ticks += 1
    if (entry.socket.subscriptions.heard(frame.stream)) lookCovered(entry)
    if (open.keys().next().value === link) {
      hearStream(frame.stream)
      countMissed()
    }
    if (isQuiet) speak(entry.tell)
    tick(frame.tick, receivedAt)
  }

  const forgive = (): void => {
    freshness.forgive()
    whole.forgive()
  }

  const hearStream = (stream: string): void => {
    if (isQuiet) forgive()
    const wasSilent = freshness.silent.has(stream)
    freshness.heard(stream)
    if (wasSilent) note('a silent stream speaks again', { stream })
  }

  /** One stream may be silent where the others are not. It is asked for again, and if that does not help, it is told. */
  const lookFresh = (): void => {
    const [first] = open.values()
    if (first?.isReady !== true || isQuiet) return forgive()
    // Where nothing speaks at all it is not a stream that is silent.
    if (clock.now() - dataAt >= livingMs) return
    const { subscriptions } = first.socket
    const found = freshness.look(subscriptions.asked)
    if (found.length === 0) return
    const longestMs = Math.round(Math.max(...found.map(({ forMs }) => forMs)))
    const line = found.some(({ times }) => times > 0) ? 'streams stay silent' : 'streams have fallen silent and are asked for again'
    note(line, { streams: found.length, first: found[0]?.stream, forMs: longestMs })
    if (found.some(({ times }) => times > 0)) subscriptions.compare()
    subscriptions.renew(found.map(({ stream }) => stream))
  }

  const speak = (tell: (event: ConnectionEvent) => void): void => {
    isQuiet = false
    tell({ type: 'feed.heard' })
  }

  const countMissed = (): void => {
    if (open.size < 2) return
    const [, second] = open.values()
    if (second?.isReady === true) second.missed += 1
  }

  /** It would be promoted after a while, in the place of a socket that lives. */
  const lookMute = (): void => {
    const [, link] = open.keys()
    const [, second] = open.values()
    if (link === undefined || second?.isReady !== true || second.socket.subscriptions.confirmed.size > 0) return
    if (second.missed < muteSuccessor.missed || clock.now() - second.openedAt < muteSuccessor.afterMs) return
    second.tell({ type: 'socket.closed', link, cause: 'it says nothing, and the one before it does' })
  }

  /** Has the successor delivered all that the socket before it did? */
  const lookCovered = (heard: OpenLink): void => {
    const [first, second] = open.values()
    if (first === undefined || heard !== second) return
    for (const name of first.socket.subscriptions.confirmed) if (!second.socket.subscriptions.confirmed.has(name)) return
    second.tell({ type: 'feed.covered' })
  }

  const patienceMs = ({ asked, confirmed }: Subscriptions): number => {
    for (const name of confirmed) if (isPulse(name)) return quietAfterMs.pulsed
    for (const name of asked) if (isPulse(name)) return quietAfterMs.mute
    return Math.min(quietAfterMs.most, Math.max(quietAfterMs.least, whole.patienceMs(all)))
  }

  const isSilent = (): boolean => {
    const [first] = open.values()
    if (first?.isReady !== true || isQuiet || wanted.size === 0) return false
    return clock.now() - dataAt >= patienceMs(first.socket.subscriptions)
  }

  /** If we stood still ourselves, what arrived meanwhile has to be read first. */
  const lookQuiet = (): void => {
    if (!isSilent()) return
    clock.soon(() => {
      const [first] = open.values()
      if (first === undefined || !isSilent()) return
      isQuiet = true
      first.tell({ type: 'feed.quiet' })
    })
  }

  const openLink = (link: Link, tell: (event: ConnectionEvent) => void): (() => void) => {
    counts.attempts += 1
    let isOpen = true
    const ifOpen = (then: () => void): void => {
      if (isOpen) then()
    }
    const socket = openSocket(
      { clock, hosts, note, connect, streamsMax, banned },
      {
        opened: host =>
          ifOpen(() => {
            counts.host = host
            counts.opened += 1
            // A successor that opens does not make the silence shorter.
            if (open.size === 1) {
              dataAt = clock.now()
              forgive()
            }
            isQuiet = false
            entry.isReady = true
            entry.openedAt = clock.now()
            tell({ type: 'socket.opened', link })
            socket.subscriptions.want(namesOf(wanted, streams))
          }),
        closed: (cause, isViolation) => ifOpen(() => tell({ type: 'socket.closed', link, cause, ...(isViolation ? { isViolation } : {}) })),
        refused: (cause, waitMs) =>
          ifOpen(() => {
            counts.refused += 1
            tell({ type: 'socket.refused', link, cause, waitMs })
          }),
        leaving: () => ifOpen(() => tell({ type: 'socket.leaving', link })),
        frame: (frame, receivedAt) => ifOpen(() => take(link, frame, receivedAt)),
      },
    )
    const entry: OpenLink = { socket, tell, isReady: false, openedAt: 0, missed: 0 }
    open.set(link, entry)
    return () => {
      isOpen = false
      open.delete(link)
      // While two are open nobody acts on silence; it has to be told again to who acts on the one that is left.
      isQuiet = false
      socket.close()
    }
  }

  const stopLooking = every(clock, lookEveryMs, () => {
    lookQuiet()
    clock.soon(lookMute)
    const isLate = clock.now() - lookedAt > lateMs
    lookedAt = clock.now()
    // What came meanwhile is read first.
    if (isLate) forgive()
    else clock.soon(lookFresh)
  })
  return {
    open: openLink,
    stop: stopLooking,
    want: symbols => {
      // While nothing was wanted there was nothing to hear.
      if (wanted.size === 0) dataAt = clock.now()
      wanted = symbols
      const names = namesOf(wanted, streams)
      freshness.keep(names)
      for (const { socket, isReady } of open.values()) if (isReady) socket.subscriptions.want(names)
    },
    isStreaming: () => {
      const [first] = open.values()
      return first?.isReady === true && !isQuiet
    },
    isCovered: () => {
      const [first] = open.values()
      if (first?.isReady !== true || !first.socket.subscriptions.isSettled) return false
      const { confirmed } = first.socket.subscriptions
      return [...wanted].every(symbol => streams.some(kind => confirmed.has(nameOf(symbol, kind))))
    },
    counts: () => {
      const each = [...open.values()].map(entry => entry.socket.subscriptions)
      const most = (of: (one: Subscriptions) => number): number => Math.max(0, ...each.map(of))
      const silent = [...freshness.silent].slice(0, silentMax)
      return { ...counts, silent, sockets: open.size, streams: most(one => one.asked.size), confirmed: most(one => one.confirmed.size) }
    },
  }
}

const isPulse = (name: string): boolean => name.endsWith('icker') && !name.endsWith('bookTicker')

/** In the place of one stream: all of them. */
const all = 'all'

/** Stream names are lower-case; upper-case ones are acknowledged and deliver nothing (seen in the field). */
const nameOf = (symbol: string, kind: StreamKind): string => `${symbol.toLowerCase()}@${kind}`

function namesOf(symbols: ReadonlySet<string>, streams: readonly StreamKind[]): ReadonlySet<string> {
  const names = new Set<string>()
  for (const symbol of symbols) for (const kind of streams) names.add(nameOf(symbol, kind))
  return names
}
