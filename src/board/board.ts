import type { Clock } from '../clock.ts'
import { isNewer, type Level, madeAt, origin, type Pair, type Position, type Update, withLevel } from '../price.ts'
import { chunk, priceEvent } from './frame.ts'

/** The last price of a pair, and when something was last heard of it. */
export interface Entry {
  readonly pair: Pair
  readonly update: Update
  /** The position readers know it by. Its own, most often; see {@link createBoard}. */
  at: Position
  /** Wall clock: when the exchange's message arrived, on whatever instance. */
  readonly receivedAt: number
  /** It was read where the last price is stored, and so long after it was made that newer ones may have come to nothing. */
  readonly isStored: boolean
  /** It came when it was made, over our own socket or the bus. */
  readonly isTold: boolean
  /** Between the price before and this one others were published that never came here. */
  readonly isAfterGap: boolean
  /** Monotonic clock here: when the price was last known to be the exchange's newest, be it because that was said again. */
  heardAt: number
  /** Undefined: not looked for yet. */
  tradeId?: number | 'none'
  /** As readers get it, made when the first one does. */
  frame?: Buffer | undefined
  /** The same as numbered in another term. */
  renumbered?: Entry
  /** The same at another level than it was published at, for those who join while it has that one. */
  reframed?: { readonly level: Level; readonly frame: Buffer } | undefined
}

/** Why a price may not be the exchange's newest. */
export interface Doubts {
  /** The exchange is known to have a newer one. */
  readonly isBehind?: boolean
  readonly isStored?: boolean
  readonly isTold?: boolean
}

/**
 * The last price of each pair on this instance. Keeps what is newer by position and drops the rest, wherever it comes from: our own
 * socket, the bus, a key read while joining. Between two terms, or the bus and an instance on its own, positions alone do not tell which of
 * two sockets was ahead for a moment: an older trade is dropped, too. That is the whole defence against prices that go back.
 */
export interface Board {
  /** Returns whether it was newer, and is now the last one. */
  apply(update: Update, receivedAt: number, doubts?: Doubts): boolean
  /** The price is still the newest. */
  heard(pair: Pair): void
  get(pair: Pair): Entry | undefined
  /** Age of the newest price, in ms; Infinity when there is none. */
  newestAgeMs(): number
  /** Forgets all other pairs: a price nobody follows any more must not be shown later as if it were today's. */
  keep(pairs: ReadonlySet<Pair>): void
}

const behind = (newest: Position, epoch: number): Position =>
  epoch > newest.epoch ? { epoch, sequence: madeAt(newest) - epoch + 1 } : { epoch: newest.epoch, sequence: newest.sequence + 1 }

/**
 * A reader that comes back names the last id it saw, and means all its pairs. So ids grow in the order of applying, whatever the pair: a price
 * that comes late (stored, of a pair just wanted; from the bus, after a time alone with another clock) gets the place right behind the newest.
 * So does one of a newer term that was made before it: the reader would say of all its pairs that what it has is older than it is.
 */
export function createBoard(clock: Clock, applied: (entry: Entry) => void): Board {
  const entries = new Map<Pair, Entry>()
  let newest: Position = origin

  const place = (at: Position): Position => {
    if (at.epoch === 0) return at
    newest = isNewer(at, newest) && madeAt(at) > madeAt(newest) ? at : behind(newest, at.epoch)
    return newest
  }

  return {
    apply: (update, receivedAt, { isBehind = false, isStored = false, isTold = !isStored } = {}) => {
      const before = entries.get(update.pair)
      if (before !== undefined && !isNewer(update.at, before.update.at)) return false
      const heardAt = isBehind ? (before?.heardAt ?? Number.NEGATIVE_INFINITY) : clock.now()
      const isAfterGap = isGapBetween(before?.update, update)
      const entry: Entry = { pair: update.pair, update, at: update.at, receivedAt, isAfterGap, isStored, isTold, heardAt }
      if (before !== undefined && isOlderTrade(entry, before)) return false
      entry.at = place(update.at)
      entries.set(update.pair, entry)
      applied(entry)
      return true
    },
    heard: pair => {
      const entry = entries.get(pair)
      if (entry !== undefined) entry.heardAt = clock.now()
    },
    get: pair => entries.get(pair),
    newestAgeMs: () => {
      let newestAt = Number.NEGATIVE_INFINITY
      for (const { receivedAt } of entries.values()) if (receivedAt > newestAt) newestAt = receivedAt
      return Math.max(0, clock.wall() - newestAt)
    },
    keep: pairs => {
      for (const pair of entries.keys()) if (!pairs.has(pair)) entries.delete(pair)
    },
  }
}

/** A term's first price of a pair cannot say what came before it: whatever the term before published last may be missing. */
const isGapBetween = (before: Update | undefined, update: Update): boolean =>
  before !== undefined && (before.at.epoch !== update.at.epoch || before.at.sequence !== update.prev)

function isOlderTrade(entry: Entry, before: Entry): boolean {
  const [trade, tradeBefore] = [tradeIdOf(entry), tradeIdOf(before)]
  return trade !== undefined && tradeBefore !== undefined && trade < tradeBefore
}

/** An entry as every reader gets it: encoded once, whoever comes first. */
export function frameOf(entry: Entry): Buffer {
  entry.frame ??= chunk(priceEvent(entry.at, entry.update.body))
  return entry.frame
}

/** The same price with a position of another term, made once for all readers that know that term. It follows nothing they know of. */
export function renumber(entry: Entry, at: Position): Entry {
  const { pair, update, receivedAt, isStored, isTold, isAfterGap, heardAt } = entry
  if (entry.renumbered?.at.epoch === at.epoch) return entry.renumbered
  entry.renumbered = { pair, update: { ...update, at, prev: at.sequence }, at, receivedAt, isStored, isTold, isAfterGap, heardAt }
  return entry.renumbered
}

/** The same, for a reader that is to keep the id it has. */
export const unplaced = (entry: Entry): Entry => ({ ...entry, at: origin, frame: undefined, reframed: undefined })

/** The same at the level it has now. */
export function frameAt(entry: Entry, level: Level): Buffer {
  const { at } = entry
  const { body } = entry.update
  if (body.includes(`,"level":"${level}","cached":`)) return frameOf(entry)
  if (entry.reframed?.level !== level) entry.reframed = { level, frame: chunk(priceEvent(at, withLevel(body, level))) }
  return entry.reframed.frame
}

/** The id of the last trade in the price, read once. */
export function tradeIdOf(entry: Entry): number | undefined {
  if (entry.tradeId === undefined) {
    const match = /,"tradeId":(\d+)/.exec(entry.update.body)
    entry.tradeId = match === null ? 'none' : Number(match[1])
  }
  return entry.tradeId === 'none' ? undefined : entry.tradeId
}
