import { type Frame, toMs } from './binance-message.ts'
import type { Tick } from './exchange.ts'

/**
 * Reads a frame of exactly the form in which Binance has sent it since 2020: these fields, in this order, amounts with eight decimals and
 * nothing between them. No order is promised, so whatever looks different in any byte is left to readFrame, which takes five times as long.
 * What is read here, readFrame reads the same: test/fuzz/quick-frame.test.ts compares.
 *
 * Every byte is looked at, four at a time where that is possible, in a place of our own; strings are cut out of one made of the whole frame.
 */
export function readQuickly(frame: Buffer): Frame | undefined {
  if (frame.length > sizeMax) return undefined
  bytes.set(frame)
  const of = streamOf(frame)
  if (of === undefined || endOfFrame(of) !== frame.length) return undefined
  return { kind: 'tick', stream: of.stream, tick: of.shape.read(latin1Of.call(frame), of.symbol) }
}

/** What `toString('latin1')` calls; a fifth of the time for a short frame is in between. Not in the types. */
const latin1Of = (Buffer.prototype as unknown as { latin1Slice(this: Buffer): string }).latin1Slice

/** The longest we read are under 600 bytes. */
const sizeMax = 1024
/**
 * The frame at hand: its bytes, any four of them as one number, and where each of its values begins and ends. Behind it is what longer frames
 * left, so one that goes on there does not end where it should; and then eight zeros, at which every search stops.
 */
const bytes = new Uint8Array(sizeMax + 8)
const words = new DataView(bytes.buffer)
const starts = new Int32Array(32)
const ends = new Int32Array(32)

/** What all frames of a stream have in common: how they begin, and the symbol with what is around it. */
interface Stream {
  readonly stream: string
  readonly symbol: string
  readonly shape: Shape
  readonly opening: DataView
  readonly symbolField: DataView
}

interface Shape {
  /** From the data's brace to the first value; from the symbol to the second; after the last. */
  readonly opening: string
  readonly afterSymbol: string
  readonly closing: string
  /** From the second value on: the symbol, which follows the first, is none. */
  readonly steps: readonly Step[]
  /** @param text the whole frame, whose values have been found */
  readonly read: (text: string, symbol: string) => Tick
}

/** A value, and in front of it five to seven bytes, known by their first and their last four. */
interface Step {
  readonly first: number
  readonly last: number
  readonly length: number
  readonly value: Value
}

type Value = 'whole' | 'amount' | 'price' | 'change' | 'flag'

/** By twenty bytes from the name on. */
const streams = new Map<number, Stream>()
/** Eight sockets full; beyond that all are learned anew. */
const streamsMax = 8192
const nameStart = '{"stream":"'.length

function streamOf(frame: Buffer): Stream | undefined {
  let hash = 0
  for (let at = nameStart; at < nameStart + 20; at += 4) hash = Math.imul(hash ^ words.getInt32(at, true), 0x9e3779b1)
  const known = streams.get(hash)
  if (known !== undefined && isAt(0, known.opening)) return known
  const learned = learn(frame.toString('latin1', 0, 128))
  if (learned === undefined || !isAt(0, learned.opening)) return undefined
  if (streams.size >= streamsMax) streams.clear()
  streams.set(hash, learned)
  return learned
}

function learn(text: string): Stream | undefined {
  const [, stream, name, kind] = /^\{"stream":"(([a-z0-9]{1,64})@(\w+))"/.exec(text) ?? []
  const shape = shapes.get(kind ?? '')
  if (stream === undefined || name === undefined || shape === undefined) return undefined
  const symbol = name.toUpperCase()
  const opening = viewOf(`{"stream":"${stream}","data":{${shape.opening}`)
  return { stream, symbol, shape, opening, symbolField: viewOf(`,"s":"${symbol}"${shape.afterSymbol}`) }
}

const viewOf = (text: string): DataView => new DataView(Uint8Array.from(Buffer.from(text)).buffer)
const wordOf = (text: string): number => Buffer.from(text).readInt32LE(0)

/** @param text of four bytes or more */
function isAt(at: number, text: DataView): boolean {
  const last = text.byteLength - 4
  for (let on = 0; on < last; on += 4) if (words.getInt32(at + on, true) !== text.getInt32(on, true)) return false
  return words.getInt32(at + last, true) === text.getInt32(last, true)
}

/** Finds the values and returns where the frame ends, if all that is in it is as it should be; else -1. */
function endOfFrame({ opening, symbolField, shape: { steps, closing } }: Stream): number {
  let at = opening.byteLength
  starts[0] = at
  at = wholeEnd(at)
  if (at < 0 || !isAt(at, symbolField)) return -1
  ends[0] = at
  at += symbolField.byteLength
  for (let n = 0; n < steps.length; n += 1) {
    const { first, last, length, value } = steps[n] as Step
    if (n > 0) {
      if (words.getInt32(at, true) !== first || words.getInt32(at + length - 4, true) !== last) return -1
      at += length
    }
    starts[n + 1] = at
    at = endOf(value, at)
    if (at < 0) return -1
    ends[n + 1] = at
  }
  for (let on = 0; on < closing.length; on += 1) if (bytes[at + on] !== closing.charCodeAt(on)) return -1
  return at + closing.length
}

/** Where the value that begins here ends, -1 if it is none. */
function endOf(value: Value, at: number): number {
  switch (value) {
    case 'whole':
      return wholeEnd(at)
    case 'amount':
      return amountEnd(at)
    case 'price':
      return priceEnd(at)
    case 'change':
      return changeEnd(at)
    case 'flag':
      return flagEnd(at)
  }
}

function digitsEnd(from: number): number {
  let at = from
  while (areDigits(words.getInt32(at, true))) at += 4
  while (isDigit(bytes[at] as number)) at += 1
  return at
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57
/** Each of the four is 0x30 to 0x3f, and still is with six more. */
const areDigits = (four: number): boolean => (((four ^ 0x30303030) | ((four + 0x06060606) ^ 0x30303030)) & 0xf0f0f0f0) === 0

/** Above zero and below 9e15, which is exact. */
function wholeEnd(at: number): number {
  const end = digitsEnd(at)
  const length = end - at
  return length === 0 || bytes[at] === 48 || length > 16 || (length === 16 && bytes[at] === 57) ? -1 : end
}

/** Behind the point, after no more digits than readFrame takes. */
function decimalsAt(at: number): number {
  const point = digitsEnd(at)
  return point === at || point - at > 20 || bytes[point] !== 46 ? -1 : point + 1
}

function amountEnd(at: number): number {
  const decimals = decimalsAt(at)
  return decimals > 0 && areDigits(words.getInt32(decimals, true)) && areDigits(words.getInt32(decimals + 4, true)) ? decimals + 8 : -1
}

/** Zero is no price. */
function priceEnd(from: number): number {
  const end = amountEnd(from)
  let at = from
  while (bytes[at] === 48 || bytes[at] === 46) at += 1
  return at < end ? end : -1
}

/** With a sign or without; percents have fewer decimals. */
function changeEnd(at: number): number {
  const decimals = decimalsAt(bytes[at] === 45 ? at + 1 : at)
  if (decimals < 0) return -1
  const end = digitsEnd(decimals)
  return end === decimals || end > decimals + 8 ? -1 : end
}

const [wordTrue, wordFals] = [wordOf('true'), wordOf('fals')]
function flagEnd(at: number): number {
  const word = words.getInt32(at, true)
  return word === wordTrue ? at + 4 : word === wordFals && bytes[at + 4] === 101 ? at + 5 : -1
}

/** @param fields such as `E:whole s p:price`, in the order of the frame: first a whole, then the symbol */
function shapeOf(type: string, fields: string, read: Shape['read']): Shape {
  const [[first] = [], , ...rest] = fields.split(' ').map(field => field.split(':') as [string, Value])
  const quoteOf = (value: Value | undefined): string => (value === 'whole' || value === 'flag' ? '' : '"')
  const leads = rest.map(([name, value], at) => `${at === 0 ? '' : quoteOf(rest[at - 1]?.[1])},"${name}":${quoteOf(value)}`)
  const steps = rest.map(([, value], at) => {
    const lead = leads[at] as string
    return { first: wordOf(lead), last: wordOf(lead.slice(-4)), length: lead.length, value }
  })
  return { opening: `${type}"${first}":`, afterSymbol: leads[0] as string, closing: `${quoteOf(rest.at(-1)?.[1])}}}`, steps, read }
}

/** Values by their number in the frame, the symbol not counted. */
const word = (text: string, value: number): string => text.slice(starts[value], ends[value])

function whole(value: number): number {
  let number = 0
  for (let at = starts[value] as number; at < (ends[value] as number); at += 1) number = number * 10 + (bytes[at] as number) - 48
  return number
}

const trade = shapeOf('"e":"trade",', 'E:whole s t:whole p:price q:amount T:whole m:flag M:flag', (text, symbol) => ({
  kind: 'trade',
  symbol,
  price: word(text, 2),
  tradeId: whole(1),
  exchangeTime: toMs(whole(4)),
}))

const aggTrade = shapeOf('"e":"aggTrade",', 'E:whole s a:whole p:price q:amount f:whole l:whole T:whole m:flag M:flag', (text, symbol) => {
  const [firstTradeId, tradeId] = [whole(4), whole(5)]
  const trade = { kind: 'trade' as const, symbol, price: word(text, 2), tradeId, exchangeTime: toMs(whole(6)) }
  return firstTradeId < tradeId ? { ...trade, firstTradeId } : trade
})

// Ticker and mini ticker name the same fields of their day: put together with a spread they would cost ten times as much.
const ticker = shapeOf(
  '"e":"24hrTicker",',
  'E:whole s p:change P:change w:amount x:amount c:price Q:amount b:amount B:amount a:amount A:amount o:amount h:amount l:amount v:amount q:amount O:whole C:whole F:whole L:whole n:whole',
  (text, symbol) => ({
    kind: 'ticker',
    symbol,
    price: word(text, 5),
    tradeId: whole(19),
    exchangeTime: toMs(whole(0)),
    bid: word(text, 7),
    ask: word(text, 9),
    open24h: word(text, 11),
    high24h: word(text, 12),
    low24h: word(text, 13),
    volume24h: word(text, 14),
    change24h: word(text, 1),
    changePercent24h: word(text, 2),
  }),
)

const miniTicker = shapeOf('"e":"24hrMiniTicker",', 'E:whole s c:price o:amount h:amount l:amount v:amount q:amount', (text, symbol) => ({
  kind: 'miniTicker',
  symbol,
  price: word(text, 1),
  exchangeTime: toMs(whole(0)),
  open24h: word(text, 2),
  high24h: word(text, 3),
  low24h: word(text, 4),
  volume24h: word(text, 5),
}))

const bookTicker = shapeOf('', 'u:whole s b:amount B:amount a:amount A:amount', (text, symbol) => ({
  kind: 'book',
  symbol,
  bid: word(text, 1),
  ask: word(text, 3),
  updateId: whole(0),
}))

const shapes: ReadonlyMap<string, Shape> = new Map(Object.entries({ trade, aggTrade, ticker, miniTicker, bookTicker }))
