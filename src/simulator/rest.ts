import type { Clock } from '../clock.ts'
import type { Aggregate } from './day.ts'
import type { ExchangeLimits } from './limits.ts'
import type { Listing } from './listing.ts'
import type { Tape } from './market.ts'
import * as bodies from './rest-bodies.ts'
import { chooseSymbols, RestError, wholeNumber } from './rest-parameters.ts'

export interface RestMarket {
  readonly clock: Clock
  readonly limits: ExchangeLimits
  readonly listed: ReadonlyMap<string, Listing>
  tape(listing: Listing): Tape
}

/** A route: what it costs, known before it is answered, and its answer. */
export interface Route {
  weight(query: URLSearchParams): number
  answer(query: URLSearchParams, market: RestMarket): object
}

const one = (query: URLSearchParams): boolean => query.has('symbol')

/** One object for `symbol`, an array otherwise. */
function perSymbol(query: URLSearchParams, market: RestMarket, body: (tape: Tape) => object): object {
  const listings = chooseSymbols(query, market.listed)
  const made = listings.map(listing => body(market.tape(listing)))
  return one(query) ? (made[0] ?? {}) : made
}

function soleListing(query: URLSearchParams, market: RestMarket): Listing {
  if (!one(query)) throw new RestError(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
  const [listing] = chooseSymbols(query, market.listed)
  if (!listing) throw new RestError(-1121, 'Invalid symbol.')
  return listing
}

function weightOfDays(query: URLSearchParams): number {
  if (one(query)) return 2
  const symbols = query.get('symbols')
  if (symbols === null) return 80
  const asked = symbols.split(',').length
  return asked <= 20 ? 2 : asked <= 100 ? 40 : 80
}

function days(query: URLSearchParams, market: RestMarket): object {
  const type = query.get('type') ?? 'FULL'
  if (type !== 'FULL' && type !== 'MINI') throw new RestError(-1104, "Invalid value for parameter 'type'.")
  return perSymbol(query, market, tape => bodies.dayBody(tape.listing.symbol, tape.day(), type === 'MINI'))
}

/** The trades asked for: from an id, from a time, or the newest. */
function aggTrades(query: URLSearchParams, market: RestMarket): object[] {
  const limit = Math.min(1000, wholeNumber(query, 'limit') ?? 500)
  const fromId = wholeNumber(query, 'fromId')
  const startTime = wholeNumber(query, 'startTime')
  const endTime = wholeNumber(query, 'endTime')
  if (fromId !== undefined && (startTime !== undefined || endTime !== undefined)) {
    throw new RestError(-1128, 'Combination of optional parameters invalid.')
  }
  const all = market.tape(soleListing(query, market)).aggregates
  const asked = all.filter(traded => traded.id >= (fromId ?? 0) && traded.at >= (startTime ?? 0) && traded.at <= (endTime ?? Infinity))
  const newest = fromId === undefined && startTime === undefined
  return (newest ? asked.slice(-limit) : asked.slice(0, limit)).map(bodies.aggTradeBody)
}

function trades(query: URLSearchParams, market: RestMarket): object[] {
  const limit = Math.min(1000, wholeNumber(query, 'limit') ?? 500)
  const recent: readonly Aggregate[] = market.tape(soleListing(query, market)).aggregates.slice(-limit)
  return recent.flatMap(bodies.tradeBodies).slice(-limit)
}

const rules = (query: URLSearchParams, market: RestMarket): object =>
  bodies.rulesBody(chooseSymbols(query, market.listed), Math.round(market.clock.wall()), market.limits)

/** By path; weights of rest-api.md, 2026-07-21. */
export const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/api/v3/ping', { weight: () => 1, answer: () => ({}) }],
  ['/api/v3/time', { weight: () => 1, answer: (_, market) => ({ serverTime: Math.round(market.clock.wall()) }) }],
  ['/api/v3/exchangeInfo', { weight: () => 20, answer: rules }],
  [
    '/api/v3/ticker/price',
    {
      weight: query => (one(query) ? 2 : 4),
      answer: (query, market) => perSymbol(query, market, tape => bodies.priceBody(tape.listing.symbol, tape.day().last)),
    },
  ],
  [
    '/api/v3/ticker/bookTicker',
    {
      weight: query => (one(query) ? 2 : 4),
      answer: (query, market) => perSymbol(query, market, tape => bodies.bookBody(tape.listing.symbol, tape.book)),
    },
  ],
  ['/api/v3/ticker/24hr', { weight: weightOfDays, answer: days }],
  ['/api/v3/aggTrades', { weight: () => 4, answer: aggTrades }],
  ['/api/v3/trades', { weight: () => 25, answer: trades }],
])
