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
  const error = isFields(fields.error) ? fields.error : fields
  const id = typeof fields.id === 'number' ? fields.id : undefined
  const message = 'code' in error ? `${String(error.code)} ${String(error.msg)}`.slice(0, 200) : undefined
  return { kind: 'reply', id, result: fields.result, error: message }
}

function readEvent(stream: string, data: Fields): Frame {
  if (data.e === 'serverShutdown') return { kind: 'leaving' }
  const at = stream.indexOf('@')
  const read = readers[stream.slice(at + 1)]
  if (at < 1 || read === undefined) return foreign('a stream we do not read')
  if (data.s !== stream.slice(0, at).toUpperCase()) return foreign('the symbol is not that of the stream')
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
const readTime = (value: unknown): number | undefined => {
  if (!isId(value) || value === 0) return undefined
  return value < 1e14 ? value : Math.floor(value / 1000)
}

const readers: Readonly<Record<string, (data: Fields) => Tick | string>> = {
  trade: data => readTrade(data, 'trade', data.t),
  aggTrade: data => readTrade(data, 'aggTrade', data.l),
  ticker: readTicker,
  miniTicker: readMiniTicker,
  bookTicker: readBook,
}

function readTrade({ e, s, p, T, M }: Fields, type: string, tradeId: unknown): Tick | string {
  // Only spot has M, "ignore"; futures trades have the rest (seen in recorded frames of 2020 to 2022).
  if (e !== type || typeof M !== 'boolean') return `no spot ${type}`
  const exchangeTime = readTime(T)
  if (!isPrice(p) || !isId(tradeId) || exchangeTime === undefined) return `${type} with a field missing or impossible`
  return { kind: 'trade', symbol: s as string, price: p, tradeId, exchangeTime }
}

function readTicker({ e, E, s, c, o, h, l, v, b, a, p, P, x, L }: Fields): Tick | string {
  // Futures tickers have neither the previous close x nor best bid and ask.
  if (e !== '24hrTicker' || !isAmount(x)) return 'no spot ticker'
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
  // Nothing else tells a futures mini ticker from a spot one: spot prints eight decimals (recorded frames, 2020 to 2024), futures two or three.
  const decimals = q.length - 1 - q.indexOf('.')
  if (q.includes('.') && decimals !== 8) return 'a futures mini ticker'
  const exchangeTime = readTime(E)
  if (!isPrice(c) || exchangeTime === undefined || !isAmount(o) || !isAmount(h) || !isAmount(l) || !isAmount(v))
    return 'mini ticker with a field missing or impossible'
  return { kind: 'miniTicker', symbol: s as string, price: c, exchangeTime, open24h: o, high24h: h, low24h: l, volume24h: v }
}

function readBook(data: Fields): Tick | string {
  // Spot has no event type and no times here; futures have both.
  if ('e' in data || 'T' in data) return 'no spot book ticker'
  const { u, s, b, a } = data
  if (!isId(u) || !isAmount(b) || !isAmount(a)) return 'book ticker with a field missing or impossible'
  return { kind: 'book', symbol: s as string, bid: b, ask: a, updateId: u }
}
