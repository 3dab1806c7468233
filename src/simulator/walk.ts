import { type Aggregate, type Book, type Day, DayWindow, EMPTY_BOOK, type Hour, quoteOf } from './day.ts'
import { e8, ONE } from './decimals.ts'
import type { Listing } from './listing.ts'
import { bell, seededRandom } from './random.ts'

const HOUR_MS = 3_600_000
/** Of the orders drawn, so many trades each on average; see #fills. */
const FILLS_PER_ORDER = 1.55
const STEPS_PER_ORDER = 4
/** Deviation of the price over one second, as a part of it. */
const RESTLESSNESS = 0.00008
const PULL_HOME = 0.00001
/** A symbol is born this long before it is first looked at, so that it has trades to show. */
const BORN_BEFORE_MS = 30_000
/** A symbol nobody looked at for longer slept through the rest: catching up stays cheap. */
const CATCH_UP_MS = 120_000
const AGGREGATES_KEPT = 2000

/** What a step of a walk brings about, in order. */
export interface WalkSteps {
  traded(traded: Aggregate): void
  /** The best bid or ask changed; `updateId` strictly increases. */
  quoted(updateId: number, book: () => Book): void
}

export const NOBODY: WalkSteps = { traded: () => {}, quoted: () => {} }

/**
 * A seeded random walk of one symbol. What is traded, in which order, depends on seed and symbol alone; when, on the
 * moment it was first looked at.
 */
export class Walk {
  readonly listing: Listing
  /** On the clock's `now`. */
  nextAt: number
  /** Newest last. At most twice AGGREGATES_KEPT. */
  readonly aggregates: Aggregate[] = []
  readonly #random: () => number
  readonly #meanGapMs: number
  readonly #home: number
  readonly #day: DayWindow
  #middle: number
  #bid = 0
  #ask = 0
  #bidQuantity = 0n
  #askQuantity = 0n
  #updateId: number
  #tradeId: number
  #aggregateId: number
  #lastAt = 0

  constructor(listing: Listing, seed: string, rate: number, now: number, wall: number) {
    this.listing = listing
    this.#random = seededRandom(`${seed}/${listing.symbol}`)
    this.#home = listing.price * ONE * (0.97 + this.#random() * 0.06)
    this.#middle = this.#home
    const stepsPerSecond = (Math.max(listing.tradesPerSecond, 0.001) / FILLS_PER_ORDER) * STEPS_PER_ORDER * rate
    this.#meanGapMs = 1000 / stepsPerSecond
    this.#tradeId = Math.floor(listing.tradesPerSecond * 4e8 * (0.9 + this.#random() * 0.2)) + 1000
    this.#aggregateId = Math.floor(this.#tradeId / FILLS_PER_ORDER)
    this.#updateId = this.#tradeId * 13
    this.nextAt = now - BORN_BEFORE_MS
    const idle = listing.status !== 'TRADING'
    this.#day = new DayWindow(this.#onTick(this.#home), idle ? [] : this.#yesterday(wall - BORN_BEFORE_MS, rate))
    this.advance(now, wall, NOBODY)
  }

  /** Lives up to `now`, telling `steps` what happened. */
  advance(now: number, wall: number, steps: WalkSteps): void {
    if (this.listing.status !== 'TRADING') {
      this.nextAt = Math.max(this.nextAt, now)
      return
    }
    if (this.#bid === 0) this.#requote()
    if (now - this.nextAt > CATCH_UP_MS) this.nextAt = now - CATCH_UP_MS
    while (this.nextAt <= now) {
      const at = Math.max(this.#lastAt, Math.round(wall - (now - this.nextAt)))
      this.#lastAt = at
      if (this.#random() * STEPS_PER_ORDER < 1) this.#order(at, steps)
      else this.#drift()
      this.#requote()
      steps.quoted(this.#updateId, () => this.book)
      this.nextAt += Math.min(8, -Math.log(1 - this.#random())) * this.#meanGapMs
    }
  }

  get book(): Book {
    if (this.listing.status !== 'TRADING') return EMPTY_BOOK
    return { bid: e8(this.#bid), bidQuantity: e8(this.#bidQuantity), ask: e8(this.#ask), askQuantity: e8(this.#askQuantity) }
  }

  get last(): number {
    return this.#day.last
  }

  day(wall: number): Day {
    return this.#day.at(Math.round(wall), this.book)
  }

  #drift(): void {
    const deviation = RESTLESSNESS * Math.sqrt(this.#meanGapMs / 1000)
    this.#middle *= Math.exp(deviation * bell(this.#random) + PULL_HOME * Math.log(this.#home / this.#middle))
  }

  #order(at: number, steps: WalkSteps): void {
    const buyerIsMaker = this.#random() < 0.5
    const touch = buyerIsMaker ? this.#bid : this.#ask
    const fills = this.#fills()
    const deep = fills.length > 2 && this.#random() < 0.5
    this.#trade(touch, deep ? fills.slice(0, -1) : fills, at, buyerIsMaker, steps)
    if (!deep) return
    const next = Math.max(this.listing.tick, touch + (buyerIsMaker ? -this.listing.tick : this.listing.tick))
    this.#trade(next, fills.slice(-1), at, buyerIsMaker, steps)
    this.#middle = next
  }

  #fills(): bigint[] {
    const draw = this.#random()
    const count = draw < 0.6 ? 1 : draw < 0.85 ? 2 : 3
    return Array.from({ length: count }, () => this.#quantity(300))
  }

  #trade(price: number, fills: readonly bigint[], at: number, buyerIsMaker: boolean, steps: WalkSteps): void {
    const quantity = fills.reduce((sum, fill) => sum + fill, 0n)
    const traded: Aggregate = { id: ++this.#aggregateId, price, quantity, firstId: this.#tradeId + 1, fills, at, buyerIsMaker }
    this.#tradeId += fills.length
    this.#day.add(traded)
    this.aggregates.push(traded)
    if (this.aggregates.length >= 2 * AGGREGATES_KEPT) this.aggregates.splice(0, this.aggregates.length - AGGREGATES_KEPT)
    steps.traded(traded)
  }

  /** A quantity worth about `worth` dollars, in whole lots; many small ones, a few large. */
  #quantity(worth: number): bigint {
    const dollar = this.listing.quote === 'BTC' ? 61_800 : this.listing.quote === 'ETH' ? 2_680 : 1
    const lots = ((worth * Math.exp(1.2 * bell(this.#random))) / dollar / this.listing.price) * (ONE / this.listing.lot)
    return BigInt(Math.max(1, Math.round(lots))) * BigInt(this.listing.lot)
  }

  #onTick(price: number): number {
    return Math.max(1, Math.round(price / this.listing.tick)) * this.listing.tick
  }

  #requote(): void {
    const { tick } = this.listing
    this.#bid = Math.max(1, Math.floor(this.#middle / tick)) * tick
    this.#ask = this.#bid + tick * (1 + Math.floor(this.#random() ** 4 * 4))
    this.#updateId += 1 + Math.floor(this.#random() * 20)
    this.#bidQuantity = this.#quantity(2000)
    this.#askQuantity = this.#quantity(2000)
  }

  /** Hours before the walk begins, ending where it begins, with the trade ids just below its first. */
  #yesterday(end: number, rate: number): Hour[] {
    const thisHour = end - (end % HOUR_MS)
    const perHour = Math.max(1, Math.round(this.listing.tradesPerSecond * rate * 3600))
    const each = this.#quantity(400)
    const hours: Hour[] = []
    let close = this.#home
    let nextId = this.#tradeId + 1
    for (let back = 0; back < 24; back++) {
      const open = close * Math.exp(0.004 * bell(this.#random))
      const count = Math.min(perHour, nextId - 1)
      nextId -= count
      const [from, to] = [this.#onTick(open), this.#onTick(close)]
      const volume = each * BigInt(count)
      hours.unshift({
        startedAt: thisHour - back * HOUR_MS,
        open: from,
        high: this.#onTick(Math.max(open, close) * (1 + 0.003 * this.#random())),
        low: this.#onTick(Math.min(open, close) * (1 - 0.003 * this.#random())),
        close: to,
        volume,
        quoteVolume: quoteOf(Math.round((from + to) / 2), volume),
        firstId: nextId,
        count,
      })
      close = open
    }
    return hours
  }
}
