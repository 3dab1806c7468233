import { type RawData, WebSocket } from 'ws'
import { type Clock, every, type Timer } from '../clock.ts'
import { type Frame, readFrame } from './binance-message.ts'
import type { Hosts } from './hosts.ts'
import { createSubscriptions, type Subscriptions } from './subscriptions.ts'

/** One socket to Binance's combined streams, from its opening to its end. It never reconnects: machines/connection.ts says when. */
export interface Socket {
  readonly subscriptions: Subscriptions
  /** Closes on purpose: nothing is told after this. */
  close(): void
}

export interface SocketEvents {
  opened(host: string): void
  /** Over, by whatever cause; told once, and nothing after it. */
  closed(cause: string): void
  /** The exchange will not have us, and says for how long. */
  refused(cause: string, waitMs: number): void
  leaving(): void
  /** A frame, with when it arrived (wall clock, before it was read). */
  frame(frame: Frame, receivedAt: number): void
}

export interface SocketOptions {
  readonly clock: Clock
  readonly hosts: Hosts
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Frames beyond this are dropped unread: the longest we read is under 1 KB. */
const frameBytesMax = 256 * 1024
/** Beyond this the socket is closed by ws before it fills the memory. */
const payloadBytesMax = 64 * 1024 * 1024
/** We ping, because the server's pings come when they come (seen from 20 s to 3 min); one of the five messages a second. */
const pingEveryMs = 2000
/** Neither data nor an answer to our ping for so long: dead. */
const deadAfterMs = 4500
const handshakeTimeoutMs = 10_000
const refusedWaitMs = 60_000

export function openSocket(options: SocketOptions, events: SocketEvents): Socket {
  const { clock, hosts, note } = options
  const host = hosts.current()
  if (host === undefined) return noSocket(options, events)
  const socket = new WebSocket(`${host}/stream`, {
    perMessageDeflate: false,
    maxPayload: payloadBytesMax,
    handshakeTimeout: handshakeTimeoutMs,
  })
  const subscriptions = createSubscriptions({ clock, note, send: text => socket.send(text) })
  let over = false
  let heardAt = clock.now()
  let stopPinging = (): void => {}

  const end = (tell: () => void): void => {
    if (over) return
    over = true
    stopPinging()
    subscriptions.stop()
    socket.terminate()
    tell()
  }
  const pulse = (): void => {
    if (clock.now() - heardAt > deadAfterMs) end(() => events.closed('no sign of life'))
    else socket.ping()
  }

  socket.on('open', () => {
    heardAt = clock.now()
    stopPinging = every(clock, pingEveryMs, pulse)
    events.opened(host)
  })
  socket.on('message', (raw, isBinary) => {
    const receivedAt = clock.wall()
    heardAt = clock.now()
    const frame = read(raw, isBinary)
    if (frame.kind === 'leaving') events.leaving()
    if (frame.kind === 'reply') subscriptions.replied(frame.id, frame.error)
    events.frame(frame, receivedAt)
  })
  socket.on('pong', () => {
    heardAt = clock.now()
  })
  socket.on('unexpected-response', (_request, response) => {
    response.resume()
    end(() => turnedAway(hosts, host, response.statusCode ?? 0, Number(response.headers['retry-after']), events))
  })
  socket.on('error', error => {
    if (socket.readyState !== WebSocket.OPEN) hosts.failed(host)
    end(() => events.closed(causeOf(error, host)))
  })
  socket.on('close', (code, reason) => end(() => events.closed(`closed with ${code} ${reason.toString().slice(0, 100)}`.trim())))

  return {
    subscriptions,
    close: () => {
      if (socket.readyState === WebSocket.OPEN) socket.close(1000)
      end(() => {})
    },
  }
}

function read(raw: RawData, isBinary: boolean): Frame {
  if (isBinary) return { kind: 'garbage', why: 'binary' }
  if (!Buffer.isBuffer(raw)) return { kind: 'garbage', why: 'fragments' }
  if (raw.length > frameBytesMax) return { kind: 'garbage', why: 'giant' }
  return readFrame(raw.toString('utf8'))
}

/** 451 and 403: not from here, try another host. 418 and 429: stay away as long as told. Anything else is a failure like any other. */
function turnedAway(hosts: Hosts, host: string, status: number, retryAfterS: number, events: SocketEvents): void {
  const cause = `HTTP ${status} from ${host}`
  const waitMs = retryAfterS > 0 ? retryAfterS * 1000 : refusedWaitMs
  if (status === 418 || status === 429) return events.refused(cause, waitMs)
  if ((status === 451 || status === 403) && !hosts.barred(host))
    return events.refused(`${cause}: it does not serve us where we are`, waitMs)
  hosts.failed(host)
  events.closed(cause)
}

function noSocket({ clock }: SocketOptions, events: SocketEvents): Socket {
  const timer: Timer = clock.setTimeout(() => events.refused('no host serves us where we are', refusedWaitMs), 0)
  return {
    subscriptions: createSubscriptions({ clock, send: () => {}, note: () => {} }),
    close: () => clock.clearTimeout(timer),
  }
}

function causeOf(error: Error, host: string): string {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name of ${host} does not resolve`
  if (code === 'ECONNREFUSED') return `${host} refuses the connection`
  return `${host}: ${error.message || code}`
}
