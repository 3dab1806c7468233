import { type RawData, WebSocket } from 'ws'
import { type Clock, every, type Timer } from '../clock.ts'
import { type Frame, readFrame } from './binance-message.ts'
import { causeOf, type Hosts, refusalMs } from './hosts.ts'
import { readQuickly } from './quick-frame.ts'
import { createSubscriptions, type Subscriptions } from './subscriptions.ts'
import type { Connect, Wire } from './wire.ts'

/** One socket to Binance's combined streams, from its opening to its end. It never reconnects: machines/connection.ts says when. */
export interface Socket {
  readonly subscriptions: Subscriptions
  /** Closes on purpose: nothing is told after this. */
  close(): void
}

export interface SocketEvents {
  opened(host: string): void
  /** Over, by whatever cause, or because of a rule we broke; told once, and nothing after it. */
  closed(cause: string, isViolation?: boolean): void
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
  readonly connect?: Connect | undefined
  readonly streamsMax?: number | undefined
  readonly banned?: ((waitMs: number) => void) | undefined
}

/** Frames beyond this are dropped unread: the longest we read is under 1 KB. */
const frameBytesMax = 256 * 1024
/** Beyond this the socket is closed by ws before it fills the memory. */
const payloadBytesMax = 64 * 1024 * 1024
const lookEveryMs = 250
/** We ping every two seconds, because the server's pings come when they come (seen from 20 s to 3 min); one of the five messages a second. */
const looksPerPing = 8
/** Neither data nor an answer to two pings for so long: dead. Found a quarter of a second later at the latest. */
const deadAfterMs = 4200
/** Before machines/connection.ts gives up on a socket, so that a host that hangs is known to have failed. */
const handshakeTimeoutMs = 8000
/** How long a closing handshake of ours may take. */
const closingMaxMs = 1000
/** A socket that was open for so long without any data speaks against its host. */
const muteAfterMs = 3000
const refusedWaitMs = 60_000
/** RFC 6455. Binance closes so on whoever says too much, subscribes to too much, or does not answer a ping. */
const policyViolation = 1008

export function openSocket(options: SocketOptions, events: SocketEvents): Socket {
  const { clock, hosts, note, connect = connectOverWs, banned = () => {} } = options
  const host = hosts.current()
  if (host === undefined) return noSocket(clock, () => events.refused('no host serves us where we are', hosts.waitMs()))
  let socket: Wire
  try {
    socket = connect(`${host}/stream`)
  } catch (error) {
    hosts.failed(host)
    return noSocket(clock, () => events.closed(causeOf(error, host)))
  }
  const subscriptions = createSubscriptions({ clock, note, max: options.streamsMax, send: text => socket.send(text) })
  let over = false
  let openedAt: number | undefined
  let hasData = false
  let heardAt = clock.now()
  let looks = 0
  let stopLooking = (): void => {}

  const stop = (): void => {
    over = true
    stopLooking()
    subscriptions.stop()
    const isMute = openedAt !== undefined && !hasData && subscriptions.asked.size > 0 && clock.now() - openedAt >= muteAfterMs
    if (isMute) hosts.failed(host)
  }
  const end = (tell: () => void): void => {
    if (over) return
    stop()
    socket.terminate()
    tell()
  }
  const isDead = (): boolean => clock.now() - heardAt > deadAfterMs
  const look = (): void => {
    // If we stood still ourselves, what arrived meanwhile has to be read first.
    if (isDead()) return clock.soon(() => isDead() && end(() => events.closed('no sign of life')))
    looks += 1
    if (looks % looksPerPing === 0) socket.ping()
  }
  const heard = (): void => {
    heardAt = clock.now()
  }

  socket.on('open', () => {
    openedAt = heardAt = clock.now()
    stopLooking = every(clock, lookEveryMs, look)
    events.opened(host)
  })
  socket.on('message', (raw, isBinary) => {
    // ws goes on reading what came in one piece with the frame at which we ended.
    if (over) return
    const receivedAt = clock.wall()
    heard()
    const frame = read(raw, isBinary)
    if (frame.kind === 'tick') hasData = true
    if (frame.kind === 'leaving') events.leaving()
    if (frame.kind === 'reply') subscriptions.replied(frame.id, frame.error, frame.result)
    events.frame(frame, receivedAt)
  })
  socket.on('ping', heard)
  socket.on('pong', heard)
  socket.on('unexpected-response', (_request, response) => {
    response.resume()
    const status = response.statusCode ?? 0
    const waitMs = refusalMs(response.headers['retry-after'], refusedWaitMs)
    end(() => {
      if (isBan(status)) banned(waitMs)
      turnedAway(hosts, host, status, waitMs, events)
    })
  })
  socket.on('error', error => {
    // Also told when we end a socket before it was open, which is no fault of the host.
    if (over) return
    if (openedAt === undefined) hosts.failed(host)
    end(() => events.closed(causeOf(error, host)))
  })
  socket.on('close', (code, reason) => {
    const cause = `closed with ${code} ${reason.toString().slice(0, 100)}`.trim()
    end(() => events.closed(cause, code === policyViolation))
  })

  return {
    subscriptions,
    close: () => {
      if (over) return
      stop()
      if (socket.readyState === WebSocket.OPEN) part(clock, socket)
      else socket.terminate()
    },
  }
}

/** Throws on an address that is none. */
const connectOverWs: Connect = url =>
  new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: payloadBytesMax,
    handshakeTimeout: handshakeTimeoutMs,
    // Bytes that are no UTF-8 are garbage, not a reason to lose the socket; it is faster, too.
    skipUTF8Validation: true,
  })

/** Says goodbye, and leaves when that is answered, or unanswered for too long. Terminated at once, the goodbye could be lost. */
function part(clock: Clock, socket: Wire): void {
  const timer = clock.setTimeout(() => socket.terminate(), closingMaxMs)
  socket.on('close', () => clock.clearTimeout(timer))
  socket.close(1000)
}

function read(raw: RawData, isBinary: boolean): Frame {
  if (isBinary) return { kind: 'garbage', why: 'binary' }
  if (!Buffer.isBuffer(raw)) return { kind: 'garbage', why: 'fragments' }
  if (raw.length > frameBytesMax) return { kind: 'garbage', why: 'giant' }
  return readQuickly(raw) ?? readFrame(raw.toString('utf8'))
}

const isBan = (status: number): boolean => status === 418 || status === 429

/** 451 and 403: not from here, try another host. 418 and 429: stay away as long as told. Anything else is a failure like any other. */
function turnedAway(hosts: Hosts, host: string, status: number, waitMs: number, events: SocketEvents): void {
  const cause = `HTTP ${status} from ${host}`
  if (isBan(status)) return events.refused(cause, waitMs)
  if ((status === 451 || status === 403) && !hosts.barred(host))
    return events.refused(`${cause}: it does not serve us where we are`, hosts.waitMs())
  hosts.failed(host)
  events.closed(cause)
}

/** In place of a socket that could not even be tried. */
function noSocket(clock: Clock, tell: () => void): Socket {
  const timer: Timer = clock.setTimeout(tell, 0)
  return {
    subscriptions: createSubscriptions({ clock, send: () => {}, note: () => {} }),
    close: () => clock.clearTimeout(timer),
  }
}
