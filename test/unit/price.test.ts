import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Cause,
  formatPosition,
  isNewer,
  type Level,
  levels,
  type Position,
  type Price,
  parsePair,
  parsePosition,
  payloadBytesMax,
  readPayload,
  receivedAtOf,
  withLevel,
  writeBody,
  writePayload,
} from '../../src/price.ts'

const whole = fc.maxSafeNat()
const position: fc.Arbitrary<Position> = fc.record({ epoch: whole, sequence: whole })
const decimal = fc
  .tuple(fc.boolean(), fc.nat(), fc.option(fc.nat()))
  .map(([minus, a, b]) => `${minus ? '-' : ''}${a}${b === null ? '' : `.${b}`}`)
const asset = fc.stringMatching(/^[A-Z0-9]{1,20}$/).filter(text => text !== '')
const pair = fc
  .oneof(fc.tuple(asset, asset), fc.constantFrom(['币安人生', 'USDT'], ['1000СВО', 'EUR'], ['龙', 'USD'], ['𠮷', 'ÅÄÖ']))
  .map(([base, quote]) => `${base}/${quote}`)
const amount = fc.option(decimal, { nil: undefined })
const id = fc.option(whole, { nil: undefined })
const price: fc.Arbitrary<Price> = fc.record({
  pair,
  symbol: asset,
  price: decimal,
  bid: amount,
  ask: amount,
  open24h: amount,
  high24h: amount,
  low24h: amount,
  volume24h: amount,
  change24h: amount,
  changePercent24h: amount,
  tradeId: id,
  exchangeTime: id,
  receivedAt: whole,
  source: fc.constantFrom('websocket', 'rest'),
})
const cause = fc.constantFrom<Cause>('trade', 'ticker', 'book', 'rest')
const level = fc.constantFrom<Level>(...levels)
const known = (value: object): object => Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))

test('positions are ordered by epoch, then by sequence, and never both ways', () => {
  fc.assert(
    fc.property(position, position, (a, b) => {
      const key = ({ epoch, sequence }: Position): bigint => (BigInt(epoch) << 60n) + BigInt(sequence)
      expect(isNewer(a, b)).toBe(key(a) > key(b))
      expect(isNewer(a, a)).toBe(false)
    }),
  )
  expect(isNewer({ epoch: 2, sequence: 0 }, { epoch: 1, sequence: 9 })).toBe(true)
})

test('a position is read back as it was written', () => {
  fc.assert(fc.property(position, at => void expect(parsePosition(formatPosition(at))).toEqual(at)))
})

test('what is no position is read as none and never throws', () => {
  for (const text of [
    undefined,
    '',
    '-',
    '1-',
    '-1',
    '1-2-3',
    ' 1-2',
    '1-2\n',
    '1.5-2',
    '1e3-2',
    '9007199254740992-1',
    '1-99999999999999999',
    '٣-٤',
  ])
    expect(parsePosition(text), JSON.stringify(text)).toBeUndefined()
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const at = parsePosition(text)
      if (at !== undefined) expect(text).toMatch(/^\d+-\d+$/)
    }),
  )
})

test('a price travels over the bus unchanged, Unicode pairs too', () => {
  fc.assert(
    fc.property(price, cause, level, position, whole, (sent, why, how, at, prev) => {
      const update = { pair: sent.pair, at, prev, cause: why, body: writeBody(sent, why, how) }
      const payload = writePayload(update)
      expect(readPayload(Buffer.from(payload))).toEqual(update)
      const cached = how !== 'live' && how !== 'polling'
      expect(JSON.parse(payload)).toEqual(known({ ...sent, id: formatPosition(at), prev, cause: why, level: how, cached }))
      expect(receivedAtOf(update.body)).toBe(sent.receivedAt)
      expect(Buffer.byteLength(payload)).toBeLessThan(payloadBytesMax / 2)
    }),
  )
})

test('a price told at another level is the same but for level and cached', () => {
  fc.assert(
    fc.property(price, cause, level, level, (sent, why, before, after) => {
      expect(withLevel(writeBody(sent, why, before), after)).toBe(writeBody(sent, why, after))
    }),
  )
})

const body = writeBody(
  { pair: 'BTC/USD', symbol: 'BTCUSDT', price: '1.5', bid: '1.4', tradeId: 7, receivedAt: 5, source: 'websocket' },
  'trade',
  'live',
)
const payload = `{"id":"7-1042","prev":3,${body}`

test('a payload with a line break anywhere is refused: it could forge events', () => {
  for (const wrong of ['\n', '\r', '\r\n'])
    for (let at = 0; at <= payload.length; at += 1)
      expect(
        readPayload(Buffer.from(payload.slice(0, at) + wrong + payload.slice(at))),
        `${JSON.stringify(wrong)} at ${at}`,
      ).toBeUndefined()
})

test('a payload that is not what a leader writes is refused', () => {
  expect(readPayload(Buffer.from(payload))).toBeDefined()
  for (const [from, to] of [
    ['"id":"7-1042"', '"id":"7-"'],
    ['"id":"7-1042"', '"id":"99999999999999999-1"'],
    ['"id":"7-1042"', '"id":"9999999999999999-1"'],
    ['"prev":3', '"prev":-3'],
    ['"prev":3', '"prev":9999999999999999'],
    ['"cause":"trade"', '"cause":"rumour"'],
    ['"pair":"BTC/USD"', '"pair":"BTC\\"/USD"'],
    ['"pair":"BTC/USD"', '"pair":""'],
    ['"symbol":"BTCUSDT"', '"symbol":"a"b"'],
    ['"price":"1.5"', '"price":1.5'],
    ['"price":"1.5"', '"price":"NaN"'],
    ['"bid":"1.4"', '"bid":{}'],
    ['"bid":"1.4"', '"bid":]]]'],
    ['"tradeId":7', '"tradeId":007'],
    ['"receivedAt":5', '"receivedAt":null'],
    ['"level":"live"', '"level":"great"'],
    ['"cached":false', '"cached":0'],
    ['"cached":false}', '"cached":false}}'],
    ['"cached":false}', '"cached":false'],
  ] as const) {
    expect(payload).toContain(from)
    expect(readPayload(Buffer.from(payload.replace(from, to))), to).toBeUndefined()
  }
})

test('a payload of a later version with more fields is understood', () => {
  const later = payload.replace('"receivedAt"', '"spread":"0.1","isHalted":false,"updateId":9,"receivedAt"')
  expect(readPayload(Buffer.from(later))?.at).toEqual({ epoch: 7, sequence: 1042 })
})

test('a payload over the bound is refused whatever it says', () => {
  const fields = Array.from({ length: 90 }, (_, index) => `,"field${index}":"${'1'.repeat(index === 0 ? 0 : 40)}"`).join('')
  const long = payload.replace(',"receivedAt"', `${fields},"receivedAt"`)
  expect(Buffer.byteLength(long)).toBeGreaterThan(payloadBytesMax)
  expect(readPayload(Buffer.from(long))).toBeUndefined()
})

test('reading a payload never throws, and what is accepted is one line of JSON', () => {
  const mangled = fc.tuple(fc.nat(payload.length), fc.nat(6), fc.uint8Array({ maxLength: 6 })).map(([at, cut, more]) => {
    const bytes = Buffer.from(payload)
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at + cut)])
  })
  const random = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof(mangled, random), bytes => {
      const read = readPayload(bytes)
      if (read === undefined) return
      expect(read.body).not.toMatch(/[\r\n]/)
      expect(JSON.parse(`{${read.body}`).pair).toBe(read.pair)
    }),
    { numRuns: 3000 },
  )
})

test('pairs are read in any case, with slash or dash, and written in one way', () => {
  expect(parsePair('btc-usd')).toBe('BTC/USD')
  expect(parsePair(' Btc/uSd ')).toBe('BTC/USD')
  expect(parsePair('币安人生/usdt')).toBe('币安人生/USDT')
  for (const text of [
    '',
    'BTC',
    'BTC/',
    '/USD',
    'BTC/USD/X',
    'BTC USD',
    'B"C/USD',
    'BT\nC/USD',
    '\0/USD',
    '🚀/USD',
    'BTC--USD',
    `${'A'.repeat(21)}/USD`,
  ])
    expect(parsePair(text), JSON.stringify(text)).toBeUndefined()
})

test('a pair that was read is read again as itself', () => {
  const text = fc.tuple(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.constantFrom('/', '-'),
    fc.string({ minLength: 1 }),
  )
  const expanding = fc.constantFrom('ß'.repeat(20), 'ŉa', 'ΐ', 'ﬁ'.repeat(15), 'ǆ').map(base => [base, '/', 'USD'] as const)
  fc.assert(
    fc.property(fc.oneof(text, expanding), parts => {
      const read = parsePair(parts.join(''))
      if (read !== undefined) expect(parsePair(read)).toBe(read)
    }),
    { numRuns: 2000 },
  )
})
