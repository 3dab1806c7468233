import { isNewer, type Pair, type Position } from '../price.ts'
import { type Entry, tradeIdOf, unplaced } from './board.ts'
import { fillIn, type Missing } from './missing.ts'

/** Trades the reader did not get, first and last id; absent where they are not known. */
export interface Gap {
  readonly pair: Pair
  readonly from: number | undefined
  readonly to: number | undefined
}

/** What one reader is still to be sent. */
export interface Mailbox {
  /** A newer price of one of the reader's pairs. Returns whether it was one too many, and what was waiting became a gap. */
  put(entry: Entry): boolean
  /**
   * Takes what is due, in the order of positions; a gap stands where it happened. Mode `every`: no more than `bytesMax` of it, and one price at
   * least; the rest is due as well.
   */
  take(now: number, bytesMax?: number): readonly (Entry | Gap)[]
  /** Trades that this reader may wait for were asked for, and this is what was found. Returns whether it does, and something is due now. */
  fill(missing: Missing, found: () => readonly Entry[]): boolean
  /** A price of this pair was put here before, so it knows by itself which trades are new. */
  knows(pair: Pair): boolean
  /** Last trade of each pair that was put here, undefined for a price without one; empty where nobody asks. */
  readonly trades: ReadonlyMap<Pair, number | undefined>
  /** What is due, whenever. */
  readonly waiting: readonly (Entry | Gap)[]
  /** Before this price others are missing that might be asked for. */
  lacks(entry: Entry): boolean
  /** When something kept back by the interval is due; Infinity: nothing is waiting. */
  dueAt(): number
  readonly isEmpty: boolean
}

/**
 * Keeps the newest price of each pair. Bounded by the number of pairs.
 *
 * With an interval, everything waiting goes out together once in it: were each pair sent in a rhythm of its own, a reader could leave with
 * the id of one price while an older one of another pair still waits, and would never be sent that. Only the first price of a pair does
 * not wait; it goes without an id when older ones do.
 */
export function createLatestMailbox(intervalMs: number): Mailbox {
  const pending = new Map<Pair, Entry>()
  /** Pairs sent before, and from when on they may be again. */
  const againAt = new Map<Pair, number>()
  let beatAt = Number.NEGATIVE_INFINITY
  let hasFirst = false

  const takeAll = (): Entry[] => {
    const due = [...pending.values()]
    pending.clear()
    return due
  }

  const overtakes = (entry: Entry): boolean => [...pending.values()].some(({ at }) => isNewer(entry.at, at))

  const takeDue = (now: number): Entry[] => {
    const isBeat = now >= beatAt
    const due: Entry[] = []
    if (!isBeat && !hasFirst) return due
    for (const [pair, entry] of pending) {
      const from = againAt.get(pair)
      if (from !== undefined && (!isBeat || from > now)) continue
      againAt.set(pair, isBeat ? 0 : now + intervalMs)
      pending.delete(pair)
      due.push(entry)
    }
    if (pending.size > 0) for (const [at, entry] of due.entries()) if (overtakes(entry)) due[at] = unplaced(entry)
    if (isBeat && (due.length > 0 || pending.size > 0)) beatAt = now + intervalMs
    hasFirst = false
    return due
  }

  return {
    put: entry => {
      pending.set(entry.pair, entry)
      if (intervalMs > 0 && !againAt.has(entry.pair)) hasFirst = true
      return false
    },
    take: now => inOrder(intervalMs > 0 ? takeDue(now) : takeAll()),
    fill: () => false,
    knows: () => false,
    trades: noTrades,
    get waiting() {
      return [...pending.values()]
    },
    lacks: () => false,
    dueAt: () => (pending.size === 0 ? Number.POSITIVE_INFINITY : intervalMs === 0 || hasFirst ? 0 : beatAt),
    get isEmpty() {
      return pending.size === 0
    },
  }
}

const noTrades: ReadonlyMap<Pair, undefined> = new Map()

/** Sorts by position, in place; most often there is nothing to do. */
export function inOrder(entries: Entry[]): Entry[] {
  let last: Position | undefined
  for (const { at } of entries) {
    if (last !== undefined && isNewer(last, at)) return entries.sort(byPosition)
    last = at
  }
  return entries
}

const byPosition = (a: Entry, b: Entry): number => compare(a.at, b.at)
const compare = (a: Position, b: Position): number => a.epoch - b.epoch || a.sequence - b.sequence

/** Prices a reader in mode=every may have waiting, and how long they may be together. Each is about 450 bytes; those of the bus may have 4 KiB. */
export const everyMax = 4096
export const everyBytesMax = 2 * 1024 * 1024

/** Asks for trades that are missing. Returns until when (monotonic clock) to wait for them; undefined: they cannot be had. */
export type AskMissing = (missing: Missing) => number | undefined

/** A gap that may be filled yet. What is behind it waits: all of it, or a reader could leave with a position beyond what it never got. */
interface Hold extends Missing {
  readonly until: number
  filled: readonly (Entry | Gap)[] | undefined
}

const isHold = (item: Entry | Gap): item is Hold => 'until' in item

export interface EveryOptions {
  /** What the reader had when it left, to tell it what it missed. */
  readonly after?: Position | undefined
  readonly ask?: AskMissing | undefined
  /** Goes on from there: what its reader had, and what it is still due. */
  readonly before?: Mailbox | undefined
}

/**
 * Keeps every trade, each once and in order, up to {@link everyMax} and {@link everyBytesMax}; beyond it what is waiting is dropped and told
 * as a gap. The first price of a pair is sent whatever brought it.
 */
export function createEveryMailbox({ after, ask = () => undefined, before }: EveryOptions = {}): Mailbox {
  let queue: (Entry | Gap)[] = before === undefined ? [] : [...before.waiting]
  let holds = 0
  let bytes = bytesOf(queue)
  const lastTrade = new Map(before?.trades)

  /** Trades between the last one and this, if it is known that there were some. */
  const missingBefore = (entry: Entry): Missing | undefined => {
    // Trades tell one by one what happened, or (aggTrade) in one what several did; everything else skips those before it.
    if (!entry.isAfterGap && entry.update.cause === 'trade') return undefined
    const { pair } = entry
    const [last, tradeId] = [lastTrade.get(pair), tradeIdOf(entry)]
    if (last === undefined || tradeId === undefined || tradeId <= last + 1) return undefined
    return { pair, from: last + 1, to: tradeId - 1 }
  }

  const hold = (gap: Missing): Gap => {
    const until = ask(gap)
    if (until === undefined) return gap
    holds += 1
    const held: Hold = { ...gap, until, filled: undefined }
    return held
  }

  /** What was held is due now: as it was found, or as a gap. */
  const release = (at: number, { pair, from, to, filled = [{ pair, from, to }] }: Hold): void => {
    holds -= 1
    bytes += bytesOf(filled)
    queue.splice(at, 1, ...filled)
  }

  const takeSome = (now: number, bytesMax: number): readonly (Entry | Gap)[] => {
    let taken = 0
    let at = 0
    while (at < queue.length && taken < bytesMax) {
      const item = queue[at] as Entry | Gap
      if (!isHold(item)) {
        taken += sizeOf(item)
        at += 1
      } else if (item.filled === undefined && item.until > now) break
      else release(at, item)
    }
    bytes -= taken
    return queue.splice(0, at)
  }

  const drop = (): void => {
    holds = 0
    const missed = new Map<Pair, Gap>()
    for (const item of queue) {
      const { pair } = item
      const { from, to } = isGap(item) ? item : { from: tradeIdOf(item), to: tradeIdOf(item) }
      const before = missed.get(pair)
      missed.set(pair, { pair, from: before === undefined ? from : before.from, to })
    }
    queue = [...missed.values()]
    bytes = 0
  }

  const add = (entry: Entry, gap: Gap | undefined): boolean => {
    const { length } = entry.update.body
    const isFull = queue.length >= everyMax || bytes + length > everyBytesMax
    if (isFull) drop()
    bytes += length
    if (gap !== undefined) queue.push(gap)
    queue.push(entry)
    return isFull
  }

  return {
    put: entry => {
      const { pair } = entry
      const tradeId = tradeIdOf(entry)
      if (!lastTrade.has(pair)) {
        lastTrade.set(pair, tradeId)
        return add(entry, gapSince(after, entry))
      }
      const before = lastTrade.get(pair)
      if (tradeId === undefined) return entry.update.cause === 'book' ? false : add(entry, undefined)
      if (before !== undefined && tradeId <= before) return false
      const missing = missingBefore(entry)
      lastTrade.set(pair, tradeId)
      return add(entry, missing === undefined ? undefined : hold(missing))
    },
    fill: (missing, found) => {
      if (holds === 0) return false
      for (const item of queue) {
        if (!isHold(item) || item.filled !== undefined || item.pair !== missing.pair) continue
        if (item.from >= missing.from && item.to <= missing.to) item.filled = fillIn(item, found())
      }
      const [first] = queue
      return first !== undefined && (!isHold(first) || first.filled !== undefined)
    },
    take: (now, bytesMax = Number.POSITIVE_INFINITY) => {
      if (holds > 0 || bytes > bytesMax) return takeSome(now, bytesMax)
      const taken = queue
      if (taken.length > 0) queue = []
      bytes = 0
      return taken
    },
    knows: pair => lastTrade.has(pair),
    trades: lastTrade,
    get waiting() {
      return queue
    },
    lacks: entry => missingBefore(entry) !== undefined,
    dueAt: () => {
      const [first] = queue
      if (first === undefined) return Number.POSITIVE_INFINITY
      return isHold(first) && first.filled === undefined ? first.until : 0
    },
    get isEmpty() {
      return queue.length === 0
    },
  }
}

const sizeOf = (item: Entry | Gap): number => (isGap(item) ? 0 : item.update.body.length)
const bytesOf = (items: readonly (Entry | Gap)[]): number => items.reduce((sum, item) => sum + sizeOf(item), 0)

export const isGap = (item: Entry | Gap): item is Gap => !('update' in item)

/** What a reader missed of a pair between the price it left with and this one; the first id is only known to the reader. */
function gapSince(after: Position | undefined, entry: Entry): Gap | undefined {
  if (after === undefined) return undefined
  const { at, prev } = entry.update
  // A price that is told of none before it stands after a hole, also in the same term.
  if (at.epoch === after.epoch && prev > 0 && prev <= after.sequence) return undefined
  const tradeId = tradeIdOf(entry)
  return { pair: entry.pair, from: undefined, to: tradeId === undefined ? undefined : tradeId - 1 }
}
