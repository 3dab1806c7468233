import type { Clock, Timer } from '../clock.ts'
import type { Aggregate, Book, Day } from './day.ts'
import { e8 } from './decimals.ts'
import type { Listing, SymbolStatus } from './listing.ts'
import * as payloads from './payloads.ts'
import { NOBODY, Walk, type WalkSteps } from './walk.ts'

/** What REST needs to know of a symbol, wherever it comes from. */
export interface Tape {
  readonly listing: Listing
  /** Newest last. */
  readonly aggregates: readonly Aggregate[]
  readonly book: Book
  day(): Day
}

export interface MarketOptions {
  readonly clock: Clock
  readonly seed: string
  readonly rate: number
  /** By symbol. */
  readonly listed: ReadonlyMap<string, Listing>
  /** Symbols the market must not invent anything for, because a recording speaks for them. */
  readonly recorded: ReadonlySet<string>
  readonly publish: (stream: string, payload: string) => void
}

interface Watched {
  readonly walk: Walk
  readonly kinds: Set<string>
  readonly steps: WalkSteps
  /** When the once-a-second streams are due next, on the clock's `now`. */
  pulseAt: number
  pulses: number
  minute: number
}

const EVERYTHING = '!miniTicker@arr'
const PULSE_MS = 1000
/** The market moves in turns of at least this length, longer the more symbols are watched: they share one timer. */
const TURN_MS = 5
const SYMBOLS_PER_TURN_MS = 200
const MINUTE_MS = 60_000

/** A second after the last, without making up for seconds in which the symbol was halted. */
const nextPulse = (last: number, now: number): number => (last + PULSE_MS > now ? last + PULSE_MS : now + PULSE_MS)

/** The seeded market. A symbol costs nothing until somebody subscribes to it or asks for it. */
export class Market {
  readonly #options: MarketOptions
  readonly #byStreamName = new Map<string, Listing>()
  readonly #walks = new Map<string, Walk>()
  readonly #watched = new Map<string, Watched>()
  #everything: { pulseAt: number; lastIds: Map<string, number> } | undefined
  #timer: Timer
  #running = false

  constructor(options: MarketOptions) {
    this.#options = options
    for (const listing of options.listed.values()) {
      if (!options.recorded.has(listing.symbol)) this.#byStreamName.set(listing.symbol.toLowerCase(), listing)
    }
  }

  /** Starts or stops producing a stream. A name that means nothing here is ignored, as the exchange does. */
  watch(stream: string, wanted: boolean): void {
    const cut = stream.indexOf('@')
    const listing = this.#byStreamName.get(stream.slice(0, cut))
    if (stream === EVERYTHING) this.#everything = wanted ? { pulseAt: this.#options.clock.now(), lastIds: new Map() } : undefined
    else if (listing && wanted) this.#watch(listing).kinds.add(stream.slice(cut + 1))
    else if (listing) this.#unwatch(listing, stream.slice(cut + 1))
    if (wanted) this.#wake()
  }

  /** A symbol as it is now. */
  tape(listing: Listing): Tape {
    const walk = this.#advance(listing)
    const { clock } = this.#options
    return { listing, aggregates: walk.aggregates, book: walk.book, day: () => walk.day(clock.wall()) }
  }

  setStatus(listing: Listing, status: SymbolStatus): void {
    if (this.#walks.has(listing.symbol)) this.#advance(listing)
    listing.status = status
    this.#wake()
  }

  #watch(listing: Listing): Watched {
    const known = this.#watched.get(listing.symbol)
    if (known) return known
    const { clock } = this.#options
    const walk = this.#advance(listing)
    const kinds = new Set<string>()
    // Symbols take their turns within the second, as they do on the exchange.
    const pulseAt = clock.now() + clock.random() * PULSE_MS
    const watched: Watched = { walk, kinds, steps: this.#stepsOf(listing, kinds), pulseAt, pulses: 0, minute: 0 }
    this.#watched.set(listing.symbol, watched)
    return watched
  }

  #unwatch(listing: Listing, kind: string): void {
    const watched = this.#watched.get(listing.symbol)
    watched?.kinds.delete(kind)
    if (watched?.kinds.size === 0) this.#watched.delete(listing.symbol)
  }

  #stepsOf(listing: Listing, kinds: ReadonlySet<string>): WalkSteps {
    const { symbol } = listing
    const { publish, clock } = this.#options
    const name = symbol.toLowerCase()
    return {
      traded(traded) {
        const sentAt = Math.max(traded.at, Math.round(clock.wall()))
        if (kinds.has('trade')) {
          for (let fill = 0; fill < traded.fills.length; fill++) {
            publish(`${name}@trade`, payloads.tradePayload(symbol, sentAt, traded, fill))
          }
        }
        if (kinds.has('aggTrade')) publish(`${name}@aggTrade`, payloads.aggTradePayload(symbol, sentAt, traded))
      },
      quoted(updateId, book) {
        if (kinds.has('bookTicker')) publish(`${name}@bookTicker`, payloads.bookTickerPayload(symbol, updateId, book()))
      },
    }
  }

  /** Also the way REST reaches a symbol: whoever is subscribed to it must not miss what happens meanwhile. */
  #advance(listing: Listing): Walk {
    const { clock, seed, rate } = this.#options
    const steps = this.#watched.get(listing.symbol)?.steps ?? NOBODY
    const known = this.#walks.get(listing.symbol)
    if (known) {
      known.advance(clock.now(), clock.wall(), steps)
      return known
    }
    const walk = new Walk(listing, seed, rate, clock.now(), clock.wall())
    this.#walks.set(listing.symbol, walk)
    return walk
  }

  #wake(): void {
    if (this.#running) return
    this.#running = true
    this.#timer = this.#options.clock.setTimeout(() => this.#turn(), 0)
  }

  #turn(): void {
    const { clock } = this.#options
    const now = clock.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const watched of this.#watched.values()) {
      if (watched.walk.listing.status !== 'TRADING') continue
      if (watched.walk.nextAt <= now) watched.walk.advance(now, clock.wall(), watched.steps)
      if (watched.pulseAt <= now) this.#pulse(watched, now)
      soonest = Math.min(soonest, watched.walk.nextAt, watched.pulseAt)
    }
    if (this.#everything) {
      if (this.#everything.pulseAt <= now) this.#pulseEverything(this.#everything, now)
      soonest = Math.min(soonest, this.#everything.pulseAt)
    }
    this.#running = soonest < Number.POSITIVE_INFINITY
    const waitMs = Math.max(TURN_MS, this.#watched.size / SYMBOLS_PER_TURN_MS, soonest - now)
    if (this.#running) this.#timer = clock.setTimeout(() => this.#turn(), waitMs)
  }

  #pulse(watched: Watched, now: number): void {
    const { walk, kinds } = watched
    watched.pulseAt = nextPulse(watched.pulseAt, now)
    watched.pulses++
    const { symbol } = walk.listing
    const name = symbol.toLowerCase()
    const wall = Math.round(this.#options.clock.wall())
    const { publish } = this.#options
    if (kinds.has('ticker')) publish(`${name}@ticker`, payloads.tickerPayload(symbol, wall, walk.day(wall)))
    if (kinds.has('miniTicker')) publish(`${name}@miniTicker`, payloads.miniTickerPayload(symbol, wall, walk.day(wall)))
    if (kinds.has('avgPrice')) publish(`${name}@avgPrice`, payloads.avgPricePayload(symbol, wall, walk.aggregates, e8(walk.last)))
    if (kinds.has('kline_1m')) this.#pulseKline(watched, wall)
  }

  /** Every two seconds, and once more for a minute that is over. */
  #pulseKline(watched: Watched, wall: number): void {
    const { walk } = watched
    const { symbol } = walk.listing
    const minute = wall - (wall % MINUTE_MS)
    const publish = (of: number): void => {
      const payload = payloads.klinePayload(symbol, wall, of, walk.aggregates, e8(walk.last))
      this.#options.publish(`${symbol.toLowerCase()}@kline_1m`, payload)
    }
    if (watched.minute > 0 && watched.minute < minute) publish(watched.minute)
    if (watched.pulses % 2 === 1 || watched.minute < minute) publish(minute)
    watched.minute = minute
  }

  /** Only the symbols that traded since the last time, as the exchange does. */
  #pulseEverything(everything: { pulseAt: number; lastIds: Map<string, number> }, now: number): void {
    everything.pulseAt = nextPulse(everything.pulseAt, now)
    const wall = Math.round(this.#options.clock.wall())
    const changed: string[] = []
    for (const listing of this.#byStreamName.values()) {
      if (listing.status !== 'TRADING') continue
      const walk = this.#advance(listing)
      const lastId = walk.aggregates.at(-1)?.id ?? 0
      if (everything.lastIds.get(listing.symbol) === lastId) continue
      everything.lastIds.set(listing.symbol, lastId)
      changed.push(payloads.miniTickerPayload(listing.symbol, wall, walk.day(wall)))
    }
    if (changed.length > 0) this.#options.publish(EVERYTHING, `[${changed.join(',')}]`)
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer)
    this.#watched.clear()
    this.#everything = undefined
  }
}
