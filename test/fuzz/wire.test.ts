import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { priceEvent } from '../../src/board/frame.ts'
import { readFrame } from '../../src/exchange/binance-message.ts'
import type { Tick } from '../../src/exchange/exchange.ts'
import { readDayTickers } from '../../src/exchange/rest.ts'
import { readSymbols } from '../../src/exchange/symbols.ts'
import { readHeartbeat, writeHeartbeat } from '../../src/heartbeat.ts'
import { levels, type Price, parsePair, readPayload, writeBody, writePayload } from '../../src/price.ts'
import { anyCause, anyEdits, anyLevel, anyPair, anyPosition, anyPrice, anySymbol, edited } from '../support/any-price.ts'
import { type ReceivedEvent, readEventStream } from '../support/event-stream.ts'

/** The one event this text makes on a stream. */
function onlyEvent(text: string): ReceivedEvent {
  const reading = readEventStream()
  reading.take(Buffer.from(text))
  expect(reading.events).toHaveLength(1)
  expect(reading.pending).toBe('')
  const [only] = reading.events
  if (only === undefined) throw new Error('no event')
  return only
}

/** A tick that was believed shows on a stream as one event, with the amounts as they are. */
function expectHarmless(tick: Tick): void {
  const { kind, updateId: _, ...fields } = { updateId: 0, ...tick }
  const price = { price: '1', ...fields, pair: 'BTC/USD', symbol: 'BTCUSDT', receivedAt: 1, source: 'websocket' } as Price
  const { type, data } = onlyEvent(priceEvent({ epoch: 1, sequence: 1 }, writeBody(price, kind === 'rest' ? 'rest' : 'trade', 'live')))
  expect([type, JSON.parse(data)]).toMatchObject(['price', { pair: 'BTC/USD', price: price.price }])
}

/** One leaf of a JSON tree replaced by something else. */
function replaced(tree: unknown, at: number, by: unknown): unknown {
  const text = JSON.stringify(tree)
  const isLeaf = (value: unknown): boolean => typeof value !== 'object' || value === null
  let leaves = 0
  JSON.parse(text, (_, value) => {
    if (isLeaf(value)) leaves += 1
    return value
  })
  let left = at % Math.max(1, leaves)
  return JSON.parse(text, (_, value) => {
    if (isLeaf(value)) left -= 1
    return isLeaf(value) && left === -1 ? by : value
  })
}
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    '0',
    '-1',
    '1e5',
    'NaN',
    '1\n',
    '"',
    '\n\ndata: {}\n\n',
    'A"B',
    '__proto__',
    0,
    -1,
    1.5,
    2 ** 53,
    null,
    true,
    [],
    {},
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.jsonValue({ maxDepth: 1 }),
)
const replacements = fc.array(fc.tuple(fc.nat(), odd), { maxLength: 3 })
const applied = (tree: unknown, all: readonly (readonly [number, unknown])[]): unknown =>
  all.reduce((now, [at, by]) => replaced(now, at, by), tree)

describe('what comes over the bus', () => {
  it('as a price with bytes changed is refused, or is one event and one pair and says what its head says', () => {
    fc.assert(
      fc.property(anyPosition, anyPrice, anyCause, anyLevel, anyEdits, (at, price, cause, level, edits) => {
        const update = { pair: price.pair, at, prev: at.sequence, cause, body: writeBody(price, cause, level) }
        const read = readPayload(edited(Buffer.from(writePayload(update)), edits))
        if (read === undefined) return
        const { type, data, lastEventId } = onlyEvent(priceEvent(read.at, read.body))
        expect(type).toBe('price')
        expect(lastEventId).toBe(read.at.epoch === 0 ? '' : `${read.at.epoch}-${read.at.sequence}`)
        expect(JSON.parse(data)).toMatchObject({ pair: read.pair, cause: read.cause, level: expect.stringMatching(levels.join('|')) })
      }),
      { numRuns: 4000 },
    )
  })

  it('as a heartbeat of an earlier version, or with a trouble nobody understands, is one without', () => {
    const written = { epoch: 1, instance: 'one', level: 'polling', stale: [] }
    for (const trouble of [undefined, 'no object', { message: 'x'.repeat(301), at: 1 }, { message: 'no time' }])
      expect(readHeartbeat(Buffer.from(JSON.stringify({ ...written, trouble })))).toEqual(written)
  })

  it('as a heartbeat is read as it was written, and with bytes changed never throws nor becomes anything else', () => {
    const heartbeat = fc.record({
      epoch: fc.maxSafeNat(),
      instance: fc.string({ maxLength: 40 }),
      level: anyLevel,
      stale: fc.array(anyPair),
      trouble: fc.option(fc.record({ message: fc.string({ maxLength: 300 }), at: fc.nat() }), { nil: undefined }),
    })
    fc.assert(
      fc.property(heartbeat, anyEdits, (written, edits) => {
        const bytes = Buffer.from(writeHeartbeat(written))
        expect(readHeartbeat(bytes)).toEqual(written)
        const read = readHeartbeat(edited(bytes, edits))
        if (read === undefined) return
        expect(levels).toContain(read.level)
        expect(Number.isSafeInteger(read.epoch) && read.epoch >= 0).toBe(true)
        expect(read.stale.every(pair => typeof pair === 'string' && pair.length <= 60)).toBe(true)
        const { trouble, ...others } = read
        expect(Object.keys(others).sort()).toEqual(['epoch', 'instance', 'level', 'stale'])
        if (trouble !== undefined) expect(trouble).toEqual({ message: expect.any(String), at: expect.any(Number) })
      }),
      { numRuns: 2000 },
    )
  })
})

const ticker = {
  ...{ symbol: 'BTCUSDT', lastPrice: '60513.30', bidPrice: '60513.2', askPrice: '60513.4', openPrice: '60000', highPrice: '61000' },
  ...{ lowPrice: '59000.1', volume: '12.5', priceChange: '-513.3', priceChangePercent: '0.85', closeTime: 1795359980845, lastId: 33302 },
}
const listing = { symbol: 'BTCUSDT', status: 'TRADING', baseAsset: 'BTC', quoteAsset: 'USDT' }
const frames = [
  {
    stream: 'btcusdt@trade',
    data: { e: 'trade', E: 1795359980845, s: 'BTCUSDT', t: 7, p: '1.5', q: '2', T: 1795359980845, m: true, M: true },
  },
  { stream: 'btcusdt@bookTicker', data: { u: 400900217, s: 'BTCUSDT', b: '25.35', B: '31.21', a: '25.36', A: '40.66' } },
  {
    stream: 'btcusdt@ticker',
    data: {
      ...{ e: '24hrTicker', E: 1795359980845, s: 'BTCUSDT', p: '-0.1', P: '2.5', w: '1', x: '0.9', c: '1.1', Q: '10', b: '1', B: '10' },
      ...{ a: '1.2', A: '100', o: '1', h: '2', l: '0.5', v: '10000', q: '18', O: 0, C: 86400000, F: 0, L: 18150, n: 18151 },
    },
  },
]

describe('what the exchange answers', () => {
  it('as tickers of the day with values and bytes changed never throws, and what is believed makes one event each', () => {
    fc.assert(
      fc.property(replacements, anyEdits, fc.nat(3), (changes, edits, copies) => {
        const tree = applied(Array(copies + 1).fill(ticker), changes)
        for (const tick of readDayTickers(tree) ?? []) expectHarmless(tick)
        for (const tick of readDayTickers(parsed(edited(Buffer.from(JSON.stringify(tree)), edits))) ?? []) expectHarmless(tick)
      }),
      { numRuns: 1500 },
    )
  })

  it('as symbols, of any names, never throws, and lets in no name that could break a stream or a line', () => {
    const any = fc.record({
      symbol: fc.oneof(anySymbol, fc.string({ unit: 'binary' })),
      status: fc.constantFrom('TRADING', 'BREAK', 'x\n'),
      baseAsset: fc.string(),
      quoteAsset: fc.constantFrom('USDT', 'BTC', ''),
    })
    fc.assert(
      fc.property(fc.array(fc.oneof(any, fc.constant(listing)), { minLength: 1, maxLength: 6 }), replacements, (symbols, changes) => {
        const table = readSymbols(applied({ symbols }, changes), new Map([['USD', 'USDT']]))
        for (const { pair, symbol } of table?.search('', 100) ?? []) {
          expect(parsePair(pair)).toBe(pair)
          expect(symbol).toMatch(/^[\p{L}\p{N}]{1,60}$/u)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('as frames with values and bytes changed never throws, and what is believed makes one event', () => {
    fc.assert(
      fc.property(fc.constantFrom(...frames), replacements, anyEdits, (frame, changes, edits) => {
        const text = JSON.stringify(applied(frame, changes))
        for (const one of [text, edited(Buffer.from(text), edits).toString()]) {
          const read = readFrame(one)
          if (read.kind === 'tick') expectHarmless(read.tick)
        }
      }),
      { numRuns: 3000 },
    )
    for (const frame of frames) expect(readFrame(JSON.stringify(frame)).kind).toBe('tick')
  })
})

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
