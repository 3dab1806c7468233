import { ONE } from './decimals.ts'
import { seededRandom } from './random.ts'

/** Trading status of a symbol (enums.md, July 2026). */
export type SymbolStatus = 'TRADING' | 'END_OF_DAY' | 'HALT' | 'BREAK' | 'CANCEL_ONLY'
export const STATUSES: readonly SymbolStatus[] = ['TRADING', 'END_OF_DAY', 'HALT', 'BREAK', 'CANCEL_ONLY']

/** One symbol the exchange lists. */
export interface Listing {
  readonly symbol: string
  readonly base: string
  readonly quote: string
  /** Where its walk begins, in whole currency. */
  readonly price: number
  /** Smallest step of a price and of a quantity, in units of 1e-8. */
  readonly tick: number
  readonly lot: number
  readonly tradesPerSecond: number
  /** Changes at run time: symbols are halted and delisted. */
  status: SymbolStatus
}

/** base, quote, price, trades per second, status when not TRADING. */
type Known = readonly [base: string, quote: string, price: number, perSecond: number, status?: SymbolStatus]

const KNOWN: readonly Known[] = [
  ['BTC', 'USDT', 61_800, 8],
  ['ETH', 'USDT', 2_680, 5],
  ['BNB', 'USDT', 512, 2],
  ['SOL', 'USDT', 155, 3],
  ['XRP', 'USDT', 0.61, 2],
  ['ADA', 'USDT', 0.345, 1],
  ['DOGE', 'USDT', 0.102, 1.5],
  ['LTC', 'USDT', 60.2, 0.7],
  ['1INCH', 'USDT', 0.265, 0.2],
  ['ETH', 'BTC', 0.0434, 1],
  ['BNB', 'BTC', 0.00829, 0.4],
  ['SOL', 'BTC', 0.00251, 0.3],
  ['LTC', 'BTC', 0.000974, 0.1],
  ['XRP', 'BTC', 0.00000987, 0.2],
  ['BNB', 'ETH', 0.191, 0.1],
  ['BTC', 'FDUSD', 61_790, 4],
  ['ETH', 'FDUSD', 2_679, 2],
  ['BTC', 'USDC', 61_795, 2],
  ['ETH', 'USDC', 2_679, 1],
  ['USDC', 'USDT', 1.0002, 1],
  ['FDUSD', 'USDT', 0.9989, 1],
  ['BTC', 'EUR', 56_600, 0.5],
  ['ETH', 'EUR', 2_455, 0.4],
  ['EUR', 'USDT', 1.0921, 0.4],
  ['TRX', 'USDT', 0.127, 0.8],
  ['TON', 'USDT', 6.45, 0.6],
  ['AVAX', 'USDT', 22.1, 0.6],
  ['DOT', 'USDT', 4.62, 0.4],
  ['LINK', 'USDT', 10.3, 0.5],
  ['NEAR', 'USDT', 4.1, 0.4],
  ['UNI', 'USDT', 6.05, 0.3],
  ['ATOM', 'USDT', 4.7, 0.3],
  ['BCH', 'USDT', 345, 0.3],
  ['ETC', 'USDT', 18.6, 0.2],
  ['FIL', 'USDT', 3.72, 0.3],
  ['AAVE', 'USDT', 101, 0.2],
  ['SUI', 'USDT', 0.92, 0.6],
  ['PEPE', 'USDT', 0.0000079, 1.2],
  ['SHIB', 'USDT', 0.0000139, 0.8],
  ['币安人生', 'USDT', 0.132, 0.4],
  ['LUNC', 'USDT', 0.000081, 0.2, 'HALT'],
  ['XMR', 'USDT', 147, 0.1, 'CANCEL_ONLY'],
  ['BUSD', 'USDT', 0.9999, 0.1, 'BREAK'],
  ['BCC', 'BTC', 0.079081, 0.1, 'BREAK'],
  ['BTCUP', 'USDT', 18.4, 0.1, 'BREAK'],
  ['VEN', 'BTC', 0.00052, 0.1, 'BREAK'],
]

const QUOTES = ['FDUSD', 'USDT', 'USDC', 'BUSD', 'TUSD', 'EUR', 'TRY', 'BTC', 'ETH', 'BNB', 'USD']
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** About five significant digits, never finer than the eight decimals the exchange prints. */
function decimalsOf(price: number): number {
  return Math.min(8, Math.max(2, 4 - Math.floor(Math.log10(price))))
}

function listing(base: string, quote: string, price: number, tradesPerSecond: number, status: SymbolStatus = 'TRADING'): Listing {
  const lotDecimals = Math.min(5, Math.max(0, Math.ceil(Math.log10(price)) + (quote === 'BTC' || quote === 'ETH' ? 4 : 0)))
  return {
    symbol: base + quote,
    base,
    quote,
    price,
    tick: Math.round(ONE / 10 ** decimalsOf(price)),
    lot: Math.round(ONE / 10 ** lotDecimals),
    tradesPerSecond,
    status,
  }
}

/** A symbol that appears in a recording only: split at the longest quote asset it ends with. */
export function recordedListing(symbol: string): Listing {
  const quote = QUOTES.find(asset => symbol.endsWith(asset) && symbol.length > asset.length) ?? 'USDT'
  return listing(symbol.endsWith(quote) ? symbol.slice(0, -quote.length) : symbol, quote, 1, 0)
}

function invented(random: () => number): Listing {
  let base = ''
  for (let left = 3 + Math.floor(random() * 3); left > 0; left--) base += LETTERS[Math.floor(random() * LETTERS.length)]
  const draw = random()
  const quote = draw < 0.6 ? 'USDT' : draw < 0.75 ? 'BTC' : draw < 0.88 ? 'FDUSD' : 'ETH'
  const inDollars = 10 ** (random() * 5 - 3)
  const price = inDollars / (quote === 'BTC' ? 61_800 : quote === 'ETH' ? 2_680 : 1)
  const perSecond = 10 ** (random() * 1.3 - 1.7)
  return listing(base, quote, Math.max(price, 1e-6), perSecond, random() < 0.05 ? 'BREAK' : 'TRADING')
}

/** The well-known symbols and enough invented ones to make `count`, by symbol, in listing order. */
export function listSymbols(seed: string, count: number): Map<string, Listing> {
  const listed = new Map<string, Listing>()
  for (const [base, quote, price, perSecond, status] of KNOWN) {
    const known = listing(base, quote, price, perSecond, status)
    listed.set(known.symbol, known)
  }
  const random = seededRandom(`${seed}/listing`)
  while (listed.size < count) {
    const next = invented(random)
    if (!listed.has(next.symbol)) listed.set(next.symbol, next)
  }
  return listed
}
