import { z } from 'zod'
import { type Pair, parsePair } from '../price.ts'

/**
 * Source: exchangeInfo, rest-api.md. Statuses not known today are kept as they are: all but TRADING mean that there is nothing to stream.
 * The symbol is written into prices and stream names as it is, so it holds letters and digits only.
 */
const listed = z.object({
  symbol: z.string().regex(/^[\p{L}\p{N}]{1,60}$/u),
  status: z.string().max(40),
  baseAsset: z.string(),
  quoteAsset: z.string(),
})
const exchangeInfo = z.object({ symbols: z.array(z.unknown()) })

/** The pairs an exchange trades. */
export interface SymbolTable {
  /** Resolves a pair that {@link parsePair} read. */
  resolve(pair: Pair): Resolution
  /** What is called so first, then what begins so, then what has it anywhere. */
  search(text: string, limit: number): readonly Listing[]
  /** Takes what a later answer says of some symbols. Undefined: of these it does not speak, so the table is to be read anew. */
  update(answer: unknown, symbols: readonly string[]): SymbolTable | undefined
  readonly size: number
}

export interface Listing {
  readonly pair: Pair
  readonly symbol: string
  readonly status: string
}

export type Resolution =
  | { readonly kind: 'trading'; readonly symbol: string }
  | { readonly kind: 'not-trading'; readonly symbol: string; readonly status: string }
  | { readonly kind: 'unknown' }

/** Quote currency people say → the one the exchange trades, such as USD → USDT. */
export type QuoteAliases = ReadonlyMap<string, string>

const aliased = (pair: Pair, aliases: QuoteAliases): Pair | undefined => {
  const [base = '', quote = ''] = pair.split('/')
  const alias = aliases.get(quote)
  return alias === undefined ? undefined : `${base}/${alias}`
}

/**
 * Builds the table from the exchange's answer; undefined when nothing in it can be read, while single listings of another form are left
 * out. An exact pair goes before an aliased one, and a trading listing before another one of the same pair.
 */
export function readSymbols(answer: unknown, aliases: QuoteAliases): SymbolTable | undefined {
  const listings = new Map<Pair, Listing>()
  for (const listing of readListings(answer)) if (listings.get(listing.pair)?.status !== 'TRADING') listings.set(listing.pair, listing)
  if (listings.size === 0) return undefined
  for (const [said, traded] of aliases) addAliased(listings, said, traded)
  return tableOf(listings, aliases)
}

function readListings(answer: unknown): readonly Listing[] {
  const parsed = exchangeInfo.safeParse(answer)
  const items = parsed.success ? parsed.data.symbols : []
  return items.flatMap(item => {
    const read = listed.safeParse(item)
    if (!read.success) return []
    const { symbol, status, baseAsset, quoteAsset } = read.data
    const pair = parsePair(`${baseAsset}/${quoteAsset}`)
    return pair === undefined ? [] : [{ pair, symbol, status }]
  })
}

function addAliased(listings: Map<Pair, Listing>, said: string, traded: string): void {
  for (const listing of [...listings.values()]) {
    const [base, quote] = listing.pair.split('/')
    const pair = `${base}/${said}`
    if (quote === traded && !listings.has(pair)) listings.set(pair, { ...listing, pair })
  }
}

function tableOf(listings: ReadonlyMap<Pair, Listing>, aliases: QuoteAliases): SymbolTable {
  const find = (pair: Pair): Listing | undefined => listings.get(pair) ?? listings.get(aliased(pair, aliases) ?? '')
  return {
    size: listings.size,
    update: (answer, symbols) => {
      const statuses = new Map(readListings(answer).map(({ symbol, status }) => [symbol, status]))
      if (!symbols.every(symbol => statuses.has(symbol))) return undefined
      const updated = new Map(listings)
      for (const [pair, listing] of listings) {
        const status = statuses.get(listing.symbol) ?? listing.status
        if (status !== listing.status) updated.set(pair, { ...listing, status })
      }
      return tableOf(updated, aliases)
    },
    resolve: pair => {
      const listing = find(pair)
      if (listing === undefined) return { kind: 'unknown' }
      const { symbol, status } = listing
      return status === 'TRADING' ? { kind: 'trading', symbol } : { kind: 'not-trading', symbol, status }
    },
    search: (text, limit) => {
      const wanted = text.toUpperCase().replace('-', '/')
      const exact: Listing[] = []
      const starting: Listing[] = []
      const containing: Listing[] = []
      for (const listing of listings.values()) {
        const { pair, symbol } = listing
        if (pair === wanted || symbol === wanted) exact.push(listing)
        else if (pair.startsWith(wanted) || symbol.startsWith(wanted)) starting.push(listing)
        else if (containing.length < limit && (pair.includes(wanted) || symbol.includes(wanted))) containing.push(listing)
      }
      return [...exact, ...starting, ...containing].slice(0, limit)
    },
  }
}

/** Until the exchange has told its symbols: every pair is taken at its word, base and quote put together. */
export const assumedSymbols = (aliases: QuoteAliases): SymbolTable => ({
  size: 0,
  resolve: pair => ({ kind: 'trading', symbol: (aliased(pair, aliases) ?? pair).replace('/', '') }),
  search: () => [],
  update: () => undefined,
})
