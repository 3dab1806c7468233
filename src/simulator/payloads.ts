import { type Aggregate, type Book, type Day, quoteOf } from './day.ts'
import { e8, ONE } from './decimals.ts'

/**
 * Stream payloads, fields in the order and decimals of web-socket-streams.md (2026-07-21). Times are epoch ms; `E` is when
 * the exchange sent it.
 */

export function tradePayload(symbol: string, sentAt: number, traded: Aggregate, fill: number): string {
  const quantity = e8(traded.fills[fill] ?? 0n)
  return `{"e":"trade","E":${sentAt},"s":"${symbol}","t":${traded.firstId + fill},"p":"${e8(traded.price)}","q":"${quantity}","T":${traded.at},"m":${traded.buyerIsMaker},"M":true}`
}

export function aggTradePayload(symbol: string, sentAt: number, traded: Aggregate): string {
  const last = traded.firstId + traded.fills.length - 1
  return `{"e":"aggTrade","E":${sentAt},"s":"${symbol}","a":${traded.id},"p":"${e8(traded.price)}","q":"${e8(traded.quantity)}","f":${traded.firstId},"l":${last},"T":${traded.at},"m":${traded.buyerIsMaker},"M":true}`
}

/** No type and no time: on spot `u` is the only order key. */
export function bookTickerPayload(symbol: string, updateId: number, book: Book): string {
  return `{"u":${updateId},"s":"${symbol}","b":"${book.bid}","B":"${book.bidQuantity}","a":"${book.ask}","A":"${book.askQuantity}"}`
}

export function tickerPayload(symbol: string, sentAt: number, day: Day): string {
  return JSON.stringify({
    e: '24hrTicker',
    E: sentAt,
    s: symbol,
    p: day.change,
    P: day.changePercent,
    w: day.average,
    x: day.previousClose,
    c: day.last,
    Q: day.lastQuantity,
    b: day.bid,
    B: day.bidQuantity,
    a: day.ask,
    A: day.askQuantity,
    o: day.open,
    h: day.high,
    l: day.low,
    v: day.volume,
    q: day.quoteVolume,
    O: day.openTime,
    C: day.closeTime,
    F: day.firstId,
    L: day.lastId,
    n: day.count,
  })
}

export function miniTickerPayload(symbol: string, sentAt: number, day: Day): string {
  return `{"e":"24hrMiniTicker","E":${sentAt},"s":"${symbol}","c":"${day.last}","o":"${day.open}","h":"${day.high}","l":"${day.low}","v":"${day.volume}","q":"${day.quoteVolume}"}`
}

const within = (aggregates: readonly Aggregate[], from: number, to: number): Aggregate[] => {
  const found: Aggregate[] = []
  for (let index = aggregates.length - 1; index >= 0; index--) {
    const traded = aggregates[index]
    if (!traded || traded.at < from) break
    if (traded.at <= to) found.unshift(traded)
  }
  return found
}

interface Sums {
  readonly volume: bigint
  readonly quoteVolume: bigint
  readonly count: number
}

function sums(trades: readonly Aggregate[]): Sums {
  let [volume, quoteVolume, count] = [0n, 0n, 0]
  for (const traded of trades) {
    volume += traded.quantity
    quoteVolume += quoteOf(traded.price, traded.quantity)
    count += traded.fills.length
  }
  return { volume, quoteVolume, count }
}

export function avgPricePayload(symbol: string, sentAt: number, aggregates: readonly Aggregate[], last: string): string {
  const { volume, quoteVolume } = sums(within(aggregates, sentAt - 300_000, sentAt))
  const average = volume === 0n ? last : e8((quoteVolume * BigInt(ONE)) / volume)
  return `{"e":"avgPrice","E":${sentAt},"s":"${symbol}","i":"5m","w":"${average}","T":${aggregates.at(-1)?.at ?? sentAt}}`
}

/** The minute starting at `minute` (epoch ms) of the trades kept; `last` is the price if there are none. */
export function klinePayload(symbol: string, sentAt: number, minute: number, aggregates: readonly Aggregate[], last: string): string {
  const trades = within(aggregates, minute, minute + 59_999)
  const all = sums(trades)
  const taken = sums(trades.filter(traded => !traded.buyerIsMaker))
  const prices = trades.map(traded => traded.price)
  const newest = trades.at(-1)
  const price = (of: number | undefined): string => (of === undefined ? last : e8(of))
  const k = {
    t: minute,
    T: minute + 59_999,
    s: symbol,
    i: '1m',
    f: trades[0]?.firstId ?? -1,
    L: newest ? newest.firstId + newest.fills.length - 1 : -1,
    o: price(prices[0]),
    c: price(prices.at(-1)),
    h: price(prices.length ? Math.max(...prices) : undefined),
    l: price(prices.length ? Math.min(...prices) : undefined),
    v: e8(all.volume),
    n: all.count,
    x: sentAt >= minute + 60_000,
    q: e8(all.quoteVolume),
    V: e8(taken.volume),
    Q: e8(taken.quoteVolume),
    B: '0',
  }
  return JSON.stringify({ e: 'kline', E: sentAt, s: symbol, k })
}
