import type { Listing } from './listing.ts'

/** Answered 400 with this code and message (errors.md, 2026-07-21). */
export class RestError {
  readonly code: number
  readonly msg: string

  constructor(code: number, msg: string) {
    this.code = code
    this.msg = msg
  }
}

const FILTERABLE = ['TRADING', 'HALT', 'BREAK']

export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,16}$/.test(text))
    throw new RestError(-1100, `Illegal characters found in parameter '${name}'; legal range is '^[0-9]{1,20}$'.`)
  return Number(text)
}

function namesOf(symbols: string): string[] {
  const illegal = new RestError(
    -1100,
    'Illegal characters found in parameter \'symbols\'; legal range is \'^\\[("[^"]{1,50}"(,"[^"]{1,50}"){0,}){0,1}\\]$\'.',
  )
  try {
    const names: unknown = JSON.parse(symbols)
    if (Array.isArray(names) && names.length > 0 && names.every(name => typeof name === 'string')) return names
  } catch {
    throw illegal
  }
  throw illegal
}

/** The symbols `symbol`, `symbols` and `symbolStatus` ask for. One unknown name refuses the whole request. */
export function chooseSymbols(query: URLSearchParams, listed: ReadonlyMap<string, Listing>): Listing[] {
  const [symbol, symbols, status] = [query.get('symbol'), query.get('symbols'), query.get('symbolStatus')]
  if (symbol !== null && symbols !== null) throw new RestError(-1128, 'Combination of optional parameters invalid.')
  if (status !== null && !FILTERABLE.includes(status)) throw new RestError(-1122, 'Invalid symbolStatus.')
  const names = symbol !== null ? [symbol] : symbols !== null ? namesOf(symbols) : undefined
  if (names && new Set(names).size < names.length) throw new RestError(-1151, 'Symbol is present multiple times in the list.')
  const chosen = names
    ? names.map(name => {
        const listing = listed.get(name)
        if (!listing) throw new RestError(-1121, 'Invalid symbol.')
        return listing
      })
    : [...listed.values()]
  const matching = status === null ? chosen : chosen.filter(listing => listing.status === status)
  if (symbol !== null && matching.length === 0) throw new RestError(-1220, "The symbol's status does not match the requested symbolStatus.")
  return matching
}
