import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { isPrice } from './binance-message.ts'
import type { Answer, Tick } from './exchange.ts'
import { createHosts } from './hosts.ts'

/** Asks Binance over REST, within what it allows: after a refusal nothing is asked until the time it named has passed. */
export interface Rest {
  /** Last prices of these symbols (TRADING ones only: one unknown symbol spoils the whole request). */
  prices(symbols: readonly string[]): Promise<Answer<readonly Tick[]>>
  /** exchangeInfo as the exchange sent it. */
  exchangeInfo(): Promise<Answer<unknown>>
}

export interface RestOptions {
  readonly clock: Clock
  readonly urls: readonly string[]
  readonly timeoutMs?: number
  /** Told once for each time the exchange refuses us. */
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Symbols in one request: the address line stays under 4 KB. rest-api.md sets no limit for ticker/24hr; over 100 its weight is 80. */
const symbolsMax = 200
/** When refused without a Retry-After: bans start at two minutes (rest-api.md, limits). */
const refusedWaitMs = 120_000

const amount = z.string().regex(/^-?\d{1,20}(\.\d{1,20})?$/)
const dayTicker = z.object({
  symbol: z.string(),
  lastPrice: amount,
  bidPrice: amount,
  askPrice: amount,
  openPrice: amount,
  highPrice: amount,
  lowPrice: amount,
  volume: amount,
  priceChange: amount,
  priceChangePercent: amount,
  closeTime: z.number().int().positive(),
  lastId: z.number().int(),
})

/** Reads ticker/24hr. A symbol that never traded (no id, price zero) has no price. */
export function readDayTickers(answer: unknown): readonly Tick[] | undefined {
  const parsed = z.array(z.unknown()).safeParse(Array.isArray(answer) ? answer : [answer])
  if (!parsed.success) return undefined
  const ticks: Tick[] = []
  for (const item of parsed.data) {
    const ticker = dayTicker.safeParse(item)
    if (!ticker.success) return undefined
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
  return ticks
}

export function createRest({ clock, urls, note, timeoutMs = 3000 }: RestOptions): Rest {
  const hosts = createHosts(clock, urls)
  let closedUntil = 0

  const refuse = (status: number, waitMs: number, host: string): Answer<never> => {
    closedUntil = clock.now() + waitMs
    note('the exchange refuses our REST requests', { status, waitMs, host })
    return { kind: 'refused', waitMs, cause: `HTTP ${status} from ${host}` }
  }

  const ask = async (path: string): Promise<Answer<unknown>> => {
    const waitMs = closedUntil - clock.now()
    if (waitMs > 0) return { kind: 'refused', waitMs, cause: 'waiting as the exchange told us to' }
    const host = hosts.current()
    if (host === undefined) return { kind: 'refused', waitMs: refusedWaitMs, cause: 'no host serves us where we are' }
    const stop = new AbortController()
    const timer = clock.setTimeout(() => stop.abort(), timeoutMs)
    try {
      const response = await fetch(host + path, { signal: stop.signal })
      if (response.ok) return { kind: 'answered', value: await response.json() }
      await response.body?.cancel()
      return rejected(response, host)
    } catch (error) {
      hosts.failed(host)
      return { kind: 'unreachable', cause: stop.signal.aborted ? `no answer from ${host} in ${timeoutMs} ms` : causeOf(error, host) }
    } finally {
      clock.clearTimeout(timer)
    }
  }

  const rejected = (response: Response, host: string): Answer<never> => {
    const { status } = response
    if (status === 429 || status === 418) {
      const seconds = Number(response.headers.get('retry-after'))
      return refuse(status, seconds > 0 ? seconds * 1000 : refusedWaitMs, host)
    }
    if ((status === 451 || status === 403) && !hosts.barred(host)) return refuse(status, refusedWaitMs, host)
    hosts.failed(host)
    return { kind: 'unreachable', cause: `HTTP ${status} from ${host}` }
  }

  const pricesOf = async (symbols: readonly string[]): Promise<Answer<readonly Tick[]>> => {
    const answer = await ask(`/api/v3/ticker/24hr?symbols=${encodeURIComponent(JSON.stringify(symbols))}`)
    if (answer.kind !== 'answered') return answer
    const ticks = readDayTickers(answer.value)
    return ticks === undefined ? { kind: 'unreachable', cause: 'an answer that is no list of tickers' } : { kind: 'answered', value: ticks }
  }

  return {
    exchangeInfo: () => ask('/api/v3/exchangeInfo'),
    prices: async symbols => {
      const ticks: Tick[] = []
      for (let at = 0; at < symbols.length; at += symbolsMax) {
        const answer = await pricesOf(symbols.slice(at, at + symbolsMax))
        if (answer.kind !== 'answered') return answer
        ticks.push(...answer.value)
      }
      return { kind: 'answered', value: ticks }
    },
  }
}

/** fetch hides what happened one or two causes down. */
function causeOf(error: unknown, host: string): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name of ${host} does not resolve`
  if (code === 'ECONNREFUSED') return `${host} refuses the connection`
  return `${host}: ${inner instanceof Error ? inner.message : String(inner)}`
}
