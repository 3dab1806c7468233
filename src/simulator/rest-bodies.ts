import type { Aggregate, Book, Day } from './day.ts'
import { quoteOf } from './day.ts'
import { e8, ONE } from './decimals.ts'
import type { ExchangeLimits } from './limits.ts'
import type { Listing } from './listing.ts'

/** Bodies as rest-api.md (2026-07-21) shows them. */

export const priceBody = (symbol: string, last: string): object => ({ symbol, price: last })

export const bookBody = (symbol: string, book: Book): object => ({
  symbol,
  bidPrice: book.bid,
  bidQty: book.bidQuantity,
  askPrice: book.ask,
  askQty: book.askQuantity,
})

export function dayBody(symbol: string, day: Day, mini: boolean): object {
  const span = { openTime: day.openTime, closeTime: day.closeTime, firstId: day.firstId, lastId: day.lastId, count: day.count }
  const sums = { volume: day.volume, quoteVolume: day.quoteVolume, ...span }
  const range = { openPrice: day.open, highPrice: day.high, lowPrice: day.low }
  if (mini) return { symbol, ...range, lastPrice: day.last, ...sums }
  return {
    symbol,
    priceChange: day.change,
    priceChangePercent: day.changePercent,
    weightedAvgPrice: day.average,
    prevClosePrice: day.previousClose,
    lastPrice: day.last,
    lastQty: day.lastQuantity,
    bidPrice: day.bid,
    bidQty: day.bidQuantity,
    askPrice: day.ask,
    askQty: day.askQuantity,
    ...range,
    ...sums,
  }
}

export const aggTradeBody = (traded: Aggregate): object => ({
  a: traded.id,
  p: e8(traded.price),
  q: e8(traded.quantity),
  f: traded.firstId,
  l: traded.firstId + traded.fills.length - 1,
  T: traded.at,
  m: traded.buyerIsMaker,
  M: true,
})

export function tradeBodies(traded: Aggregate): object[] {
  return traded.fills.map((fill, index) => ({
    id: traded.firstId + index,
    price: e8(traded.price),
    qty: e8(fill),
    quoteQty: e8(quoteOf(traded.price, fill)),
    time: traded.at,
    isBuyerMaker: traded.buyerIsMaker,
    isBestMatch: true,
  }))
}

function filters(listing: Listing): object[] {
  const [tick, lot] = [e8(listing.tick), e8(listing.lot)]
  return [
    { filterType: 'PRICE_FILTER', minPrice: tick, maxPrice: e8(BigInt(listing.tick) * BigInt(ONE)), tickSize: tick },
    { filterType: 'LOT_SIZE', minQty: lot, maxQty: '9000000.00000000', stepSize: lot },
    { filterType: 'ICEBERG_PARTS', limit: 10 },
    { filterType: 'MARKET_LOT_SIZE', minQty: '0.00000000', maxQty: '100000.00000000', stepSize: '0.00000000' },
    {
      filterType: 'TRAILING_DELTA',
      minTrailingAboveDelta: 10,
      maxTrailingAboveDelta: 2000,
      minTrailingBelowDelta: 10,
      maxTrailingBelowDelta: 2000,
    },
    {
      filterType: 'PERCENT_PRICE_BY_SIDE',
      bidMultiplierUp: '5',
      bidMultiplierDown: '0.2',
      askMultiplierUp: '5',
      askMultiplierDown: '0.2',
      avgPriceMins: 5,
    },
    {
      filterType: 'NOTIONAL',
      minNotional: '5.00000000',
      applyMinToMarket: true,
      maxNotional: '9000000.00000000',
      applyMaxToMarket: false,
      avgPriceMins: 5,
    },
    { filterType: 'MAX_NUM_ORDERS', maxNumOrders: 200 },
    { filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: 5 },
  ]
}

function rulesOf(listing: Listing): object {
  return {
    symbol: listing.symbol,
    status: listing.status,
    baseAsset: listing.base,
    baseAssetPrecision: 8,
    quoteAsset: listing.quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS', 'STOP_LOSS_LIMIT', 'TAKE_PROFIT', 'TAKE_PROFIT_LIMIT'],
    icebergAllowed: true,
    ocoAllowed: true,
    otoAllowed: true,
    opoAllowed: true,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: true,
    cancelReplaceAllowed: true,
    amendAllowed: true,
    pegInstructionsAllowed: true,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: listing.tradesPerSecond >= 1,
    filters: filters(listing),
    permissions: [],
    permissionSets: [['SPOT']],
    defaultSelfTradePreventionMode: 'EXPIRE_MAKER',
    allowedSelfTradePreventionModes: ['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH', 'DECREMENT'],
  }
}

/** `exchangeInfo`. */
export function rulesBody(listings: readonly Listing[], serverTime: number, limits: ExchangeLimits): object {
  return {
    timezone: 'UTC',
    serverTime,
    rateLimits: [
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: limits.weightPerMinute },
      { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: 100 },
      { rateLimitType: 'ORDERS', interval: 'DAY', intervalNum: 1, limit: 200_000 },
      { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: 300_000 },
    ],
    exchangeFilters: [],
    symbols: listings.map(rulesOf),
  }
}
