import type { Tick } from './exchange.ts'

/**
 * Reads one text frame of Binance Spot's combined streams. Pure; never throws; never makes a price of what it does not know for certain.
 *
 * Fields: binance-spot-api-docs, web-socket-streams.md (2026-07-21). Other Binance markets use the same stream names with other fields;
 * their frames are told apart by fields that spot always has or never has, and are foreign.
 */
export type Frame =
  | { readonly kind: 'tick'; readonly stream: string; readonly tick: Tick }
  /** Answer to one of our control messages. `error` is set if it was refused. */
  | { readonly kind: 'reply'; readonly id: number | undefined; readonly result: unknown; readonly error: string | undefined }
  /** The server is about to close the connection. */
  | { readonly kind: 'leaving' }
  /** Well-formed, but nothing we know how to read as a spot price. */
  | { readonly kind: 'foreign'; readonly why: string }
  | { readonly kind: 'garbage'; readonly why: string }

type Fields = Readonly<Record<string, unknown>>

const foreign = (why: string): Frame => ({ kind: 'foreign', why })
const garbage = (why: string): Frame => ({ kind: 'garbage', why })

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

export function readFrame(text: string): Frame {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return garbage('not JSON')
  }
  if (!isFields(parsed)) return foreign(Array.isArray(parsed) ? 'an array' : 'not an object')
  const { stream, data } = parsed
  if (typeof stream === 'string') return isFields(data) ? readEvent(stream, data) : foreign('no object in data')
  if (parsed.e === 'serverShutdown') return { kind: 'leaving' }
  if ('result' in parsed || 'error' in parsed || 'code' in parsed) return readReply(parsed)
  return foreign('no stream name')
}

function readReply(fields: Fields): Frame {
  const id = typeof fields.id === 'number' ? fields.id : undefined
  return { kind: 'reply', id, result: fields.result, error: readRefusal(fields) }
}

/** Documented bare, seen wrapped in `error`. Whatever else is in `error` is a refusal too. */
function readRefusal(fields: Fields): string | undefined {
  const error = isFields(fields.error) ? fields.error : fields
  if ('code' in error) return `${word(error.code)} ${word(error.msg)}`.trim().slice(0, 200)
  return (fields.error ?? undefined) === undefined ? undefined : word(fields.error).slice(0, 200)
}

/** Arrays and objects are not made into text: that may throw. */
const word = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : typeof value)

function readEvent(stream: string, data: Fields): Frame {
  if (data.e === 'serverShutdown') return { kind: 'leaving' }
  const at = stream.indexOf('@')
  const read = readers.get(stream.slice(at + 1))
  if (at < 1 || read === undefined) return foreign('a stream we do not read')
  // Lower-cased like the name we subscribed to: upper-casing it again would not give every Unicode symbol back.
  if (typeof data.s !== 'string' || data.s.toLowerCase() !== stream.slice(0, at)) return foreign('the symbol is not that of the stream')
  if ('ps' in data || 'pair' in data) return foreign('a futures contract')
  const tick = read(data)
  return typeof tick === 'string' ? foreign(tick) : { kind: 'tick', stream, tick }
}

const unsigned = /^\d{1,20}(?:\.\d{1,20})?$/
const signed = /^-?\d{1,20}(?:\.\d{1,20})?$/
const nothing = /^[0.]*$/

const isAmount = (value: unknown): value is string => typeof value === 'string' && unsigned.test(value)
const isChange = (value: unknown): value is string => typeof value === 'string' && signed.test(value)
/** A price of zero is no price: nothing was traded yet. */
export const isPrice = (value: unknown): value is string => isAmount(value) && !nothing.test(value)
const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Epoch ms of a time in ms or µs; the frame does not say which, but they are a thousand apart until the year 5138. */
export const toMs = (time: number): number => (time < 1e14 ? time : Math.floor(time / 1000))
const readTime = (value: unknown): number | undefined => (isId(value) && value !== 0 ? toMs(value) : undefined)

/** No plain object: `btcusdt@constructor` must not find a reader. */
const readers: ReadonlyMap<string, (data: Fields) => Tick | string> = new Map([
  ['trade', (data: Fields) => readTrade(data, 'trade', data.t, data.t)],
  ['aggTrade', (data: Fields) => readTrade(data, 'aggTrade', data.l, data.f)],
  ['ticker', readTicker],
  ['miniTicker', readMiniTicker],
  ['bookTicker', readBook],
])

function readTrade({ e, s, p, T, M }: Fields, type: string, tradeId: unknown, first: unknown): Tick | string {
  // Only spot has M, "ignore"; futures trades have the rest (seen in recorded frames of 2020 to 2022).
  if (e !== type || typeof M !== 'boolean') return `no spot ${type}`
  const exchangeTime = readTime(T)
  if (!isPrice(p) || !isId(tradeId) || exchangeTime === undefined) return `${type} with a field missing or impossible`
  const several = isId(first) && first < tradeId ? { firstTradeId: first } : {}
  return { kind: 'trade', symbol: s as string, price: p, tradeId, ...several, exchangeTime }
}

function readTicker({ e, E, s, c, o, h, l, v, b, a, p, P, x, L }: Fields): Tick | string {
  // Futures tickers have neither the previous close x nor best bid and ask.
  if (e !== '24hrTicker' || typeof x !== 'string') return 'no spot ticker'
  const exchangeTime = readTime(E)
  if (!isPrice(c) || !isId(L) || exchangeTime === undefined || !isAmount(o) || !isAmount(h) || !isAmount(l) || !isAmount(v))
    return 'ticker with a field missing or impossible'
  if (!isAmount(b) || !isAmount(a) || !isChange(p) || !isChange(P)) return 'ticker with a field missing or impossible'
  return {
    kind: 'ticker',
    symbol: s as string,
    price: c,
    tradeId: L,
    exchangeTime,
    bid: b,
    ask: a,
    open24h: o,
    high24h: h,
    low24h: l,
    volume24h: v,
    change24h: p,
    changePercent24h: P,
  }
}

function readMiniTicker({ e, E, s, c, o, h, l, v, q }: Fields): Tick | string {
  if (e !== '24hrMiniTicker' || !isAmount(q)) return 'no spot mini ticker'
  const exchangeTime = readTime(E)
  if (!isPrice(c) || exchangeTime === undefined || !isAmount(o) || !isAmount(h) || !isAmount(l) || !isAmount(v))
    return 'mini ticker with a field missing or impossible'
  if (!hasSpotDecimals(c, v, q)) return 'a futures mini ticker'
  return { kind: 'miniTicker', symbol: s as string, price: c, exchangeTime, open24h: o, high24h: h, low24h: l, volume24h: v }
}

const decimalsOf = (amount: string): number => (amount.includes('.') ? amount.length - 1 - amount.indexOf('.') : 0)

/**
 * Nothing else tells a futures mini ticker from a spot one. Spot prints eight decimals everywhere (recorded frames, 2020 to 2024); futures
 * print price and quote volume with one and the same number of decimals, none to seven. The documentation's example has some in the price
 * and none in the volumes.
 */
function hasSpotDecimals(price: string, volume: string, quoteVolume: string): boolean {
  const [p, v, q] = [decimalsOf(price), decimalsOf(volume), decimalsOf(quoteVolume)]
  return (p === 8 && v === 8 && q === 8) || (p > 0 && v === 0 && q === 0)
}

function readBook(data: Fields): Tick | string {
  // Spot has no event type and no times here; futures have both.
  if ('e' in data || 'T' in data) return 'no spot book ticker'
  const { u, s, b, a } = data
  if (!isId(u) || !isAmount(b) || !isAmount(a)) return 'book ticker with a field missing or impossible'
  return { kind: 'book', symbol: s as string, bid: b, ask: a, updateId: u }
}
