import type { Outlet, Seat } from '../../src/board/hub.ts'
import { formatPosition, isNewer, origin, type Position, parsePosition } from '../../src/price.ts'
import type { Chance } from './chance.ts'
import type { ProcessClock, TimeLine } from './time.ts'

/** What a reader was shown of one pair. */
export interface Shown {
  /** The last one it was shown at: a price without an id leaves it as it was. */
  readonly position: Position
  readonly tradeId: number
  /** When, world's clock. */
  readonly at: number
  /** It had an id. */
  readonly isNumbered: boolean
  /** The stream that brought it. */
  readonly connection: number
}

export type ReaderTrouble = (what: string) => void

/**
 * A reader of one stream, kept over all streams it has opened: it reconnects to any instance as a browser would, and what it saw before
 * counts against what it sees next. May take bytes slowly.
 */
export class SimulatedReader {
  readonly name: string
  pairs: readonly string[]
  readonly mode: 'latest' | 'every'
  readonly shown = new Map<string, Shown>()
  pairLevels: Record<string, string> = {}
  /** When the level of a pair was told to be another, world's clock. */
  readonly levelSince = new Map<string, number>()
  lastId: string | undefined
  seat: Seat | undefined
  isSlow = false
  /** What it was still to be given when it last was slow may take so long, world's clock. */
  behindUntil = 0
  readonly #line: TimeLine
  readonly #chance: Chance
  readonly #trouble: ReaderTrouble
  #connection = 0
  #joinedAt = 0
  /** Of the stream that is open: the last id, and what it was asked to begin after. */
  #lastHere: Position | undefined
  #after: Position | undefined
  /** Of the stream that is open, when every trade is wanted: the last one of each pair that was shown, or told to be missing. */
  readonly #coveredHere = new Map<string, number>()

  constructor(parts: {
    name: string
    pairs: readonly string[]
    mode: 'latest' | 'every'
    line: TimeLine
    chance: Chance
    trouble: ReaderTrouble
  }) {
    this.name = parts.name
    this.pairs = parts.pairs
    this.mode = parts.mode
    this.#line = parts.line
    this.#chance = parts.chance
    this.#trouble = parts.trouble
  }

  /** A new stream: what it brings is read; `ended` is called when the server ends it. */
  outlet(clock: ProcessClock, ended: () => void): Outlet {
    this.#connection += 1
    const mine = this.#connection
    this.#joinedAt = this.#line.now
    this.#lastHere = undefined
    this.#coveredHere.clear()
    this.#after = parsePosition(this.lastId)
    const isMine = (): boolean => mine === this.#connection
    return {
      write: frames => {
        if (isMine()) for (const frame of frames) this.#read(frame.toString('latin1'))
        if (!this.isSlow) return true
        this.behindUntil = this.#line.now + 4000
        this.#line.at(this.#line.now + this.#chance.between(50, 3000), () => {
          if (isMine()) clock.deliver(() => this.seat?.drained())
        })
        return false
      },
      end: () => isMine() && ended(),
      cut: () => isMine() && ended(),
      waitingBytes: 0,
    }
  }

  /** It came from elsewhere so lately, and this stream has not brought the pair yet. */
  isNewHere(pair: string, withinMs: number): boolean {
    const isShownHere = this.shown.get(pair)?.connection === this.#connection
    return this.#after !== undefined && !isShownHere && this.#line.now < this.#joinedAt + withinMs
  }

  /** Wants other pairs from the next stream on, which begins anew, as a browser's new EventSource does. */
  turnTo(pairs: readonly string[]): void {
    this.pairs = pairs
    this.lastId = undefined
    this.shown.clear()
  }

  /** The stream is gone. */
  leave(): void {
    this.#connection += 1
    this.seat = undefined
  }

  /** One or more chunks of a chunked body, all of them plain ASCII. */
  #read(chunks: string): void {
    for (let at = 0; at < chunks.length; ) {
      const from = chunks.indexOf('\r\n', at) + 2
      const length = Number.parseInt(chunks.slice(at, from - 2), 16)
      this.#readText(chunks.slice(from, from + length))
      at = from + length + 2
    }
  }

  #readText(text: string): void {
    for (let from = 0; from < text.length; ) {
      const end = text.indexOf('\n\n', from)
      this.#readEvent(text.slice(from, end))
      from = end + 2
    }
  }

  #readEvent(block: string): void {
    if (block.startsWith('event: price\n')) return this.#readPriceEvent(block)
    if (block.startsWith('event: gap\n')) return this.#readGap(JSON.parse(fieldOf(block, 'data')))
    if (!block.startsWith('event: status\n')) return
    const value = JSON.parse(fieldOf(block, 'data'))
    for (const [pair, level] of Object.entries(value.pairs)) if (level !== this.pairLevels[pair]) this.levelSince.set(pair, this.#line.now)
    this.pairLevels = value.pairs
  }

  /** By pattern: this is most of what a world does. test/unit and test/fuzz read every field of a stream. */
  #readPriceEvent(block: string): void {
    const match = /"pair":"([^"]+)".*?"tradeId":(\d+).*?"level":"[a-z-]+"/.exec(block)
    const id = fieldOf(block, 'id')
    const position = parsePosition(id)
    if (match === null || (id !== '' && position === undefined)) return this.#trouble(`${this.name} cannot read ${block.slice(0, 200)}`)
    const [, pair = '', tradeText] = match
    const tradeId = Number(tradeText)
    if (this.mode === 'every') this.#readTrade(pair, tradeId)
    this.#readPrice(pair, tradeId, position)
    if (position === undefined) return
    this.#readPosition(pair, position)
    this.lastId = id
  }

  #readGap({ pair, from, to }: { pair: string; from?: number; to?: number }): void {
    const covered = this.#coveredHere.get(pair)
    if (covered !== undefined && from !== undefined && from > covered + 1)
      this.#trouble(`${this.name} was told a gap of ${pair} from ${from}, and nothing of ${covered + 1}`)
    if (to !== undefined) this.#coveredHere.set(pair, Math.max(covered ?? 0, to))
  }

  /** Every trade is shown, or told to be missing, before the next one is. */
  #readTrade(pair: string, tradeId: number): void {
    const covered = this.#coveredHere.get(pair)
    if (covered !== undefined && tradeId > covered + 1)
      this.#trouble(`${this.name} was shown trade ${tradeId} of ${pair}, and told nothing of ${covered + 1} to ${tradeId - 1}`)
    this.#coveredHere.set(pair, Math.max(covered ?? 0, tradeId))
  }

  /** Nothing older of a pair is shown after something newer. */
  #readPrice(pair: string, tradeId: number, position: Position | undefined): void {
    const before = this.shown.get(pair)
    if (before !== undefined) {
      // A price without an id stands outside the order; its trade must still not be older.
      if (position !== undefined && isNewer(before.position, position))
        this.#trouble(`${this.name} was shown ${pair} at ${formatPosition(position)} after ${formatPosition(before.position)}`)
      // An instance that never saw the bus cannot number its prices: the reader cannot tell the next one how new they were.
      const isForgotten = before.connection !== this.#connection && !before.isNumbered
      if (tradeId < before.tradeId && !isForgotten)
        this.#trouble(`${this.name} was shown trade ${tradeId} of ${pair} after ${before.tradeId}`)
    }
    this.shown.set(pair, {
      position: position ?? before?.position ?? origin,
      isNumbered: position !== undefined,
      connection: this.#connection,
      tradeId,
      at: this.#line.now,
    })
  }

  /** Whatever the pair, ids grow on one stream, and from what it was asked to begin after. */
  #readPosition(pair: string, position: Position): void {
    if (this.#after !== undefined && !isNewer(position, this.#after))
      this.#trouble(
        `${this.name} wants what is newer than ${formatPosition(this.#after)}, and was shown ${pair} at ${formatPosition(position)}`,
      )
    if (this.#lastHere !== undefined && !isNewer(position, this.#lastHere))
      this.#trouble(`${this.name} was shown ${pair} at ${formatPosition(position)} after ${formatPosition(this.#lastHere)}, on one stream`)
    this.#lastHere = position
  }
}

/** The value of a field of an event, '' if it has none. */
function fieldOf(block: string, name: string): string {
  const at = block.indexOf(`\n${name}: `)
  if (at < 0) return ''
  const end = block.indexOf('\n', at + 1)
  return block.slice(at + name.length + 3, end < 0 ? undefined : end)
}
