import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Frame, readFrame } from '../../src/exchange/binance-message.ts'
import { streamKinds, type Tick } from '../../src/exchange/exchange.ts'
import { itWithRecordings, recorded } from '../support/recordings.ts'

interface Single {
  readonly kind: string
  readonly frame: string
}

const lines = (file: string): string[] => readFileSync(recorded(file), 'utf8').trim().split('\n')
const singles = (file: string): Single[] => lines(`single-frames/${file}`).map(line => JSON.parse(line))
const recordedFrames = (file: string): string[] =>
  gunzipSync(readFileSync(recorded(`frames/${file}`)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map(line => line.slice(line.indexOf(' ') + 1))

const tickOf = (frame: Frame): Tick | undefined => (frame.kind === 'tick' ? frame.tick : undefined)
const framed = (stream: string, data: object): string => JSON.stringify({ stream, data })

/** One frame of each kind we read, made up but of the recorded form. */
const trade = { e: 'trade', E: 1723161255343, s: 'BTCUSDT', t: 3735683259, p: '61837.63000000', q: '0.02000000', T: 1723161255342 }
const spotTrade = { ...trade, m: true, M: true }
const aggTrade = { e: 'aggTrade', E: 1723161255343, s: 'BTCUSDT', a: 5, p: '61837.63000000', q: '1.00000000', f: 7, l: 9, T: 1723161255342 }
const mini = { e: '24hrMiniTicker', E: 1723161255343, s: 'BTCUSDT', c: '61837.63000000', o: '1.00000000', h: '2.00000000' }
const spotMini = { ...mini, l: '0.50000000', v: '3.00000000', q: '4.00000000' }
const ticker = { ...spotMini, e: '24hrTicker', p: '-0.50000000', P: '-50.000', w: '1.00000000', x: '1.00000000', Q: '1.00000000' }
const spotTicker = { ...ticker, b: '61837.62000000', B: '1.00000000', a: '61837.64000000', A: '1.00000000', O: 1, C: 2, F: 3, L: 4, n: 2 }
const book = { u: 400900217, s: 'BTCUSDT', b: '25.35190000', B: '31.21000000', a: '25.36520000', A: '40.66000000' }
const examples = [
  framed('btcusdt@trade', spotTrade),
  framed('btcusdt@aggTrade', { ...aggTrade, m: true, M: true }),
  framed('btcusdt@ticker', spotTicker),
  framed('btcusdt@miniTicker', spotMini),
  framed('btcusdt@bookTicker', book),
]

describe('recorded frames', () => {
  for (const [file, count] of [
    ['btcusdt_20240808.gz', 9757],
    ['ethusdt_20240808.gz', 6106],
  ] as const) {
    itWithRecordings(`every trade and book ticker of ${file} is read, prices to the letter, in order and without a gap`, async () => {
      const trades: Extract<Tick, { kind: 'trade' }>[] = []
      let updateId = 0
      for (const text of recordedFrames(file)) {
        const tick = tickOf(readFrame(text))
        if (text.includes('@trade"')) {
          if (tick?.kind !== 'trade') throw new Error(`not read: ${text}`)
          expect(text).toContain(`"p":"${tick.price}"`)
          trades.push(tick)
        } else if (text.includes('@bookTicker"')) {
          if (tick?.kind !== 'book') throw new Error(`not read: ${text}`)
          expect(text).toContain(`"b":"${tick.bid}"`)
          expect(text).toContain(`"a":"${tick.ask}"`)
          expect(tick.updateId).toBeGreaterThan(updateId)
          updateId = tick.updateId
        } else expect(tick).toBeUndefined()
      }
      const first = trades[0]?.tradeId ?? 0
      expect(trades.length).toBe(count)
      expect(trades.every(({ tradeId }, at) => tradeId === first + at)).toBe(true)
    })
  }

  itWithRecordings('single spot frames of the five kinds are read, arrays, klines, depths and all-market streams are foreign', async () => {
    const wanted: Readonly<Record<string, string>> = {
      aggTrade: 'trade',
      trade: 'trade',
      '24hrTicker': 'ticker',
      '24hrMiniTicker': 'miniTicker',
    }
    for (const { kind, frame } of singles('spot.jsonl')) {
      const read = readFrame(frame)
      if (wanted[kind] === undefined) expect(read.kind, frame).toBe('foreign')
      else expect(tickOf(read)?.kind, frame).toBe(wanted[kind])
    }
    const old = singles('spot.jsonl').find(({ kind }) => kind === 'trade')?.frame ?? ''
    expect(tickOf(readFrame(old))).toEqual({
      kind: 'trade',
      symbol: 'BTCUSDT',
      price: '9302.00000000',
      tradeId: 343719861,
      exchangeTime: 1592591955765,
    })
  })

  itWithRecordings('recordings of 2021, of Binance.US too, are read', async () => {
    for (const file of ['cryptofeed_binance.txt.gz', 'cryptofeed_binance_us.txt.gz']) {
      for (const text of recordedFrames(file)) {
        if (!/"stream":\s?"[a-z0-9]+@(bookTicker|aggTrade)"/.test(text)) continue
        expect(readFrame(text).kind, text).toBe('tick')
      }
    }
  })

  itWithRecordings('a frame of another market is never a price', async () => {
    const spot = new Set(singles('spot.jsonl').map(({ frame }) => frame))
    const others = singles('other-markets.jsonl').map(({ frame }) => frame)
    expect(others.length).toBe(75)
    const symbols = new Set(others.flatMap(frame => [...frame.matchAll(/"(?:s|ps|symbol)":"([^"]+)"/g)].map(([, symbol = '']) => symbol)))
    const askedFor = (kinds: readonly string[]): Set<string> =>
      new Set([...symbols].flatMap(symbol => kinds.map(kind => `${symbol.toLowerCase()}@${kind}`)))
    // What the feed drops, besides what is no tick: streams it did not ask for.
    const taken = (asked: ReadonlySet<string>): string[] =>
      others.filter(frame => {
        const read = readFrame(frame)
        return read.kind === 'tick' && asked.has(read.stream)
      })
    expect(symbols.has('BTCUSDT')).toBe(true)
    expect(taken(askedFor(['trade', 'ticker']))).toEqual([])
    const withAll = taken(askedFor(streamKinds))
    // Listed as futures, but byte for byte a spot frame: nothing in it could tell.
    expect(withAll.filter(frame => !spot.has(frame))).toEqual([])
    expect(withAll.map(frame => JSON.parse(frame).stream)).toEqual(['btcusdt@aggTrade'])
    expect(others.filter(frame => readFrame(frame).kind === 'tick')).toEqual(withAll)
    expect(others.filter(frame => readFrame(frame).kind === 'garbage')).toEqual([])
  })

  itWithRecordings('every element of a futures mini ticker array is foreign, even if it came alone', async () => {
    let seen = 0
    for (const { frame } of singles('other-markets.jsonl')) {
      const parsed = JSON.parse(frame)
      const items = Array.isArray(parsed) ? parsed : Array.isArray(parsed.data) ? parsed.data : []
      for (const item of items) {
        if (typeof item.s !== 'string') continue
        for (const kind of streamKinds)
          expect(readFrame(framed(`${item.s.toLowerCase()}@${kind}`, item)).kind, JSON.stringify(item)).toBe('foreign')
        seen += 1
      }
    }
    expect(seen).toBeGreaterThan(50)
  })

  itWithRecordings('the examples of the documentation are read as what they are', async () => {
    const counts: Record<string, number> = {}
    for (const line of lines('docs/web-socket-streams-payloads.jsonl')) {
      const { stream, payload, section } = JSON.parse(line)
      const kind = String(stream).replace('<symbol>@', '')
      const isRead = streamKinds.some(known => known === kind)
      const text = isRead ? framed(`${payload.s.toLowerCase()}@${kind}`, payload) : JSON.stringify(payload)
      const read = readFrame(text)
      counts[read.kind] = (counts[read.kind] ?? 0) + 1
      if (isRead) expect(read.kind, text).toBe('tick')
      else if (section === 'Server Shutdown') expect(read).toEqual({ kind: 'leaving' })
      else if (stream === 'Response') expect(read).toMatchObject({ kind: 'reply', id: payload.id, error: undefined })
      else expect(read.kind, text).toBe('foreign')
      // As a socket would wrap the others.
      if (!isRead && /^<symbol>/.test(stream)) expect(readFrame(framed(`bnbbtc@${kind}`, payload)).kind).toBe('foreign')
    }
    expect(counts).toEqual({ leaving: 2, foreign: 15, reply: 5, tick: 5 })
  })
})

describe('one frame', () => {
  it('of each kind is read in full', () => {
    expect(examples.map(text => tickOf(readFrame(text)))).toEqual([
      { kind: 'trade', symbol: 'BTCUSDT', price: '61837.63000000', tradeId: 3735683259, exchangeTime: 1723161255342 },
      { kind: 'trade', symbol: 'BTCUSDT', price: '61837.63000000', tradeId: 9, firstTradeId: 7, exchangeTime: 1723161255342 },
      {
        kind: 'ticker',
        symbol: 'BTCUSDT',
        price: '61837.63000000',
        tradeId: 4,
        exchangeTime: 1723161255343,
        bid: '61837.62000000',
        ask: '61837.64000000',
        open24h: '1.00000000',
        high24h: '2.00000000',
        low24h: '0.50000000',
        volume24h: '3.00000000',
        change24h: '-0.50000000',
        changePercent24h: '-50.000',
      },
      {
        kind: 'miniTicker',
        symbol: 'BTCUSDT',
        price: '61837.63000000',
        exchangeTime: 1723161255343,
        open24h: '1.00000000',
        high24h: '2.00000000',
        low24h: '0.50000000',
        volume24h: '3.00000000',
      },
      { kind: 'book', symbol: 'BTCUSDT', bid: '25.35190000', ask: '25.36520000', updateId: 400900217 },
    ])
  })

  it('in any order of its fields, and with fields nobody knows, is the same', () => {
    const turned = Object.fromEntries(Object.entries({ ...spotTrade, future: [1], Z: null }).reverse())
    expect(readFrame(framed('btcusdt@trade', turned))).toEqual(readFrame(framed('btcusdt@trade', spotTrade)))
  })

  it('in microseconds has the same time in milliseconds', () => {
    const micro = { ...spotTrade, E: 1723161255343999, T: 1723161255342999 }
    expect(tickOf(readFrame(framed('btcusdt@trade', micro)))).toMatchObject({ exchangeTime: 1723161255342 })
  })

  it('of a symbol beyond ASCII is read, whether or not it has upper-case letters', () => {
    for (const s of ['币安人生USDT', 'აბUSDT', 'İUSDT'])
      expect(tickOf(readFrame(framed(`${s.toLowerCase()}@trade`, { ...spotTrade, s })))).toMatchObject({ symbol: s })
  })

  it('with a field missing, impossible or of a wrong type is foreign', () => {
    const wrong: Record<string, unknown[]> = {
      p: [
        '-1.0',
        '0',
        '0.00000000',
        '',
        '1e5',
        'NaN',
        'Infinity',
        ' 1',
        '1 ',
        '1\n',
        '0x10',
        '1.2.3',
        '.5',
        '5.',
        61837.63,
        null,
        ['1'],
        {},
      ],
      t: [2 ** 53, 2 ** 53 + 2, 1.5, -1, '7', null, [7]],
      T: [0, -1, 1.5, '1723161255342', null],
      M: [undefined, 'true', 1],
      e: ['aggTrade', 'Trade', undefined, 1],
      s: ['ETHUSDT', '', undefined, 7, null],
    }
    for (const [field, values] of Object.entries(wrong))
      for (const value of values)
        expect(readFrame(framed('btcusdt@trade', { ...spotTrade, [field]: value })).kind, `${field}: ${JSON.stringify(value)}`).toBe(
          'foreign',
        )
    for (const text of ['1e400', '-1e400', 'null', '99999999999999999999'])
      expect(readFrame(examples[0]?.replace('3735683259', text) ?? '').kind, text).toBe('foreign')
    expect(readFrame(examples[0]?.replace('3735683259', 'NaN') ?? '').kind).toBe('garbage')
  })

  it('on the stream of another kind or with a name out of the language is foreign', () => {
    const kinds = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'valueOf',
      'trade@x',
      'Trade',
      '',
      'kline_1m',
      'ticker',
      'bookTicker',
    ]
    for (const kind of kinds) expect(readFrame(framed(`btcusdt@${kind}`, spotTrade)).kind, kind).toBe('foreign')
    for (const stream of ['@trade', 'trade', 'BTCUSDT@trade', '!trade', ''])
      expect(readFrame(framed(stream, spotTrade)).kind, stream).toBe('foreign')
  })

  it('said twice over counts with what the exchange said last', () => {
    expect(tickOf(readFrame('{"stream":"btcusdt@bookTicker","data":{"u":1,"u":2,"s":"BTCUSDT","b":"1","b":"2","a":"3"}}'))).toMatchObject({
      bid: '2',
      updateId: 2,
    })
  })

  it('of futures is foreign by what spot never or always has', () => {
    const { x: _x, ...noClose } = spotTicker
    expect(readFrame(framed('btcusdt@ticker', noClose)).kind).toBe('foreign')
    expect(readFrame(framed('btcusdt@ticker', { ...spotTicker, ps: 'BTCUSD' })).kind).toBe('foreign')
    expect(readFrame(framed('btcusdt@bookTicker', { ...book, T: 1, E: 2 })).kind).toBe('foreign')
    expect(readFrame(framed('btcusdt@trade', { ...trade, m: true, X: 'MARKET' })).kind).toBe('foreign')
    expect(readFrame(framed('btcusdt@miniTicker', { ...spotMini, c: '30000', v: '5', q: '150000' })).kind).toBe('foreign')
    expect(readFrame(framed('btcusdt@miniTicker', { ...spotMini, c: '0.03454', v: '5', q: '150000.12000' })).kind).toBe('foreign')
  })
})

describe('replies', () => {
  it('are read wrapped and bare, with any id and without', () => {
    const read = (text: string): unknown => readFrame(text)
    expect(read('{"result":null,"id":7}')).toEqual({ kind: 'reply', id: 7, result: null, error: undefined })
    expect(read('{"result":null,"id":"a1"}')).toMatchObject({ kind: 'reply', id: undefined })
    expect(read('{"error":{"code":4,"msg":"Too many subscriptions"},"id":19}')).toMatchObject({ id: 19, error: '4 Too many subscriptions' })
    expect(read('{"code":2,"msg":"Invalid request","id":3}')).toMatchObject({ id: 3, error: '2 Invalid request' })
    expect(read('{"error":{"code":3,"msg":"Invalid JSON"}}')).toMatchObject({ id: undefined, error: '3 Invalid JSON' })
    expect(read('{"result":null,"error":null,"id":3}')).toMatchObject({ id: 3, error: undefined })
  })

  it('that refuse in a form nobody knows are refusals, and nothing in them throws', () => {
    for (const error of [
      '"no"',
      '{"code":{"toString":null}}',
      '{"msg":"no"}',
      '["no"]',
      'true',
      `{"code":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    ])
      expect(readFrame(`{"error":${error},"id":3}`)).toMatchObject({ kind: 'reply', id: 3, error: expect.any(String) })
    expect(readFrame(`{"code":2,"msg":"${'x'.repeat(5000)}"}`)).toMatchObject({ error: `2 ${'x'.repeat(198)}` })
  })
})

/** Whatever comes: no exception, and no amount that does not stand in the frame. */
function expectHonest(text: string): void {
  const tick = tickOf(readFrame(text))
  if (tick === undefined) return
  const amounts = Object.entries(tick).filter(([name]) => /price|bid|ask|24h/i.test(name))
  expect(amounts.length).toBeGreaterThan(0)
  for (const [, value] of amounts) {
    expect(value).toMatch(/^-?\d+(\.\d+)?$/)
    expect(text).toContain(`"${value}"`)
  }
  if (tick.kind !== 'book') expect(Number(tick.price)).toBeGreaterThan(0)
}

const seeded = { seed: 20260102, numRuns: 3000 }

describe('broken frames', () => {
  it('cut off at any byte are garbage', () => {
    for (const text of examples) {
      const bytes = Buffer.from(text)
      for (let end = 0; end < bytes.length; end += 1) expect(readFrame(bytes.subarray(0, end).toString('utf8')).kind).toBe('garbage')
    }
  })

  itWithRecordings('of every recorded kind, cut off at any byte, are garbage', async () => {
    for (const { frame } of singles('spot.jsonl'))
      for (let end = 0; end < frame.length; end += 1) expect(readFrame(frame.slice(0, end)).kind).toBe('garbage')
  })

  it('of any bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => expectHonest(Buffer.from(bytes).toString('utf8'))),
      seeded,
    )
  })

  it('that are any JSON never throw', () => {
    fc.assert(
      fc.property(fc.constantFrom('result', 'error', 'code', 'data', 'stream', 'e'), fc.json(), fc.json(), (key, one, other) => {
        expectHonest(one)
        expectHonest(`{"${key}":${one},"id":${other}}`)
        expectHonest(`{"stream":"btcusdt@trade","data":${one}}`)
      }),
      seeded,
    )
  })

  it('with some bytes changed, dropped or doubled never become a price that is not in them', () => {
    const edit = fc.record({ at: fc.nat(400), byte: fc.integer({ min: 32, max: 126 }), what: fc.constantFrom('change', 'drop', 'double') })
    fc.assert(
      fc.property(fc.constantFrom(...examples), fc.array(edit, { minLength: 1, maxLength: 4 }), (text, edits) => {
        let broken = text
        for (const { at, byte, what } of edits) {
          const put = what === 'change' ? String.fromCharCode(byte) : what === 'drop' ? '' : broken.slice(at, at + 1).repeat(2)
          broken = broken.slice(0, at) + put + broken.slice(at + 1)
        }
        expectHonest(broken)
      }),
      seeded,
    )
  })

  it('with fields of any value never become a price that is not in them', () => {
    const parsed = examples.map(text => JSON.parse(text))
    const odd = fc.oneof(fc.constantFrom('0', '-1', '1e400', 'NaN', '1.5', 0, -1, 1.5, 2 ** 53, 1e308, null, true), fc.jsonValue())
    fc.assert(
      fc.property(fc.constantFrom(...parsed), fc.nat(30), odd, fc.nat(30), odd, (frame, one, first, other, second) => {
        const data = { ...frame.data }
        const fields = Object.keys(data)
        data[fields[one % fields.length] ?? ''] = first
        data[fields[other % fields.length] ?? ''] = second
        expectHonest(framed(frame.stream, data))
      }),
      seeded,
    )
  })
})
