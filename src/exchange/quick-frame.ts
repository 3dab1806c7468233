import { type Frame, isPrice, readTime } from './binance-message.ts'
import type { Tick } from './exchange.ts'

/**
 * Reads a frame of exactly the form in which Binance has sent it since 2020: these fields, in this order, with nothing between them. No order
 * is promised, so whatever looks different in any byte is left to readFrame, which takes four times as long. What is read here, readFrame
 * reads the same: test/fuzz/quick-frame.test.ts compares.
 *
 * @param bytes the frame. Decoded as latin-1, which is cheap: nothing beyond ASCII is accepted
 */
export function readQuickly(bytes: Buffer): Frame | undefined {
  const text = latin1Of.call(bytes)
  let at = opening.length
  while (text.charCodeAt(at) !== 64 && at < nameEndMax) at += 1
  const shape = shapes.get(text.charCodeAt(at + 1) * 256 + text.charCodeAt(at + 3))
  if (shape === undefined) return undefined
  const found = shape.pattern.exec(text)
  if (found === null) return undefined
  const symbol = found[shape.symbolAt] as string
  if (!isInLowerCase(symbol, text, at)) return undefined
  const tick = shape.read(found, symbol)
  return tick === undefined ? undefined : { kind: 'tick', stream: text.slice(opening.length, at + 1 + shape.kind.length), tick }
}

/** Does the stream's name, up to the `@`, say this symbol? */
function isInLowerCase(symbol: string, text: string, nameEnd: number): boolean {
  if (symbol.length !== nameEnd - opening.length) return false
  for (let at = 0; at < symbol.length; at += 1) {
    const letter = symbol.charCodeAt(at)
    if (text.charCodeAt(opening.length + at) !== (letter < 65 ? letter : letter + 32)) return false
  }
  return true
}

interface Shape {
  readonly kind: string
  readonly pattern: RegExp
  /** Which of the captured is the symbol. */
  readonly symbolAt: number
  readonly read: (found: RegExpExecArray, symbol: string) => Tick | undefined
}

/** What `toString('latin1')` calls; a fifth of the time for a short frame is in between. Not in the types. */
const latin1Of: (this: Buffer) => string = (Buffer.prototype as unknown as { latin1Slice(): string }).latin1Slice

const opening = '{"stream":"'
const nameEndMax = 64

/** What a value looks like. What nobody reads has to be JSON, no more; what somebody does is measured when it is read. */
const values: Readonly<Record<string, string>> = {
  whole: '([1-9]\\d*)',
  amount: '"(\\d+\\.\\d+)"',
  change: '"(-?\\d+\\.\\d+)"',
  /** As many decimals as spot prints; those of futures vary, and nothing else tells their mini ticker. */
  spot: '"(\\d+\\.\\d{8})"',
  symbol: '"([A-Z0-9]+)"',
  anyWhole: '[1-9]\\d*',
  anyAmount: '"[0-9.]*"',
  flag: '(?:true|false)',
}

const isCaptured = (value: string): boolean => /\((?!\?)/.test(values[value] ?? '')

/** @param fields such as `E:whole s:symbol`, in the order of the frame */
function shapeOf(kind: string, type: string, fields: string, read: Shape['read']): Shape {
  const parts = fields.split(' ').map(field => field.split(':') as [string, string])
  const body = parts.map(([name, value]) => `"${name}":${values[value]}`).join(',')
  const captured = parts.filter(([, value]) => isCaptured(value))
  const pattern = new RegExp(`^\\{"stream":"[a-z0-9]+@${kind}","data":\\{${type}${body}\\}\\}$`)
  return { kind, pattern, symbolAt: 1 + captured.findIndex(([, value]) => value === 'symbol'), read }
}

const word = (found: RegExpExecArray, index: number): string => found[index] as string

/** Exact up to 2^53, and beyond that greater. */
function whole(found: RegExpExecArray, index: number): number {
  const digits = found[index] as string
  let number = 0
  for (let at = 0; at < digits.length; at += 1) number = number * 10 + digits.charCodeAt(at) - 48
  return number
}

/** So short that neither side of the point is longer than readFrame takes. */
const amountLengthMax = 20
const areShort = (a: string, b: string, c: string, d: string): boolean =>
  a.length <= amountLengthMax && b.length <= amountLengthMax && c.length <= amountLengthMax && d.length <= amountLengthMax
/** Only what begins with a zero can be nothing. */
const isQuickPrice = (price: string): boolean => price.length <= amountLengthMax && (price.charCodeAt(0) !== 48 || isPrice(price))

function tradeOf(symbol: string, price: string, tradeId: number, time: number): Extract<Tick, { kind: 'trade' }> | undefined {
  const exchangeTime = readTime(time)
  if (!isQuickPrice(price) || tradeId > Number.MAX_SAFE_INTEGER || exchangeTime === undefined) return undefined
  return { kind: 'trade', symbol, price, tradeId, exchangeTime }
}

const trade = shapeOf('trade', '"e":"trade",', 'E:anyWhole s:symbol t:whole p:amount q:anyAmount T:whole m:flag M:flag', (found, symbol) =>
  tradeOf(symbol, word(found, 3), whole(found, 2), whole(found, 4)),
)

const aggTrade = shapeOf(
  'aggTrade',
  '"e":"aggTrade",',
  'E:anyWhole s:symbol a:anyWhole p:amount q:anyAmount f:whole l:whole T:whole m:flag M:flag',
  (found, symbol) => {
    const read = tradeOf(symbol, word(found, 2), whole(found, 4), whole(found, 5))
    const firstTradeId = whole(found, 3)
    return read === undefined || firstTradeId >= read.tradeId ? read : { ...read, firstTradeId }
  },
)

const ticker = shapeOf(
  'ticker',
  '"e":"24hrTicker",',
  'E:whole s:symbol p:change P:change w:anyAmount x:anyAmount c:amount Q:anyAmount b:amount B:anyAmount a:amount A:anyAmount o:amount h:amount l:amount v:amount q:anyAmount O:anyWhole C:anyWhole F:anyWhole L:whole n:anyWhole',
  (found, symbol) => {
    const price = word(found, 5)
    const open24h = word(found, 8)
    const high24h = word(found, 9)
    const low24h = word(found, 10)
    const volume24h = word(found, 11)
    const change24h = word(found, 3)
    const changePercent24h = word(found, 4)
    const bid = word(found, 6)
    const ask = word(found, 7)
    const exchangeTime = readTime(whole(found, 1))
    const tradeId = whole(found, 12)
    if (!isQuickPrice(price) || tradeId > Number.MAX_SAFE_INTEGER || exchangeTime === undefined) return undefined
    if (!areShort(open24h, high24h, low24h, volume24h) || !areShort(bid, ask, change24h, changePercent24h)) return undefined
    return {
      kind: 'ticker',
      symbol,
      price,
      tradeId,
      exchangeTime,
      bid,
      ask,
      open24h,
      high24h,
      low24h,
      volume24h,
      change24h,
      changePercent24h,
    }
  },
)

const miniTicker = shapeOf(
  'miniTicker',
  '"e":"24hrMiniTicker",',
  'E:whole s:symbol c:spot o:amount h:amount l:amount v:spot q:spot',
  (found, symbol) => {
    const price = word(found, 3)
    const open24h = word(found, 4)
    const high24h = word(found, 5)
    const low24h = word(found, 6)
    const volume24h = word(found, 7)
    const exchangeTime = readTime(whole(found, 1))
    if (
      !isQuickPrice(price) ||
      !areShort(open24h, high24h, low24h, volume24h) ||
      !areShort(word(found, 8), price, price, price) ||
      exchangeTime === undefined
    )
      return undefined
    return { kind: 'miniTicker', symbol, price, exchangeTime, open24h, high24h, low24h, volume24h }
  },
)

const bookTicker = shapeOf('bookTicker', '', 'u:whole s:symbol b:amount B:anyAmount a:amount A:anyAmount', (found, symbol) => {
  const updateId = whole(found, 1)
  const bid = word(found, 3)
  const ask = word(found, 4)
  if (!areShort(bid, ask, bid, ask) || updateId > Number.MAX_SAFE_INTEGER) return undefined
  return { kind: 'book', symbol, bid, ask, updateId }
})

/** By the first and third letter of the kind, which suffice to tell them apart. */
const shapes: ReadonlyMap<number, Shape> = new Map(
  Object.entries({ trade, aggTrade, ticker, miniTicker, bookTicker }).map(([kind, shape]) => [
    kind.charCodeAt(0) * 256 + kind.charCodeAt(2),
    shape,
  ]),
)
