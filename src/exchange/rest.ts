import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { isPrice } from './binance-message.ts'
import type { Answer, Tick } from './exchange.ts'
import { causeOf, createHosts, refusalMs } from './hosts.ts'
import { type Get, get as getOverHttp, type Reply } from './wire.ts'

/** Asks Binance over REST, within what it allows: after a refusal nothing is asked until the time it named has passed. */
export interface Rest {
  /** Last prices of these symbols (TRADING ones only: one unknown symbol spoils the whole request). */
  prices(symbols: readonly string[]): Promise<Answer<readonly Tick[]>>
  /** exchangeInfo as the exchange sent it. */
  exchangeInfo(): Promise<Answer<unknown>>
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
  /** In place of HTTP. */
  readonly get?: Get | undefined
}

/**
 * Symbols in one request: the address line stays under 4 KB, rest-api.md sets no limit for ticker/24hr. Over 100 of them weigh 80, and so do
 * all symbols of the exchange: more than these are asked for by asking for all, or polling many would exceed the 6,000 a minute.
 */
const symbolsMax = 200
/** When refused without a Retry-After: bans start at two minutes (rest-api.md, limits). */
const refusedWaitMs = 120_000
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

/** What to ask, how long to wait, and how to read the answer; undefined is "not sensibly answered". */
interface Question<T> {
  readonly path: string
  readonly timeoutMs: number
  readonly read: (answer: unknown) => T | undefined
}

export function createRest({ clock, urls, note, timeoutMs = 3000, get = getOverHttp }: RestOptions): Rest {
  const hosts = createHosts(clock, urls)
  const counts = { answered: 0, refused: 0, unreachable: 0, weight: 0 }
  let closedUntil = 0

  const refuse = (status: number, waitMs: number, host: string): Answer<never> => {
    closedUntil = Math.max(closedUntil, clock.now() + waitMs)
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
    const stop = new AbortController()
    const timer = clock.setTimeout(() => stop.abort(), question.timeoutMs)
    try {
      const reply = await get(host + question.path, stop.signal)
      if (/^\d{1,9}$/.test(reply.usedWeight ?? '')) counts.weight = Number(reply.usedWeight)
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
    }
  }

  const rejected = (reply: Reply, host: string): Answer<never> => {
    const { status } = reply
    reply.drop()
    if (status === 429 || status === 418) return refuse(status, refusalMs(reply.retryAfter, refusedWaitMs), host)
    if ((status === 451 || status === 403) && !hosts.barred(host)) return refuse(status, hosts.waitMs(), host)
    // A 400 is about what we asked; another host would say the same.
    if (status !== 400) hosts.failed(host)
    return { kind: 'unreachable', cause: `HTTP ${status} from ${host}` }
  }

  return {
    counts: () => counts,
    exchangeInfo: () => ask({ path: '/api/v3/exchangeInfo', timeoutMs: timeoutMs * slowness, read: answer => answer ?? undefined }),
    prices: async symbols => {
      if (symbols.length === 0) return { kind: 'answered', value: [] }
      const query = symbols.length > symbolsMax ? '' : `?symbols=${encodeURIComponent(JSON.stringify(symbols))}`
      const answer = await ask({ path: `/api/v3/ticker/24hr${query}`, timeoutMs, read: readDayTickers })
      if (answer.kind !== 'answered') return answer
      const asked = new Set(symbols)
      return { kind: 'answered', value: answer.value.filter(tick => asked.has(tick.symbol)) }
    },
  }
}
