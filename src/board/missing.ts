import { origin, type Pair, writeBody } from '../price.ts'
import type { Entry } from './board.ts'

/** Trades of a pair that never came here: first and last id. */
export interface Missing {
  readonly pair: Pair
  readonly from: number
  readonly to: number
}

/** What the exchange told of them when it was asked, in order. What is not among it cannot be had. */
export interface Found extends Missing {
  readonly symbol: string
  /** Wall clock, epoch ms. */
  readonly receivedAt: number
  readonly trades: readonly FoundTrade[]
}

/** One trade; or, with `firstTradeId`, several in a row that were made at one price in one moment. */
export interface FoundTrade {
  readonly firstTradeId?: number
  readonly tradeId: number
  readonly price: string
  readonly exchangeTime: number
}

/** What was found as readers of every trade get it: one price for each trade, and none outside of what is missing. */
export function entriesOf({ pair, symbol, from, to, receivedAt, trades }: Found): readonly Entry[] {
  const entries: Entry[] = []
  let next = from
  for (const { tradeId: last, firstTradeId: first = last, price, exchangeTime } of trades) {
    for (next = Math.max(next, first); next <= Math.min(last, to); next += 1) {
      const told = { pair, symbol, price, tradeId: next, exchangeTime, receivedAt, source: 'rest' } as const
      // Outside the order of terms: a reader that leaves now comes back for what followed the trade before them.
      const update = { pair, at: origin, prev: 0, cause: 'trade', body: writeBody(told, 'trade', 'polling') } as const
      const rest = { receivedAt, isStored: false, isTold: true, isAfterGap: false, heardAt: Number.NEGATIVE_INFINITY }
      entries.push({ pair, update, at: origin, tradeId: next, ...rest })
    }
  }
  return entries
}

/** What was found of what is missing, and where something is missing still, a gap. `entries` in order. */
export function fillIn({ pair, from, to }: Missing, entries: readonly Entry[]): readonly (Entry | Missing)[] {
  const items: (Entry | Missing)[] = []
  let next = from
  for (const entry of entries) {
    const { tradeId } = entry
    if (typeof tradeId !== 'number' || tradeId < next || tradeId > to) continue
    if (tradeId > next) items.push({ pair, from: next, to: tradeId - 1 })
    items.push(entry)
    next = tradeId + 1
  }
  if (next <= to) items.push({ pair, from: next, to })
  return items
}
