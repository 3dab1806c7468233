import type { Pair, Position } from '../price.ts'
import type { Entry } from './board.ts'

/** What one reader is still to be sent. */
export interface Mailbox {
  /** A newer price of one of the reader's pairs. */
  put(entry: Entry): void
  /** Takes what is due, in the order of positions. */
  take(now: number): readonly Entry[]
  /** When something kept back by the interval is due; Infinity: nothing is. */
  dueAt(): number
  readonly isEmpty: boolean
}

/** Keeps the newest price of each pair; with an interval, gives each pair at most once in it. Bounded by the number of pairs. */
export function createLatestMailbox(intervalMs: number): Mailbox {
  const pending = new Map<Pair, Entry>()
  const sentAt = new Map<Pair, number>()
  const dueOf = (pair: Pair): number => (sentAt.get(pair) ?? Number.NEGATIVE_INFINITY) + intervalMs
  return {
    put: entry => void pending.set(entry.pair, entry),
    take: now => {
      const due: Entry[] = []
      for (const [pair, entry] of pending) {
        if (intervalMs > 0) {
          if (dueOf(pair) > now) continue
          sentAt.set(pair, now)
        }
        pending.delete(pair)
        due.push(entry)
      }
      return due.length > 1 ? due.sort(byPosition) : due
    },
    dueAt: () => {
      let due = Number.POSITIVE_INFINITY
      for (const pair of pending.keys()) due = Math.min(due, dueOf(pair))
      return due
    },
    get isEmpty() {
      return pending.size === 0
    },
  }
}

const byPosition = (a: Entry, b: Entry): number => compare(a.update.at, b.update.at)
const compare = (a: Position, b: Position): number => a.epoch - b.epoch || a.sequence - b.sequence

/** Trades the reader did not get, first and last id; absent where prices came without one. */
export interface Gap {
  readonly pair: Pair
  readonly from: number | undefined
  readonly to: number | undefined
}

export interface EveryMailbox extends Mailbox {
  /** What had to be dropped since the last call. */
  gaps(): readonly Gap[]
}

/** Prices a reader in mode=every may have waiting. At about 450 bytes each, under 2 MB. */
export const everyMax = 4096

/** Keeps every trade, each once and in order, up to {@link everyMax}; beyond it what is waiting is dropped and told as a gap. */
export function createEveryMailbox(): EveryMailbox {
  let queue: Entry[] = []
  const lastTrade = new Map<Pair, number>()
  const missed = new Map<Pair, { from: number | undefined; to: number | undefined }>()
  const note = (pair: Pair, from: number | undefined, to: number | undefined): void =>
    void missed.set(pair, { from: missed.get(pair)?.from ?? from, to })
  const drop = (): void => {
    for (const { pair, update } of queue) {
      const tradeId = tradeIdOf(update.body)
      note(pair, tradeId, tradeId)
    }
    queue = []
  }
  return {
    put: entry => {
      const tradeId = tradeIdOf(entry.update.body)
      const before = lastTrade.get(entry.pair)
      if (tradeId !== undefined) {
        if (before !== undefined && tradeId <= before) return
        lastTrade.set(entry.pair, tradeId)
        if (entry.isAfterGap && before !== undefined && tradeId > before + 1) note(entry.pair, before + 1, tradeId - 1)
      } else if (entry.update.cause === 'book') return
      if (queue.length >= everyMax) drop()
      queue.push(entry)
    },
    take: () => {
      const taken = queue
      queue = []
      return taken
    },
    dueAt: () => (queue.length > 0 ? 0 : Number.POSITIVE_INFINITY),
    gaps: () => {
      const gaps = [...missed].map(([pair, gap]) => ({ pair, ...gap }))
      missed.clear()
      return gaps
    },
    get isEmpty() {
      return queue.length === 0
    },
  }
}

function tradeIdOf(body: string): number | undefined {
  const match = /"tradeId":(\d+)/.exec(body)
  return match === null ? undefined : Number(match[1])
}
