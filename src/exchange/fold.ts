import type { Cause, Pair, Price } from '../price.ts'
import type { Tick, Ticker } from './exchange.ts'

/**
 * Folds the ticks of one symbol into the state of its price. The exchange does not order its streams against each other (in recorded
 * data 42 % of trades print outside the last book ticker), so each field has one owner and each owner its own order:
 *
 * - trades own the price, by trade id. A ticker that knows of a later trade waits for the trade itself; if it still has not come by the
 *   next ticker, the trade stream is not to be relied upon and the ticker sets the price.
 * - the ticker owns the day's figures, by event time, and best bid and ask until a book ticker is heard, which owns them by update id.
 * - an answer over REST counts when it knows of a later trade than we do, or of none less and is later itself.
 */
export interface SymbolState {
  readonly symbol: string
  price?: string
  tradeId?: number | undefined
  exchangeTime?: number
  bid?: string
  ask?: string
  open24h?: string
  high24h?: string
  low24h?: string
  volume24h?: string
  change24h?: string
  changePercent24h?: string
  source: 'websocket' | 'rest'
  tradesFlow: boolean
  /** Last trade id of the last ticker, if it was ahead of the trades. */
  announced: number
  tickerTime: number
  bookUpdate: number
}

export const emptyState = (symbol: string): SymbolState => ({
  symbol,
  source: 'websocket',
  tradesFlow: false,
  announced: -1,
  tickerTime: 0,
  bookUpdate: -1,
})

/** What an instance knew of the symbol from the bus, before it had a socket of its own. `body` as price.ts writes it. */
export function seedState(state: SymbolState, body: string): void {
  if (state.price !== undefined) return
  const known: Partial<Price> = JSON.parse(`{${body}`)
  const { price, tradeId, exchangeTime, bid, ask, open24h, high24h, low24h, volume24h, change24h, changePercent24h, source } = known
  if (price === undefined) return
  const figures = { bid, ask, open24h, high24h, low24h, volume24h, change24h, changePercent24h, exchangeTime, tradeId, source }
  Object.assign(state, { price }, Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined)))
}

/** Takes a tick into the state. Returns what it changed the price by, or undefined if it told nothing new. */
export function fold(state: SymbolState, tick: Tick): Cause | undefined {
  switch (tick.kind) {
    case 'trade':
      return foldTrade(state, tick)
    case 'ticker':
      return foldTicker(state, tick)
    case 'miniTicker':
      return foldMiniTicker(state, tick)
    case 'book':
      return foldBook(state, tick)
    case 'rest':
      return foldRest(state, tick)
  }
}

function foldTrade(state: SymbolState, tick: Extract<Tick, { kind: 'trade' }>): Cause | undefined {
  if (state.tradeId !== undefined && tick.tradeId <= state.tradeId) return undefined
  state.tradesFlow = true
  state.price = tick.price
  state.tradeId = tick.tradeId
  state.exchangeTime = tick.exchangeTime
  state.source = 'websocket'
  return 'trade'
}

function foldTicker(state: SymbolState, tick: Extract<Tick, { kind: 'ticker' }>): Cause | undefined {
  if (tick.exchangeTime <= state.tickerTime) return undefined
  takeDay(state, tick)
  if (state.bookUpdate < 0) takeQuote(state, tick)
  const known = state.tradeId ?? -1
  if (state.tradesFlow && known < state.announced) state.tradesFlow = false
  state.announced = tick.tradeId > known ? tick.tradeId : -1
  if (!state.tradesFlow && tick.tradeId >= known) takePrice(state, tick)
  return state.price === undefined ? undefined : 'ticker'
}

function foldMiniTicker(state: SymbolState, tick: Extract<Tick, { kind: 'miniTicker' }>): Cause | undefined {
  if (tick.exchangeTime <= state.tickerTime) return undefined
  takeDay(state, tick)
  if (!state.tradesFlow && state.price !== tick.price) {
    state.price = tick.price
    state.tradeId = undefined
    state.exchangeTime = tick.exchangeTime
    state.source = 'websocket'
  }
  return state.price === undefined ? undefined : 'ticker'
}

function foldBook(state: SymbolState, tick: Extract<Tick, { kind: 'book' }>): Cause | undefined {
  if (tick.updateId <= state.bookUpdate) return undefined
  state.bookUpdate = tick.updateId
  if (state.bid === tick.bid && state.ask === tick.ask) return undefined
  takeQuote(state, tick)
  return state.price === undefined ? undefined : 'book'
}

function foldRest(state: SymbolState, tick: Extract<Tick, { kind: 'rest' }>): Cause | undefined {
  if (state.tradeId !== undefined && tick.tradeId < state.tradeId) return undefined
  if (tick.exchangeTime <= state.tickerTime) return undefined
  const same = state.tradeId === tick.tradeId && state.bid === tick.bid && state.ask === tick.ask && state.volume24h === tick.volume24h
  takeDay(state, tick)
  takeQuote(state, tick)
  takePrice(state, tick)
  state.source = 'rest'
  return same ? undefined : 'rest'
}

function takePrice(state: SymbolState, { price, tradeId, exchangeTime }: Pick<Ticker, 'price' | 'tradeId' | 'exchangeTime'>): void {
  state.price = price
  state.tradeId = tradeId
  state.exchangeTime = exchangeTime
  state.source = 'websocket'
}

function takeQuote(state: SymbolState, { bid, ask }: { readonly bid: string; readonly ask: string }): void {
  state.bid = bid
  state.ask = ask
}

function takeDay(state: SymbolState, tick: Extract<Tick, { kind: 'ticker' | 'miniTicker' | 'rest' }>): void {
  state.tickerTime = tick.exchangeTime
  state.open24h = tick.open24h
  state.high24h = tick.high24h
  state.low24h = tick.low24h
  state.volume24h = tick.volume24h
  if (tick.kind === 'miniTicker') return
  state.change24h = tick.change24h
  state.changePercent24h = tick.changePercent24h
}

/** The price that one of the symbol's pairs has now; undefined before there is one. */
export function priceOf(state: SymbolState, pair: Pair, receivedAt: number): Price | undefined {
  if (state.price === undefined) return undefined
  const { symbol, price, bid, ask, open24h, high24h, low24h, volume24h, change24h, changePercent24h, tradeId, exchangeTime, source } = state
  return {
    pair,
    symbol,
    price,
    bid,
    ask,
    open24h,
    high24h,
    low24h,
    volume24h,
    change24h,
    changePercent24h,
    tradeId,
    exchangeTime,
    receivedAt,
    source,
  }
}
