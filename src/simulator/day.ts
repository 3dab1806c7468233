import { e8, ONE, percent } from './decimals.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** One order that took liquidity at one price: an aggregate trade, and the trades it is made of. */
export interface Aggregate {
  readonly id: number
  /** Units of 1e-8, like every price and quantity here. */
  readonly price: number
  readonly quantity: bigint
  /** Trade ids run on from here, one per fill. */
  readonly firstId: number
  readonly fills: readonly bigint[]
  /** Epoch ms. */
  readonly at: number
  readonly buyerIsMaker: boolean
}

export interface Book {
  readonly bid: string
  readonly bidQuantity: string
  readonly ask: string
  readonly askQuantity: string
}

export const EMPTY_BOOK: Book = { bid: e8(0), bidQuantity: e8(0), ask: e8(0), askQuantity: e8(0) }

/** The 24 hour statistics of a symbol, printed as the exchange prints them. Ids are -1 when nothing was traded. */
export interface Day extends Book {
  readonly change: string
  readonly changePercent: string
  readonly average: string
  readonly previousClose: string
  readonly last: string
  readonly lastQuantity: string
  readonly open: string
  readonly high: string
  readonly low: string
  readonly volume: string
  readonly quoteVolume: string
  readonly openTime: number
  readonly closeTime: number
  readonly firstId: number
  readonly lastId: number
  readonly count: number
}

/** What was traded in one clock hour. */
export interface Hour {
  readonly startedAt: number
  readonly open: number
  high: number
  low: number
  close: number
  volume: bigint
  quoteVolume: bigint
  readonly firstId: number
  count: number
}

export const quoteOf = (price: number, quantity: bigint): bigint => (BigInt(price) * quantity) / BigInt(ONE)

/** A rolling 24 hours kept by the hour, so that it may reach up to an hour further back than its name says. */
export class DayWindow {
  #hours: Hour[]
  #previousClose: number
  #last: number
  #lastQuantity = 0n
  #lastId: number

  constructor(last: number, hours: Hour[] = []) {
    this.#hours = hours
    this.#previousClose = hours[0]?.open ?? last
    const newest = hours.at(-1)
    this.#last = newest?.close ?? last
    this.#lastId = newest ? newest.firstId + newest.count - 1 : -1
  }

  get last(): number {
    return this.#last
  }

  add(traded: Aggregate): void {
    const hour = this.#hourOf(traded)
    hour.high = Math.max(hour.high, traded.price)
    hour.low = Math.min(hour.low, traded.price)
    hour.close = traded.price
    hour.volume += traded.quantity
    hour.quoteVolume += quoteOf(traded.price, traded.quantity)
    hour.count += traded.fills.length
    this.#last = traded.price
    this.#lastQuantity = traded.fills.at(-1) ?? 0n
    this.#lastId = traded.firstId + traded.fills.length - 1
  }

  #hourOf(traded: Aggregate): Hour {
    const startedAt = traded.at - (traded.at % HOUR_MS)
    const newest = this.#hours.at(-1)
    if (newest && newest.startedAt >= startedAt) return newest
    const { price, firstId } = traded
    const hour: Hour = { startedAt, open: price, high: price, low: price, close: price, volume: 0n, quoteVolume: 0n, firstId, count: 0 }
    this.#hours.push(hour)
    return hour
  }

  #expire(now: number): void {
    let oldest = this.#hours[0]
    while (oldest && oldest.startedAt + HOUR_MS <= now - DAY_MS) {
      this.#previousClose = oldest.close
      this.#hours.shift()
      oldest = this.#hours[0]
    }
  }

  /** The statistics of the 24 hours before `now`, an epoch time in ms. */
  at(now: number, book: Book): Day {
    this.#expire(now)
    let [high, low, volume, quoteVolume, count] = [0, Number.MAX_SAFE_INTEGER, 0n, 0n, 0]
    for (const hour of this.#hours) {
      high = Math.max(high, hour.high)
      low = Math.min(low, hour.low)
      volume += hour.volume
      quoteVolume += hour.quoteVolume
      count += hour.count
    }
    const first = this.#hours[0]
    const open = first?.open ?? this.#last
    const change = this.#last - open
    return {
      ...book,
      change: e8(change),
      changePercent: percent(change, open),
      average: e8(volume === 0n ? 0 : (quoteVolume * BigInt(ONE)) / volume),
      previousClose: e8(this.#previousClose),
      last: e8(this.#last),
      lastQuantity: e8(this.#lastQuantity),
      open: e8(open),
      high: e8(high),
      low: e8(first ? low : 0),
      volume: e8(volume),
      quoteVolume: e8(quoteVolume),
      openTime: now - DAY_MS,
      closeTime: now,
      firstId: first?.firstId ?? -1,
      lastId: first ? this.#lastId : -1,
      count,
    }
  }
}
