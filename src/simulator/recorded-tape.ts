import { type Aggregate, type Book, type Day, DayWindow, EMPTY_BOOK } from './day.ts'
import { fromDecimal } from './decimals.ts'
import type { Listing } from './listing.ts'
import type { Recording } from './recording.ts'

const KEPT = 2000

interface RecordedTrade {
  readonly t: number
  readonly p: string
  readonly q: string
  readonly T: number
  readonly m: boolean
}

interface RecordedBook {
  readonly b: string
  readonly B: string
  readonly a: string
  readonly A: string
}

/** A recorded symbol as REST shows it: like one that was just listed until its first trade is replayed. */
export class RecordedTape {
  readonly listing: Listing
  /** One per trade, newest last: the recording does not say which trades belonged together. */
  readonly aggregates: Aggregate[] = []
  readonly #recording: Recording
  readonly #day = new DayWindow(0)
  readonly #trades: string
  readonly #books: string
  #read = 0
  #book: Buffer | undefined

  constructor(listing: Listing, recording: Recording) {
    this.listing = listing
    this.#recording = recording
    this.#trades = `${listing.symbol.toLowerCase()}@trade`
    this.#books = `${listing.symbol.toLowerCase()}@bookTicker`
  }

  /** Takes in the frames before number `end`; only asking for a symbol costs reading them. */
  readTo(end: number): void {
    for (; this.#read < end; this.#read++) {
      const frame = this.#recording.frames[this.#read]
      if (frame?.stream === this.#trades) this.#add(JSON.parse(frame.payload.toString()) as RecordedTrade)
      else if (frame?.stream === this.#books) this.#book = frame.payload
    }
  }

  #add(trade: RecordedTrade): void {
    const quantity = fromDecimal(trade.q)
    const traded: Aggregate = {
      id: trade.t,
      price: Number(fromDecimal(trade.p)),
      quantity,
      firstId: trade.t,
      fills: [quantity],
      at: trade.T,
      buyerIsMaker: trade.m,
    }
    this.#day.add(traded)
    this.aggregates.push(traded)
    if (this.aggregates.length >= 2 * KEPT) this.aggregates.splice(0, this.aggregates.length - KEPT)
  }

  get book(): Book {
    if (!this.#book) return EMPTY_BOOK
    const { b, B, a, A } = JSON.parse(this.#book.toString()) as RecordedBook
    return { bid: b, bidQuantity: B, ask: a, askQuantity: A }
  }

  /** Ends with the last replayed trade, not now: a recording has its own time. */
  day(): Day {
    return this.#day.at(this.aggregates.at(-1)?.at ?? this.#recording.startedAt, this.book)
  }
}
