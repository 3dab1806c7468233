import fc from 'fast-check'
import { type Cause, type Level, levels, type Position, type Price, parsePair } from '../../src/price.ts'

/** Prices as any exchange might make them: every name that gets through where names come in, every amount that gets through the decoder. */

const letters = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const asset = fc.oneof(fc.stringMatching(/^[A-Z0-9]{1,20}$/), letters, fc.constantFrom('币安人生', '1000СВО', '𠮷', 'ÅÄÖ', 'ß', 'ŉ', 'İ'))

export const anyPair: fc.Arbitrary<string> = fc
  .tuple(asset, asset)
  .map(([base, quote]) => parsePair(`${base}/${quote}`))
  .filter(pair => pair !== undefined)

/** What src/exchange/symbols.ts lets in. */
export const anySymbol: fc.Arbitrary<string> = fc.oneof(
  fc.stringMatching(/^[A-Z0-9]{1,60}$/),
  anyPair.map(pair => pair.replace('/', '')),
)

const digits = fc.stringMatching(/^\d{1,20}$/)
const amount = fc.tuple(digits, fc.option(digits)).map(([whole, part]) => (part === null ? whole : `${whole}.${part}`))
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined })
const change = fc.tuple(fc.constantFrom('', '-'), amount).map(parts => parts.join(''))
const whole = fc.maxSafeNat()

export const anyPrice: fc.Arbitrary<Price> = fc.record({
  pair: anyPair,
  symbol: anySymbol,
  price: amount,
  bid: maybe(amount),
  ask: maybe(amount),
  open24h: maybe(amount),
  high24h: maybe(amount),
  low24h: maybe(amount),
  volume24h: maybe(amount),
  change24h: maybe(change),
  changePercent24h: maybe(change),
  tradeId: maybe(whole),
  exchangeTime: maybe(whole),
  receivedAt: whole,
  source: fc.constantFrom('websocket', 'rest'),
})
export const anyCause = fc.constantFrom<Cause>('trade', 'ticker', 'book', 'rest')
export const anyLevel = fc.constantFrom<Level>(...levels)
export const anyPosition: fc.Arbitrary<Position> = fc.record({ epoch: fc.oneof(fc.constant(0), whole), sequence: whole })

/** What a price says to a reader, field by field; what the exchange did not send is absent. */
export function meantBy(price: Price, cause: Cause, level: Level): object {
  const all = { cause, ...price, level, cached: level !== 'live' && level !== 'polling' }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** Bytes changed, dropped and put in, with a liking for what means something in JSON and in event streams. */
export const anyEdits = fc.array(
  fc.record({
    at: fc.nat(),
    cut: fc.nat(3),
    put: fc.oneof(
      fc.constantFrom(
        '\n',
        '\r',
        '\n\ndata: x\n\n',
        '\r\revent: price\r',
        '\0',
        '"',
        '\\',
        '\\n',
        '\\u000a',
        '}',
        ',',
        '\uFEFF',
        '\u2028',
        '0',
        '-',
        '',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
  }),
  { minLength: 1, maxLength: 4 },
)

export function edited(bytes: Buffer, edits: readonly { readonly at: number; readonly cut: number; readonly put: string }[]): Buffer {
  let broken = bytes
  for (const { at, cut, put } of edits) {
    const place = at % (broken.length + 1)
    broken = Buffer.concat([broken.subarray(0, place), Buffer.from(put), broken.subarray(place + cut)])
  }
  return broken
}
