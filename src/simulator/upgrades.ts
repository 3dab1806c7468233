import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Clock } from '../clock.ts'
import type { ExchangeLimits } from './limits.ts'
import { count, type Tally } from './stats.ts'

/** What an address like `/stream?streams=a/b&timeUnit=MICROSECOND` asks for. */
export interface Address {
  readonly wrapped: boolean
  readonly micro: boolean
  readonly streams: readonly string[]
}

export interface UpgradesOptions {
  readonly clock: Clock
  readonly limits: ExchangeLimits
  readonly faults: {
    readonly blackhole: boolean
    readonly upgradeStatus: number | null
    readonly retryAfterS: number
    readonly connectDelayMs: number
  }
  readonly tally: Tally
  readonly note: (line: string, fields?: object) => void
  readonly opened: (socket: WebSocket, tcp: Socket, address: Address) => void
}

const ADDRESSES_MAX = 10_000

/** Undefined for an address that is not a stream's. Names may be percent-encoded, `/` included (since 2025-12-02). */
export function addressOf(url: string): Address | undefined {
  const [path = '', query = ''] = url.split('?', 2)
  const parameters = new Map(query.split('&').map(pair => pair.split('=', 2) as [string, string | undefined]))
  const micro = parameters.get('timeUnit')?.toUpperCase() === 'MICROSECOND'
  const names = (list: string): string[] => decodeURIComponent(list).split('/').filter(Boolean)
  try {
    if (/^\/stream\/?$/.test(path)) return { wrapped: true, micro, streams: names(parameters.get('streams') ?? '') }
    if (path === '/ws' || path.startsWith('/ws/')) return { wrapped: false, micro, streams: names(path.slice(4)) }
  } catch {
    // A malformed percent-encoding.
  }
  return undefined
}

function refuse(socket: Socket, status: number, code: number, msg: string, retryAfterS?: number): void {
  const body = JSON.stringify({ code, msg })
  const retry = retryAfterS === undefined ? '' : `Retry-After: ${retryAfterS}\r\n`
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\nContent-Type: application/json;charset=UTF-8\r\n`
  socket.end(`${head}${retry}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`)
}

/** The door: counts attempts, refuses, delays, or lets a WebSocket in. */
export class Upgrades {
  readonly #options: UpgradesOptions
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 1024 * 1024 })
  /** Times of the newest attempts by address, on the clock's `now`. */
  readonly #attempts = new Map<string, number[]>()
  /** Upgrades that came during a blackhole; answered if it lifts while the client still waits. */
  readonly #unanswered = new Set<() => void>()

  constructor(options: UpgradesOptions) {
    this.#options = options
  }

  handle(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { clock, faults, tally } = this.#options
    tally.attempts++
    socket.on('error', () => socket.destroy())
    const answer = (): void => {
      if (socket.destroyed) return
      if (faults.blackhole) this.#unanswered.add(answer)
      else this.#answer(request, socket, head)
    }
    socket.on('close', () => this.#unanswered.delete(answer))
    if (faults.connectDelayMs > 0) clock.setTimeout(answer, faults.connectDelayMs)
    else answer()
  }

  /** The blackhole is over. */
  resume(): void {
    const waiting = [...this.#unanswered]
    this.#unanswered.clear()
    for (const answer of waiting) answer()
  }

  #answer(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { faults, limits, tally, note, opened } = this.#options
    if (faults.upgradeStatus !== null) {
      const limited = faults.upgradeStatus === 429 || faults.upgradeStatus === 418
      refuse(socket, faults.upgradeStatus, limited ? -1003 : 0, msgOf(faults.upgradeStatus), limited ? faults.retryAfterS : undefined)
      return
    }
    const waitMs = this.#tooManyFor(request.socket.remoteAddress ?? '')
    if (waitMs > 0) {
      count(tally.violations, 'too-many-attempts')
      note('client broke a rule: too-many-attempts', { kind: 'too-many-attempts', attemptsMax: limits.attemptsMax })
      refuse(socket, 429, -1034, 'Too many connections; please try again later.', Math.ceil(waitMs / 1000))
      return
    }
    const address = addressOf(request.url ?? '')
    if (!address) {
      refuse(socket, 404, -1, 'Not Found')
      return
    }
    this.#server.handleUpgrade(request, socket, head, accepted => opened(accepted, socket, address))
  }

  /** Counts an attempt; above the limit, how long until there is room again, else 0. Refused attempts count too. */
  #tooManyFor(address: string): number {
    const { clock, limits } = this.#options
    const now = clock.now()
    const attempts = (this.#attempts.get(address) ?? []).filter(at => at > now - limits.attemptsWindowMs)
    attempts.push(now)
    if (this.#attempts.size > ADDRESSES_MAX) this.#attempts.clear()
    this.#attempts.set(address, attempts)
    if (attempts.length <= limits.attemptsMax) return 0
    const oldest = attempts.shift() ?? now
    return oldest + limits.attemptsWindowMs - now
  }
}

function msgOf(status: number): string {
  if (status === 451) {
    return "Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if you believe you received this message in error."
  }
  return status === 429 || status === 418 ? 'Too many requests.' : (STATUS_CODES[status] ?? 'Unknown')
}
