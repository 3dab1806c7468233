import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFrame } from '../../src/exchange/binance-message.ts'
import { readQuickly } from '../../src/exchange/quick-frame.ts'
import { itWithRecordings, recorded } from '../support/recordings.ts'

/** The quick reader and readFrame, which is slow and knows: what the one reads at all, the other reads the same. */

const examples = [
  '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}',
  '{"stream":"1inchusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"1INCHUSDT","a":15683430,"p":"0.35280000","q":"58.00000000","f":19862788,"l":19862790,"T":1633998523963000,"m":false,"M":true}}',
  '{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1592593727005,"s":"BTCUSDT","p":"-65.00000000","P":"-0.693","w":"9343.29777965","x":"9383.27000000","c":"9318.48000000","Q":"0.00250000","b":"9318.18000000","B":"0.32000000","a":"9318.47000000","A":"0.35414300","o":"9383.48000000","h":"9438.30000000","l":"9215.79000000","v":"48745.36667100","q":"455442476.18534620","O":1592507327001,"C":1592593727001,"F":343178738,"L":343729077,"n":550340}}',
  '{"stream":"btcusdt@miniTicker","data":{"e":"24hrMiniTicker","E":1601628771865,"s":"BTCUSDT","c":"10456.56000000","o":"10884.90000000","h":"10912.83000000","l":"10385.02000000","v":"64483.09756200","q":"685180788.34970800"}}',
  '{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}',
]

function expectSame(frame: string | Buffer): boolean {
  const read = readQuickly(Buffer.from(frame as string))
  const text = frame.toString()
  if (read !== undefined && JSON.stringify(sorted(read)) !== JSON.stringify(sorted(readFrame(text)))) expect(read).toEqual(readFrame(text))
  return read !== undefined
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, inner]) => [name, sorted(inner)]),
      )
    : value

describe('the quick reader', () => {
  it.each(examples)('reads %s', text => {
    expect(expectSame(text)).toBe(true)
  })

  for (const symbol of ['btcusdt', 'ethusdt']) {
    itWithRecordings(`reads every recorded trade and book ticker of ${symbol}, and nothing else, as readFrame does`, async () => {
      const lines = gunzipSync(readFileSync(recorded(`frames/${symbol}_20240808.gz`)))
        .toString()
        .trim()
        .split('\n')
      for (const line of lines) {
        const text = line.slice(line.indexOf(' ') + 1)
        expect(expectSame(text), text).toBe(/@(trade|bookTicker)"/.test(text))
      }
      expect(lines.length).toBeGreaterThan(30_000)
    })
  }

  itWithRecordings('reads no other recording differently, of whatever market', async () => {
    const old = ['cryptofeed_binance.txt.gz', 'cryptofeed_binance_us.txt.gz'].flatMap(file =>
      gunzipSync(readFileSync(recorded(`frames/${file}`)))
        .toString()
        .trim()
        .split('\n')
        .map(line => line.slice(line.indexOf(' ') + 1)),
    )
    const single = ['spot.jsonl', 'other-markets.jsonl'].flatMap(file =>
      readFileSync(recorded(`single-frames/${file}`), 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).frame as string),
    )
    const read = [...old, ...single].filter(expectSame)
    expect(read.length).toBeGreaterThan(80)
  })

  it('reads whatever streams come, more than it remembers, too', () => {
    const names = Array.from({ length: 9000 }, (_, at) => `coin${at * 7919}usdt`)
    for (const name of [...names, ...names])
      expect(expectSame((examples[4] as string).replace('btcusdt', name).replace('BTCUSDT', name.toUpperCase()))).toBe(true)
  })

  it('reads nothing differently that is nearly as it should be, never throws, and never reads what is no JSON', () => {
    const bits = ['"', '0', '9', '.', '-', ',', '}', '{', 'e', 'E', ' ', '\\u0031', '\u0001', '币', '@', ':', 'null', '1e9', '"p":"7.0",']
    const nines = (count: number): string => '9'.repeat(count)
    const amounts =
      '0.00000000 00000.00000001 .50000000 5. 7 1..2 -1.00000000 7.0000000 7.000000001 7.0000000/ 7.0000:000 7,00000000 -.1 --1.000'
        .split(' ')
        .concat(`${nines(20)}.50000000`, `${nines(21)}.50000000`, `-1.${nines(20)}`, `-1.${nines(21)}`)
    const wholes = '0 01 8999999999999999 9007199254740991 9007199254740993 10000000000000001 -1 1.0 1: 12/4'.split(' ').concat(nines(400))
    const example = fc.constantFrom(...examples)
    const edit = fc.record({
      at: fc.nat(600),
      drop: fc.nat(3),
      put: fc.oneof(fc.constantFrom('', ...bits), fc.string({ maxLength: 2 })),
    })
    const edited = (text: string, edits: readonly { at: number; drop: number; put: string }[]): string =>
      edits.reduce((was, { at, drop, put }) => was.slice(0, at % was.length) + put + was.slice((at % was.length) + drop), text)
    const broken = fc
      .record({ example, edits: fc.array(edit, { minLength: 1, maxLength: 3 }) })
      .map(({ example, edits }) => edited(example, edits))
    const otherValues = fc
      .record({ example, at: fc.nat(30), by: fc.constantFrom(...amounts), whole: fc.constantFrom(...wholes) })
      .map(({ example, at, by, whole }) => {
        let left = at % ((example.match(/"-?[\d.]+"|:\d+/g) ?? []).length || 1)
        return example.replace(/"-?[\d.]+"|:\d+/g, value => {
          left -= 1
          return left !== -1 ? value : value.startsWith('"') ? `"${by}"` : `:${whole}`
        })
      })
    /** One field in place of another, or one more; or one left out. */
    const otherFields = fc
      .record({ example, from: fc.nat(30), to: fc.nat(30), drop: fc.nat(1), put: fc.nat(1) })
      .map(({ example, from, to, drop, put }) => {
        const start = example.indexOf('"data":{') + 8
        const fields = example.slice(start, -2).split(',')
        fields.splice(to % fields.length, drop, ...Array(put).fill(fields[from % fields.length]))
        return `${example.slice(0, start)}${fields.join(',')}}}`
      })
    const otherBytes = fc
      .record({
        example,
        flips: fc.array(fc.record({ at: fc.nat(600), by: fc.integer({ min: 1, max: 255 }) }), { minLength: 1, maxLength: 2 }),
      })
      .map(({ example, flips }) => {
        const bytes = Buffer.from(example)
        for (const { at, by } of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ by
        return bytes
      })
    const otherLength = fc
      .record({ example, end: fc.nat(600), more: fc.constantFrom('', '\0', '\0\0', ' ', '}', '1') })
      .map(({ example, end, more }) => {
        return example.slice(0, end % 7 === 0 ? example.length : end % example.length) + more
      })
    let read = 0
    fc.assert(
      fc.property(fc.oneof(otherValues, broken, otherFields, otherBytes, otherLength), frame => {
        if (expectSame(frame)) read += 1
      }),
      { seed: 20261122, numRuns: 100_000 },
    )
    // Not all fell through: many of these are other, and right.
    expect(read).toBeGreaterThan(5000)
  })
})
