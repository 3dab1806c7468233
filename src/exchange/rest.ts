import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { isPrice } from './binance-message.ts'
import type { Answer, Tick } from './exchange.ts'
import { causeOf, createHosts, refusalMs } from './hosts.ts'
import { type AskAggregates, aggregatesMax, readAggregates } from './missed-trades.ts'
import { createWeight } from './weight.ts'
import { type Get, get as getOverHttp, type Reply } from './wire.ts'

/**
 * Asks Binance over REST, within what it allows: after a refusal nothing is asked until the time it named has passed, whatever it is that
 * wants to ask; and before the weight of a minute is used up, what can wait does, so that prices can be polled to the end of it.
 */
export interface Rest {
  /** Last prices of these symbols (TRADING ones only: one unknown symbol spoils the whole request). */
  prices(symbols: readonly string[]): Promise<Answer<readonly Tick[]>>
  /** exchangeInfo as the exchange sent it: megabytes, or little of a few symbols. One that is not listed spoils the whole request. */
  exchangeInfo(symbols?: readonly string[]): Promise<Answer<unknown>>
  readonly aggregates: AskAggregates
  /** The exchange told another who shares our address not to ask for so long. */
  stayAway(waitMs: number): void
  counts(): RestCounts
}

/** Requests by how they ended, and the weight the exchange last said was used in a minute. */
export interface RestCounts {
  readonly answered: number
  readonly refused: number
  readonly unreachable: number
  readonly weight: number
}

export interface RestOptions {
  readonly clock: Clock
  readonly urls: readonly string[]
  readonly timeoutMs?: number
  /** Told once for each time the exchange refuses us. */
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
  /** The exchange told us not to ask for so long. */
  readonly refused?: (waitMs: number) => void
  /** In place of HTTP. */
  readonly get?: Get | undefined
}

/**
 * Symbols in one request: the address line stays under 4 KB, rest-api.md sets no limit for ticker/24hr. Over 100 of them weigh 80, and so do
 * all symbols of the exchange: more than these are asked for by asking for all, or polling many would exceed the 6,000 a minute.
 */
export const symbolsMax = 200
const querySymbols = (symbols: readonly string[]): string => `?symbols=${encodeURIComponent(JSON.stringify(symbols))}`
/** When refused without a Retry-After: bans start at two minutes (rest-api.md, limits). */
const refusedWaitMs = 120_000
/** Weight of ticker/24hr by how many symbols it is asked for, and of exchangeInfo (rest-api.md, 2026-07-21). */
const weightOfPrices = (count: number): number => (count <= 20 ? 2 : count <= 100 ? 40 : 80)
const weights = { exchangeInfo: 20, aggregates: 4 }
/** How much of a minute's weight may be used when prices, or what else there is, are asked for. Others may share our address. */
const shares = { prices: 0.9, exchangeInfo: 0.8, aggregates: 0.5 }
/** exchangeInfo is megabytes; it may take so many times as long as prices. */
const slowness = 5
/** All tickers are 2 MB, exchangeInfo was 2 MB in 2021 and has grown since. */
const answerBytesMax = 64 * 1024 * 1024

const amount = z.string().regex(/^\d{1,20}(\.\d{1,20})?$/)
const change = z.string().regex(/^-?\d{1,20}(\.\d{1,20})?$/)
const dayTicker = z.object({
  symbol: z.string(),
  lastPrice: amount,
  bidPrice: amount,
  askPrice: amount,
  openPrice: amount,
  highPrice: amount,
  lowPrice: amount,
  volume: amount,
  priceChange: change,
  priceChangePercent: change,
  closeTime: z.number().int().positive(),
  lastId: z.number().int(),
})

/**
 * Reads ticker/24hr. A symbol that never traded (no id, price zero) has no price, nor has one whose ticker is not of that form; undefined
 * when none is.
 */
export function readDayTickers(answer: unknown): readonly Tick[] | undefined {
  const items: readonly unknown[] = Array.isArray(answer) ? answer : [answer]
  const ticks: Tick[] = []
  let known = 0
  for (const item of items) {
    const ticker = dayTicker.safeParse(item)
    if (!ticker.success) continue
    known += 1
    const { data } = ticker
    if (data.lastId < 0 || !isPrice(data.lastPrice)) continue
    ticks.push({
      kind: 'rest',
      symbol: data.symbol,
      price: data.lastPrice,
      tradeId: data.lastId,
      exchangeTime: data.closeTime,
      bid: data.bidPrice,
      ask: data.askPrice,
      open24h: data.openPrice,
      high24h: data.highPrice,
      low24h: data.lowPrice,
      volume24h: data.volume,
      change24h: data.priceChange,
      changePercent24h: data.priceChangePercent,
    })
  }
  return known === 0 && items.length > 0 ? undefined : ticks
}

const limits = z.object({
  rateLimits: z.array(
    z.object({
      rateLimitType: z.string(),
      interval: z.string(),
      intervalNum: z.number().int().positive(),
      limit: z.number().int().positive(),
    }),
  ),
})

/** Weight a minute, out of exchangeInfo; undefined if it names none, as when it counts over another time. */
export function readWeightLimit(answer: unknown): number | undefined {
  const read = limits.safeParse(answer)
  const ofWeight = read.data?.rateLimits.find(({ rateLimitType, interval }) => rateLimitType === 'REQUEST_WEIGHT' && interval === 'MINUTE')
  return ofWeight === undefined ? undefined : ofWeight.limit / ofWeight.intervalNum
}

/** What to ask, how long to wait, and how to read the answer; undefined is "not sensibly answered". */
interface Question<T> {
  readonly path: string
  readonly weight: number
  /** Asked only while it leaves the rest of the minute's weight to others. */
  readonly share: number
  readonly timeoutMs: number
  readonly read: (answer: unknown) => T | undefined
}

export function createRest({ clock, urls, note, refused = () => {}, timeoutMs = 3000, get = getOverHttp }: RestOptions): Rest {
  const hosts = createHosts(clock, urls)
  const budget = createWeight(clock)
  const counts = { answered: 0, refused: 0, unreachable: 0, weight: 0 }
  let closedUntil = 0

  const stayAway = (waitMs: number): void => {
    closedUntil = Math.max(closedUntil, clock.now() + waitMs)
  }

  const refuse = (status: number, waitMs: number, host: string): Answer<never> => {
    stayAway(waitMs)
    note('the exchange refuses our REST requests', { status, waitMs, host })
    return { kind: 'refused', waitMs, cause: `HTTP ${status} from ${host}` }
  }

  const ask = async <T>(question: Question<T>): Promise<Answer<T>> => {
    const answer = await request(question)
    counts[answer.kind] += 1
    return answer
  }

  const request = async <T>(question: Question<T>): Promise<Answer<T>> => {
    const waitMs = closedUntil - clock.now()
    if (waitMs > 0) return { kind: 'refused', waitMs, cause: 'waiting as the exchange told us to' }
    const host = hosts.current()
    if (host === undefined) return { kind: 'refused', waitMs: hosts.waitMs(), cause: 'no host serves us where we are' }
    if (!budget.take(question.weight, question.share))
      return { kind: 'refused', waitMs: budget.waitMs(), cause: 'the weight of this minute is used up' }
    const stop = new AbortController()
    const timer = clock.setTimeout(() => stop.abort(), question.timeoutMs)
    let used: number | undefined
    try {
      const reply = await get(host + question.path, stop.signal)
      used = reply.usedWeight
      counts.weight = used ?? counts.weight
      if (reply.status < 200 || reply.status > 299) return rejected(reply, host)
      const value = question.read(JSON.parse(await reply.text(answerBytesMax)))
      if (value !== undefined) return { kind: 'answered', value }
      hosts.failed(host)
      return { kind: 'unreachable', cause: `${host} answers with something else than was asked for` }
    } catch (error) {
      hosts.failed(host)
      if (stop.signal.aborted) return { kind: 'unreachable', cause: `no answer from ${host} in ${question.timeoutMs} ms` }
      return { kind: 'unreachable', cause: error instanceof SyntaxError ? `${host} answers with no JSON` : causeOf(error, host) }
    } finally {
      clock.clearTimeout(timer)
      budget.settle(question.weight, used)
    }
  }

  const rejected = (reply: Reply, host: string): Answer<never> => {
    const { status } = reply
    reply.drop()
    if (status === 429 || status === 418) {
      const waitMs = refusalMs(reply.retryAfter, refusedWaitMs)
      refused(waitMs)
      return refuse(status, waitMs, host)
    }
    if ((status === 451 || status === 403) && !hosts.barred(host)) return refuse(status, hosts.waitMs(), host)
    // A 400 is about what we asked; another host would say the same.
    if (status !== 400) hosts.failed(host)
    return { kind: 'unreachable', cause: `HTTP ${status} from ${host}` }
  }

  return {
    stayAway,
    counts: () => counts,
    exchangeInfo: async symbols => {
      const answer = await ask<unknown>({
        path: `/api/v3/exchangeInfo${symbols === undefined ? '' : querySymbols(symbols)}`,
        weight: weights.exchangeInfo,
        share: shares.exchangeInfo,
        timeoutMs: symbols === undefined ? timeoutMs * slowness : timeoutMs,
        read: answer => answer ?? undefined,
      })
      const limit = answer.kind === 'answered' ? readWeightLimit(answer.value) : undefined
      if (limit !== undefined) budget.limitTo(limit)
      return answer
    },
    aggregates: (symbol, fromAggregate) => {
      const from = fromAggregate === undefined ? '' : `&fromId=${fromAggregate}`
      const path = `/api/v3/aggTrades?symbol=${encodeURIComponent(symbol)}${from}&limit=${aggregatesMax}`
      return ask({ path, weight: weights.aggregates, share: shares.aggregates, timeoutMs: timeoutMs / 3, read: readAggregates })
    },
    prices: async symbols => {
      if (symbols.length === 0) return { kind: 'answered', value: [] }
      const query = symbols.length > symbolsMax ? '' : querySymbols(symbols)
      const weight = weightOfPrices(symbols.length)
      const answer = await ask({ path: `/api/v3/ticker/24hr${query}`, weight, share: shares.prices, timeoutMs, read: readDayTickers })
      if (answer.kind !== 'answered') return answer
      const asked = new Set(symbols)
      return { kind: 'answered', value: answer.value.filter(tick => asked.has(tick.symbol)) }
    },
  }
}
