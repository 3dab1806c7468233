import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import type { Clock, Timer } from '../clock.ts'
import { every } from '../clock.ts'
import type { Broadcast, Reader } from './broadcast.ts'
import { type ControlRequest, errorReply, parseControl, resultReply } from './control-messages.ts'
import type { ExchangeLimits } from './limits.ts'
import { OpenPings } from './pings.ts'
import { count, type Tally, type Violation } from './stats.ts'

/** The faults that concern one connection. */
export interface ConnectionFaults {
  readonly blackhole: boolean
  readonly ackLost: boolean
  readonly ackDelayMs: number
}

/** What every connection shares. */
export interface Floor {
  readonly clock: Clock
  readonly limits: ExchangeLimits
  readonly faults: ConnectionFaults
  readonly broadcast: Broadcast
  readonly tally: Tally
  readonly note: (line: string, fields?: object) => void
  /** After a reader subscribed to a stream. */
  readonly wanted: (stream: string) => void
}

const SHUTDOWN_STREAM = '!serverShutdown'

/** One client's WebSocket: what it hears, what it may say and how often. */
export class Connection implements Reader {
  wrapped: boolean
  readonly micro: boolean
  readonly streams = new Set<string>()
  readonly #floor: Floor
  readonly #socket: WebSocket
  readonly #tcp: Socket
  readonly #endings: (() => void)[] = []
  /** Times of the newest incoming frames, on the clock's `now`; never more than the limit and one. */
  readonly #incoming: number[] = []
  /** Control messages behind one that was too long; undefined when nothing is stalled. */
  #stalled: string[] | undefined
  #stallTimer: Timer
  readonly #pings: OpenPings
  #deaf = false
  #mute = false
  #lost = false

  constructor(floor: Floor, socket: WebSocket, tcp: Socket, shape: { readonly wrapped: boolean; readonly micro: boolean }) {
    this.wrapped = shape.wrapped
    this.micro = shape.micro
    this.#floor = floor
    this.#socket = socket
    this.#tcp = tcp
    const { clock, limits } = floor
    this.#pings = new OpenPings(clock, limits.pongWithinMs, () => this.#unanswered())
    socket.on('message', received => this.#receive(textOf(received)))
    socket.on('ping', () => this.#pinged())
    socket.on('pong', payload => this.#ponged(payload.toString()))
    // ws has closed the socket with the fitting code by then.
    socket.on('error', () => {})
    this.#endings.push(every(clock, limits.pingEveryMs, () => this.#ping()))
    const life = clock.setTimeout(() => this.close(1001, ''), limits.lifeMs)
    this.#endings.push(() => clock.clearTimeout(life))
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN && !this.#tcp.destroyed
  }

  /** A data frame. */
  deliver(frame: Buffer): void {
    if (!this.open || this.#mute || this.#swallows) return
    this.#floor.tally.framesSent++
    this.#socket.send(frame, { binary: false })
    if (this.#socket.bufferedAmount <= this.#floor.limits.backlogBytesMax) return
    this.#violated('slow-reader')
    this.kill()
  }

  /** Any frame, outside the rules: for faults and tests. */
  inject(frame: string | Buffer): void {
    if (this.open && !this.#swallows) this.#socket.send(frame)
  }

  /** Also for streams in the address, which are never acknowledged. False when there were too many. */
  subscribe(names: readonly string[], id = 'null'): boolean {
    for (const name of names) {
      if (this.streams.has(name)) continue
      if (this.streams.size >= this.#floor.limits.streamsMax) {
        this.#reply(errorReply({ code: 4, msg: 'Too many subscriptions', id, malformed: false }))
        this.#violated('too-many-streams')
        this.close(1008, 'Invalid request')
        return false
      }
      this.streams.add(name)
      this.#floor.broadcast.subscribe(name, this)
      this.#floor.wanted(name)
    }
    return true
  }

  shutdownNotice(): void {
    const event = `{"e":"serverShutdown","E":${Math.round(this.#floor.clock.wall())}}`
    this.inject(this.wrapped ? `{"stream":"${SHUTDOWN_STREAM}","data":${event}}` : event)
  }

  close(code: number, reason: string): void {
    if (this.#swallows) return
    this.#socket.close(code, reason)
    this.ended()
  }

  /** Ends the TCP connection without a closing handshake. */
  kill(): void {
    this.#tcp.destroy()
    this.ended()
  }

  /** The same with RST instead of FIN. */
  reset(): void {
    this.#tcp.resetAndDestroy()
    this.ended()
  }

  /** Reads nothing any more, or again. Pings that went unseen meanwhile are not held against the client. */
  freeze(frozen: boolean): void {
    if (frozen || this.#lost) this.#socket.pause()
    else this.#socket.resume()
    this.#pings.forget()
  }

  /** From now on no data frame is sent here; all else goes on. */
  mute(): void {
    this.#mute = true
  }

  /** From now on nothing is read here and nothing sent. */
  lose(): void {
    this.#lost = true
    this.freeze(true)
  }

  get #swallows(): boolean {
    return this.#lost || this.#floor.faults.blackhole
  }

  /** Lets go of everything; also safe to call twice. */
  ended(): void {
    for (const end of this.#endings.splice(0)) end()
    this.#floor.clock.clearTimeout(this.#stallTimer)
    this.#pings.forget()
    for (const name of this.streams) this.#floor.broadcast.unsubscribe(name, this)
    this.streams.clear()
  }

  #violated(kind: Violation): void {
    count(this.#floor.tally.violations, kind)
    this.#floor.note(`client broke a rule: ${kind}`, { kind, streams: this.streams.size })
  }

  /** Counts an incoming frame of any kind; false when it was one too many, which ends the connection. */
  #allowed(): boolean {
    const { clock, limits } = this.#floor
    if (!this.open) return false
    const now = clock.now()
    this.#incoming.push(now)
    if (this.#incoming.length <= limits.messagesPerSecond) return true
    const oldest = this.#incoming.shift() ?? now
    if (now - oldest >= 1000) return true
    this.#violated('too-many-requests')
    this.close(1008, 'Too many requests')
    return false
  }

  #pinged(): void {
    this.#floor.tally.pingsReceived++
    this.#allowed()
  }

  /** An unsolicited pong is allowed but proves nothing. */
  #ponged(payload: string): void {
    this.#floor.tally.pongsReceived++
    if (!this.#allowed()) return
    if (!this.#pings.answered(payload) && payload !== '') this.#violated('wrong-pong')
  }

  #ping(): void {
    const { tally } = this.#floor
    if (!this.open || this.#swallows) return
    this.#resumeControl()
    tally.pingsSent++
    this.#socket.ping(this.#pings.next())
  }

  #unanswered(): void {
    if (!this.open) return
    this.#violated('pong-timeout')
    this.close(1008, 'Pong timeout')
  }

  #receive(text: string): void {
    if (!this.#allowed()) return
    if (this.#stalled) {
      this.#stalled.push(text)
      return
    }
    const { limits, clock } = this.#floor
    if (Buffer.byteLength(text) <= limits.frameBytesMax) {
      this.#answer(text)
      return
    }
    this.#violated('frame-too-long')
    this.#stalled = [text]
    this.#stallTimer = clock.setTimeout(() => this.#resumeControl(), limits.slowAckMs)
  }

  /** Handles what a frame over the length limit held up; the exchange does so at its next ping, if that is sooner. */
  #resumeControl(): void {
    this.#floor.clock.clearTimeout(this.#stallTimer)
    const waiting = this.#stalled ?? []
    this.#stalled = undefined
    for (const text of waiting) if (this.open) this.#answer(text)
  }

  #answer(text: string): void {
    if (this.#deaf) return
    const control = parseControl(text)
    count(this.#floor.tally.control, 'error' in control ? 'invalid' : control.request.method)
    if ('request' in control) {
      this.#obey(control.request)
      return
    }
    this.#reply(errorReply(control.error))
    if (!control.error.malformed) return
    this.#violated('malformed')
    this.#deaf = this.#floor.limits.deafAfterMalformed
  }

  #obey(request: ControlRequest): void {
    if (request.method === 'LIST_SUBSCRIPTIONS') this.#reply(resultReply([...this.streams], request.id))
    else if (request.method === 'GET_PROPERTY') this.#reply(resultReply(this.wrapped, request.id))
    else if (request.method === 'SET_PROPERTY') this.wrapped = request.combined
    else if (request.method === 'SUBSCRIBE' && !this.subscribe(request.streams, request.id)) return
    else if (request.method === 'UNSUBSCRIBE') this.#unsubscribe(request.streams)
    const queries = request.method === 'LIST_SUBSCRIPTIONS' || request.method === 'GET_PROPERTY'
    if (!queries) this.#reply(resultReply(null, request.id))
  }

  #unsubscribe(names: readonly string[]): void {
    for (const name of names) if (this.streams.delete(name)) this.#floor.broadcast.unsubscribe(name, this)
  }

  #reply(text: string): void {
    const { faults, clock } = this.#floor
    if (faults.ackLost) return
    if (faults.ackDelayMs > 0) clock.setTimeout(() => this.inject(text), faults.ackDelayMs)
    else this.inject(text)
  }
}

function textOf(received: RawData): string {
  if (Array.isArray(received)) return Buffer.concat(received).toString()
  return Buffer.isBuffer(received) ? received.toString() : Buffer.from(received).toString()
}
