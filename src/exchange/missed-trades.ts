import { z } from 'zod'
import { after, type Clock } from '../clock.ts'
import { isPrice } from './binance-message.ts'
import type { Answer, Trade } from './exchange.ts'

/**
 * Trades by their ids. aggTrades is the endpoint that needs no key and reaches back; its `a` and `fromId` count aggregates, which hold the
 * trades `f` to `l`, all of one price and time. So the newest are asked for, and those before them until the first wanted one is among them.
 * They come from a database (rest-api.md), which may be a moment behind the stream.
 */
export interface Aggregate extends Trade {
  readonly aggregateId: number
  readonly firstTradeId: number
}

export interface WantedTrades {
  readonly symbol: string
  /** First and last trade id. */
  readonly from: number
  readonly to: number
  /** Monotonic clock: nothing is asked after it. */
  readonly until: number
}

/** The newest aggregates of a symbol, or those from an aggregate's id on; at most {@link aggregatesMax}, in order. */
export type AskAggregates = (symbol: string, fromAggregate?: number) => Promise<Answer<readonly Aggregate[]>>

export const aggregatesMax = 1000
const asksMax = 6
const lagMs = 150

const id = z.number().int().nonnegative()
const aggregate = z.object({ a: id, p: z.string().refine(isPrice), f: id, l: id, T: id })

/** Reads aggTrades; undefined for what is not that. An aggregate without trades (seen with ids of -1) is left out. */
export function readAggregates(answer: unknown): readonly Aggregate[] | undefined {
  if (!Array.isArray(answer)) return undefined
  const read: Aggregate[] = []
  for (const item of answer) {
    const { data } = aggregate.safeParse(item)
    if (data === undefined || data.f > data.l) continue
    read.push({ aggregateId: data.a, price: data.p, firstTradeId: data.f, tradeId: data.l, exchangeTime: data.T })
  }
  return read.length === 0 && answer.length > 0 ? undefined : read
}

/** What can be had of these trades in time, in order. */
export async function findTrades(clock: Clock, ask: AskAggregates, wanted: WantedTrades): Promise<readonly Trade[]> {
  const { symbol, from, to, until } = wanted
  let found: readonly Aggregate[] = []
  for (let asks = 0; asks < asksMax && clock.now() < until; asks += 1) {
    const [first] = found
    if (first !== undefined && (first.firstTradeId <= from || first.aggregateId === 0)) break
    const answer = await ask(symbol, first === undefined ? undefined : Math.max(0, first.aggregateId - aggregatesMax))
    if (answer.kind !== 'answered') break
    const last = answer.value.at(-1)
    const isBehind = first === undefined && (last === undefined || last.tradeId < to)
    if (isBehind && clock.now() + lagMs < until && asks < asksMax - 2) await after(clock, lagMs)
    else if (first === undefined) found = answer.value
    else {
      const before = answer.value.filter(({ aggregateId }) => aggregateId < first.aggregateId)
      if (before.length === 0) break
      found = [...before, ...found]
    }
  }
  return found.filter(({ firstTradeId, tradeId }) => tradeId >= from && firstTradeId <= to)
}
