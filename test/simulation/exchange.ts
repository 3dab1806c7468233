import type { Reply, Wire } from '../../src/exchange/wire.ts'
import type { Chance } from './chance.ts'
import { epochStart, type ProcessClock, type TimeLine } from './time.ts'

/** What is wrong with the exchange now. */
export interface ExchangeState {
  isSilent: boolean
  /** Streams that say nothing inside living sockets. */
  silentStreams: Set<string>
  /** New connections are answered with this HTTP status. */
  upgradeStatus: number | undefined
  restStatus: number | undefined
  isRestDown: boolean
  isUnreachable: boolean
  /** New sockets are never opened, while those that are go on. */
  hangsNew: boolean
  /** New sockets open, and say nothing. */
  mutesNew: boolean
}

interface Symbol {
  readonly name: string
  readonly base: string
  price: number
  tradeId: number
  tradedAt: number
  /** When each of the last trades was made, by its id. */
  readonly tradedTimes: Map<number, number>
  /** And at which price. */
  readonly tradedPrices: Map<number, string>
  status: string
  readonly paceMs: number
}

const retryAfterS = 5
const host = 'ws://exchange'

/**
 * The exchange of a world: as much of Binance as decides anything (streams confirmed by data, pings, refusals, a socket's death in all its
 * forms), on the virtual clock. The full protocol is what src/simulator speaks, on real sockets.
 */
export class WorldExchange {
  readonly state: ExchangeState = calmExchange()
  readonly symbols = new Map<string, Symbol>()
  readonly sockets = new Set<SimulatedSocket>()
  /** When each connection was attempted, for the limit of 300 in five minutes. */
  readonly attempts: { readonly at: number; readonly by: ProcessClock }[] = []
  /** Streams on one socket; one more ends it. */
  streamsMax = 1024
  /** Sockets that were asked for more. */
  crowded = 0
  readonly #line: TimeLine
  readonly #chance: Chance
  /** When it last told anything, world's clock. */
  #toldAt = 0

  constructor(line: TimeLine, chance: Chance, names: readonly string[]) {
    this.#line = line
    this.#chance = chance
    for (const [at, base] of names.entries()) this.#list(base, at)
  }

  #list(base: string, at: number): void {
    const pace = this.#chance.between(300, 900) * (1 + at * 2)
    const symbol: Symbol = {
      name: `${base}USDT`,
      base,
      price: 100 + at * 10,
      tradeId: 1000,
      tradedAt: 0,
      tradedTimes: new Map(),
      tradedPrices: new Map(),
      status: 'TRADING',
      paceMs: pace,
    }
    this.symbols.set(symbol.name, symbol)
    const trade = (): void => {
      this.#trade(symbol)
      this.#line.at(this.#line.now + this.#chance.between(0.2, 1.8) * symbol.paceMs, trade)
    }
    const tick = (): void => {
      this.#tell(symbol, 'ticker', this.#ticker(symbol))
      this.#line.at(this.#line.now + 1000, tick)
    }
    this.#line.at(this.#chance.between(0, 500), trade)
    this.#line.at(this.#chance.between(0, 1000), tick)
  }

  #trade(symbol: Symbol): void {
    if (symbol.status !== 'TRADING') return
    symbol.price = Math.max(1, symbol.price * (1 + (this.#chance.next() - 0.5) / 500))
    symbol.tradeId += 1
    symbol.tradedAt = this.#line.now
    symbol.tradedTimes.set(symbol.tradeId, this.#line.now)
    symbol.tradedTimes.delete(symbol.tradeId - 500)
    symbol.tradedPrices.set(symbol.tradeId, symbol.price.toFixed(8))
    symbol.tradedPrices.delete(symbol.tradeId - 500)
    const time = Math.floor(epochStart + this.#line.now)
    const { name: s, tradeId: t } = symbol
    this.#tell(symbol, 'trade', { e: 'trade', E: time, s, t, p: symbol.price.toFixed(8), q: '1.00000000', T: time, m: true, M: true })
  }

  #ticker({ name: s, price, tradeId: L }: Symbol): object {
    const time = Math.floor(epochStart + this.#line.now)
    const c = price.toFixed(8)
    const day = {
      x: c,
      c,
      Q: '1.0',
      b: c,
      B: '1.0',
      a: c,
      A: '1.0',
      o: c,
      h: c,
      l: c,
      v: '1.0',
      q: '1.0',
      O: time - 86_400_000,
      C: time,
      F: 0,
    }
    return { e: '24hrTicker', E: time, s, p: '0.1', P: '0.1', w: c, ...day, L, n: L + 1 }
  }

  #tell(symbol: Symbol, kind: string, data: object): void {
    const stream = `${symbol.name.toLowerCase()}@${kind}`
    if (this.state.isSilent || this.state.silentStreams.has(stream)) return
    this.#toldAt = this.#line.now
    let frame: Buffer | undefined
    for (const socket of this.sockets) {
      if (!socket.streams.has(stream)) continue
      frame ??= Buffer.from(JSON.stringify({ stream, data }))
      socket.deliver(frame)
    }
  }

  /** For how long it has told nobody anything, virtual ms. */
  get silentMs(): number {
    return this.state.isSilent ? this.#line.now - this.#toldAt : 0
  }

  /** A process opens a connection. */
  connect(clock: ProcessClock, link: ExchangeLink, url: string): Wire {
    this.attempts.push({ at: this.#line.now, by: clock })
    if (!url.startsWith(host)) throw new Error(`no such host: ${url}`)
    const socket = new SimulatedSocket({ exchange: this, clock, link, line: this.#line, chance: this.#chance })
    socket.begin()
    return socket
  }

  /** A process asks over REST. Rejects like a connection that breaks. */
  get(clock: ProcessClock, link: ExchangeLink, url: string, stop: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      stop.addEventListener('abort', () => reject(new Error('aborted')))
      const travelMs = this.#chance.between(5, 60)
      this.#line.at(this.#line.now + travelMs, () => {
        if (link.isCut || this.state.isUnreachable) return
        const isDown = this.state.isRestDown
        const reply = isDown ? undefined : this.#answer(url)
        this.#line.at(this.#line.now + travelMs, () => {
          if (link.isCut) return
          clock.deliver(() => (reply === undefined ? reject(new Error('connection reset')) : resolve(reply)))
        })
      })
    })
  }

  #answer(url: string): Reply {
    const { restStatus } = this.state
    const body = restStatus === undefined ? this.#bodyOf(url) : {}
    const retryAfter = restStatus === 429 || restStatus === 418 ? String(retryAfterS) : undefined
    return { status: restStatus ?? 200, retryAfter, text: () => Promise.resolve(JSON.stringify(body)), drop: () => {} }
  }

  #bodyOf(url: string): unknown {
    if (url.includes('/exchangeInfo'))
      return {
        symbols: [...this.symbols.values()].map(({ name, base, status }) => ({
          symbol: name,
          status,
          baseAsset: base,
          quoteAsset: 'USDT',
        })),
      }
    if (url.includes('/aggTrades')) return this.#aggregates(new URL(url).searchParams)
    const wanted: string[] = JSON.parse(decodeURIComponent(url.split('symbols=')[1] ?? '[]'))
    return wanted.flatMap(name => {
      const symbol = this.symbols.get(name)
      return symbol === undefined ? [] : [this.#day(symbol)]
    })
  }

  /** One for each trade. Its database lags behind its streams. */
  #aggregates(query: URLSearchParams): unknown {
    const symbol = this.symbols.get(query.get('symbol') ?? '')
    const lagsSince = this.#line.now - this.#chance.between(0, 300)
    const from = Number(query.get('fromId') ?? 0)
    const known = [...(symbol?.tradedPrices ?? [])].filter(([id]) => id >= from && (symbol?.tradedTimes.get(id) ?? 0) <= lagsSince)
    const limit = Number(query.get('limit'))
    return (query.has('fromId') ? known.slice(0, limit) : known.slice(-limit)).map(([id, p]) => {
      const T = Math.floor(epochStart + (symbol?.tradedTimes.get(id) ?? 0))
      return { a: id, p, q: '1.00000000', f: id, l: id, T, m: true, M: true }
    })
  }

  #day({ name, price, tradeId }: Symbol): object {
    const c = price.toFixed(8)
    const times = { openTime: 0, closeTime: Math.floor(epochStart + this.#line.now), firstId: 0, lastId: tradeId, count: tradeId }
    const prices = { lastPrice: c, bidPrice: c, askPrice: c, openPrice: c, highPrice: c, lowPrice: c, volume: '1.0', quoteVolume: '1.0' }
    return { symbol: name, priceChange: '0.1', priceChangePercent: '0.1', ...prices, ...times }
  }

  /** Every socket breaks. */
  reset(): void {
    for (const socket of [...this.sockets]) socket.breakOff('connection reset')
  }

  /** One socket does: which, says a number from 0 to 1. */
  resetOne(which: number): void {
    const sockets = [...this.sockets]
    sockets[Math.min(sockets.length - 1, Math.floor(which * sockets.length))]?.breakOff('connection reset')
  }

  /** The server announces its end, and ends. */
  shutDown(graceMs: number): void {
    const notice = Buffer.from(
      JSON.stringify({ stream: '!serverShutdown', data: { e: 'serverShutdown', E: Math.floor(epochStart + this.#line.now) } }),
    )
    for (const socket of [...this.sockets]) {
      socket.deliver(notice)
      this.#line.at(this.#line.now + graceMs, () => socket.breakOff('closed with 1001'))
    }
  }
}

export const calmExchange = (): ExchangeState => ({
  isSilent: false,
  silentStreams: new Set(),
  upgradeStatus: undefined,
  restStatus: undefined,
  isRestDown: false,
  isUnreachable: false,
  hangsNew: false,
  mutesNew: false,
})

/** One process's way to the exchange. */
export interface ExchangeLink {
  isCut: boolean
}

interface SocketParts {
  readonly exchange: WorldExchange
  readonly clock: ProcessClock
  readonly link: ExchangeLink
  readonly line: TimeLine
  readonly chance: Chance
}

type Listener = (...args: never[]) => void

export class SimulatedSocket implements Wire {
  readonly streams = new Set<string>()
  readonly clock: ProcessClock
  readonly #parts: SocketParts
  #state: 'opening' | 'open' | 'over' = 'opening'
  readonly #listeners = new Map<string, Listener[]>()
  #comes = 0
  #goes = 0
  #hasHole = false
  #isMute = false
  /** Control messages of the last second, as the exchange counts them. */
  #heard: number[] = []

  constructor(parts: SocketParts) {
    this.#parts = parts
    this.clock = parts.clock
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener])
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...(args as never[]))
  }

  /** As ws counts them. */
  get readyState(): number {
    return { opening: 0, open: 1, over: 3 }[this.#state]
  }

  /** Held by its process: opening or open. */
  get isHeld(): boolean {
    return this.#state !== 'over'
  }

  begin(): void {
    const { exchange, chance } = this.#parts
    this.#reach(chance.between(10, 120), () => {
      const { upgradeStatus } = exchange.state
      if (exchange.state.isUnreachable || exchange.state.hangsNew) return
      this.#isMute = exchange.state.mutesNew
      if (upgradeStatus !== undefined) return this.#bring(() => this.#turnAway(upgradeStatus))
      exchange.sockets.add(this)
      this.#bring(() => {
        if (this.#state !== 'opening') return
        this.#state = 'open'
        this.#emit('open')
      })
    })
  }

  send(text: string): void {
    if (this.#state === 'opening') throw new Error('WebSocket is not open: readyState 0 (CONNECTING)')
    this.#reach(undefined, () => {
      if (!this.#count()) return
      const { method, params = [], id } = JSON.parse(text) as { method: string; params?: string[]; id: number }
      const result = method === 'LIST_SUBSCRIPTIONS' ? [...this.streams] : null
      for (const name of params) {
        if (method === 'SUBSCRIBE') this.streams.add(name)
        else this.streams.delete(name)
      }
      if (this.streams.size > this.#parts.exchange.streamsMax) {
        this.#parts.exchange.crowded += 1
        return this.breakOff('closed with 1008 Invalid request')
      }
      this.#bring(() => this.#tell(Buffer.from(JSON.stringify({ result, id }))))
    })
  }

  ping(): void {
    this.#reach(undefined, () => {
      if (this.#count()) this.#bring(() => this.#state === 'open' && this.#emit('pong'))
    })
  }

  /** More than five messages a second end the connection. */
  #count(): boolean {
    const { exchange, line } = this.#parts
    if (!exchange.sockets.has(this)) return false
    this.#heard = [...this.#heard.filter(at => at > line.now - 1000), line.now]
    if (this.#heard.length <= 5) return true
    this.breakOff('closed with 1008 Too many requests')
    return false
  }

  #turnAway(statusCode: number): void {
    const headers = statusCode === 418 || statusCode === 429 ? { 'retry-after': String(retryAfterS) } : {}
    this.#over(() => this.#emit('unexpected-response', undefined, { statusCode, headers, resume: () => {} }))
  }

  close(): void {
    this.terminate()
  }

  terminate(): void {
    this.#state = 'over'
    this.#reach(undefined, () => void this.#parts.exchange.sockets.delete(this))
    // A process that lets go may be cut off: the exchange finds out by its own pings.
    const { line, exchange } = this.#parts
    line.at(line.now + 60_000, () => void exchange.sockets.delete(this))
  }

  /** The exchange sends a frame. */
  deliver(frame: Buffer): void {
    this.#bring(() => this.#tell(frame))
  }

  /** The exchange's side ends. */
  breakOff(cause: string): void {
    if (!this.#parts.exchange.sockets.delete(this)) return
    this.#bring(() => this.#over(() => this.#emit('close', 1006, Buffer.from(cause))))
  }

  #tell(frame: Buffer): void {
    if (this.#state === 'open' && !this.#isMute) this.#emit('message', frame, false)
  }

  #over(tell: () => void): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    tell()
  }

  #reach(travelMs: number | undefined, then: () => void): void {
    const { line, link, chance, clock } = this.#parts
    this.#goes = Math.max(this.#goes, line.now + (travelMs ?? chance.between(1, 20)))
    line.at(this.#goes, () => {
      if (!link.isCut && !clock.isDead) then()
    })
  }

  #bring(then: () => void): void {
    const { line, link, chance, clock } = this.#parts
    this.#comes = Math.max(this.#comes, line.now + chance.between(1, 20))
    line.at(this.#comes, () => {
      // Bytes that were lost are missing in the middle of a stream of bytes: the connection cannot go on after them.
      if (link.isCut) this.#hasHole = true
      else if (!this.#hasHole) clock.deliver(then)
      else if (this.#parts.exchange.sockets.delete(this))
        clock.deliver(() => this.#over(() => this.#emit('close', 1006, Buffer.from('connection reset'))))
    })
  }
}
