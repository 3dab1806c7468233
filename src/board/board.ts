import type { Clock } from '../clock.ts'
import { isNewer, type Level, type Pair, type Update, withLevel } from '../price.ts'
import { chunk, priceEvent } from './frame.ts'

/** The last price of a pair, and when something was last heard of it. */
export interface Entry {
  readonly pair: Pair
  readonly update: Update
  /** Wall clock: when the exchange's message arrived, on whatever instance. */
  readonly receivedAt: number
  /** Between the price before and this one others were published that never came here. */
  readonly isAfterGap: boolean
  /** Monotonic clock here: when the pair was last heard of, be it to say the same again. */
  heardAt: number
  /** As readers get it, made when the first one does. */
  frame?: Buffer
}

/**
 * The last price of each pair on this instance. Keeps what is newer by position and drops the rest, wherever it comes from: our own
 * socket, the bus, a key read while joining. That is the whole defence against prices that go back.
 */
export interface Board {
  /** Returns whether it was newer, and is now the last one. */
  apply(update: Update, receivedAt: number): boolean
  /** The pair is alive, although there is nothing new. */
  heard(pair: Pair): void
  get(pair: Pair): Entry | undefined
  /** Age of the newest price, in ms; Infinity when there is none. */
  newestAgeMs(): number
  /** Forgets all other pairs: a price nobody follows any more must not be shown later as if it were today's. */
  keep(pairs: ReadonlySet<Pair>): void
}

export function createBoard(clock: Clock, applied: (entry: Entry) => void): Board {
  const entries = new Map<Pair, Entry>()
  let newestAt = 0
  return {
    apply: (update, receivedAt) => {
      const before = entries.get(update.pair)?.update
      if (before !== undefined && !isNewer(update.at, before.at)) return false
      const isAfterGap = before !== undefined && before.at.epoch === update.at.epoch && update.prev !== before.at.sequence
      const entry = { pair: update.pair, update, receivedAt, isAfterGap, heardAt: clock.now() }
      entries.set(update.pair, entry)
      if (receivedAt > newestAt) newestAt = receivedAt
      applied(entry)
      return true
    },
    heard: pair => {
      const entry = entries.get(pair)
      if (entry !== undefined) entry.heardAt = clock.now()
    },
    get: pair => entries.get(pair),
    newestAgeMs: () => (newestAt === 0 ? Number.POSITIVE_INFINITY : Math.max(0, clock.wall() - newestAt)),
    keep: pairs => {
      for (const pair of entries.keys()) if (!pairs.has(pair)) entries.delete(pair)
    },
  }
}

/** An entry as every reader gets it: encoded once, whoever comes first. */
export function frameOf(entry: Entry): Buffer {
  entry.frame ??= chunk(priceEvent(entry.update.at, entry.update.body))
  return entry.frame
}

/** The same at another level than it was published at. */
export const frameAt = ({ update }: Entry, level: Level): Buffer => chunk(priceEvent(update.at, withLevel(update.body, level)))
