import type { Cause, Pair, Price } from '../price.ts'
import type { Tick, Ticker } from './exchange.ts'
import { readSeed } from './seed.ts'

/**
 * Folds the ticks of one symbol into the state of its price. The exchange does not order its streams against each other (in recorded
 * data 42 % of trades print outside the last book ticker), so each field has one owner and each owner its own order:
 *
 * - trades own the price, by trade id. A ticker that knows of a later trade waits for the trade itself; if it still has not come by a
 *   ticker one interval later, the trade stream is not to be relied upon and the ticker sets the price.
 * - the ticker owns the day's figures, by event time, and best bid and ask until a book ticker is heard, which owns them by update id.
 * - an answer over REST counts when it knows of a later trade than we do, or of none less and is later itself. It leaves the quote to the
 *   book ticker, unless that seems to have stopped: a trade was missed, or REST is what we live on.
 * - a mini ticker brings the day's range, and the price when no trades flow. Of a ticker, a mini ticker and an answer over REST with the
 *   very same time the first counts, but a mini ticker, which knows less, gives way to both.
 *
 * Figures whose owner has fallen silent are dropped when they get old: an hour-old bid beside a live price is a lie.
 */
export interface SymbolState extends Figures {
  readonly symbol: string
  price?: string
  /** Of the trade that made the price, if that is known. */
  tradeId?: number | undefined
  exchangeTime?: number | undefined
  source: 'websocket' | 'rest'
  tradesFlow: boolean
  /** Between the last trade and the one before it others were made that never came. */
  isAfterHole: boolean
  /** The latest trade we know of, shown or not; -1 for none. */
  lastTrade: number
  /** Last trade id of a ticker that was ahead of the trades, and the time of that ticker; -1 for none. */
  announced: number
  announcedAt: number
  /** Exchange time of the day's range, and of the day's change and the quote that came with it. */
  rangeTime: number
  tickerTime: number
  bookUpdate: number
  /** The last news came over REST. */
  isPolled: boolean
}

interface Figures {
  bid?: string | undefined
  ask?: string | undefined
  open24h?: string | undefined
  high24h?: string | undefined
  low24h?: string | undefined
  volume24h?: string | undefined
  change24h?: string | undefined
  changePercent24h?: string | undefined
}

/** Tickers come every second by their own time, give or take; two sockets may bring two different ones within the same second. */
const tickerIntervalMs = 900
/** Figures this much older than the news are dropped. */
const figuresMaxMs = 60_000

export const emptyState = (symbol: string): SymbolState => ({
  symbol,
  source: 'websocket',
  tradesFlow: false,
  isAfterHole: false,
  lastTrade: -1,
  announced: -1,
  announcedAt: 0,
  rangeTime: 0,
  tickerTime: 0,
  bookUpdate: -1,
  isPolled: false,
})

/**
 * What an instance knew of the symbol from the bus, before it had a socket of its own. `body` as price.ts writes it; of several, the
 * latest counts. One that cannot be read is ignored: it came from elsewhere.
 */
export function seedState(state: SymbolState, body: string): void {
  const known = readSeed(body)
  if (known === undefined) return
  const { tradeId = -1, exchangeTime = 0 } = known
  if (state.price !== undefined && (tradeId < state.lastTrade || exchangeTime <= (state.exchangeTime ?? 0))) return
  Object.assign(state, emptyState(state.symbol), known, { lastTrade: tradeId, rangeTime: exchangeTime, tickerTime: exchangeTime })
}

/** A trade is known of that has not been shown. */
export const isBehind = (state: SymbolState): boolean => state.announced > state.lastTrade

/** Takes a tick into the state. Returns what it changed the price by, or undefined if it told nothing new. */
export function fold(state: SymbolState, tick: Tick): Cause | undefined {
  if (tick.kind === 'rest') return foldRest(state, tick)
  const cause = foldStreamed(state, tick)
  if (cause !== undefined) state.isPolled = false
  return cause
}

function foldStreamed(state: SymbolState, tick: Exclude<Tick, { kind: 'rest' }>): Cause | undefined {
  switch (tick.kind) {
    case 'trade':
      return foldTrade(state, tick)
    case 'ticker':
      return foldTicker(state, tick)
    case 'miniTicker':
      return foldMiniTicker(state, tick)
    case 'book':
      return foldBook(state, tick)
  }
}

function foldTrade(state: SymbolState, tick: Extract<Tick, { kind: 'trade' }>): Cause | undefined {
  if (tick.tradeId <= state.lastTrade) return undefined
  // The first one of all, too: nobody knows what came before it.
  state.isAfterHole = (tick.firstTradeId ?? tick.tradeId) > state.lastTrade + 1
  state.tradesFlow = true
  state.lastTrade = tick.tradeId
  // A price without a trade came from a mini ticker, which knows all trades up to its time.
  if (state.tradeId === undefined && tick.exchangeTime < (state.exchangeTime ?? 0)) return undefined
  dropOldFigures(state, tick.exchangeTime)
  takePrice(state, tick, 'websocket')
  return 'trade'
}

function foldTicker(state: SymbolState, tick: Extract<Tick, { kind: 'ticker' }>): Cause | undefined {
  if (isOld(state, tick)) return undefined
  takeDay(state, tick)
  if (state.bookUpdate < 0) takeQuote(state, tick)
  if (state.lastTrade >= state.announced) state.announced = -1
  if (state.announced >= 0 && tick.exchangeTime - state.announcedAt >= tickerIntervalMs) state.tradesFlow = false
  if (state.announced < 0 && tick.tradeId > state.lastTrade) {
    state.announced = tick.tradeId
    state.announcedAt = tick.exchangeTime
  }
  if (tick.tradeId === state.tradeId) state.source = 'websocket'
  if (!state.tradesFlow && tick.tradeId >= state.lastTrade) takePrice(state, tick, 'websocket')
  // While the trade it knows of is on its way, the price we have is not to be told again as if it were new.
  return state.price === undefined || isBehind(state) ? undefined : 'ticker'
}

function foldMiniTicker(state: SymbolState, tick: Extract<Tick, { kind: 'miniTicker' }>): Cause | undefined {
  if (isOld(state, tick)) return undefined
  takeRange(state, tick)
  dropOldFigures(state, tick.exchangeTime)
  if (!state.tradesFlow && state.price !== tick.price) {
    state.price = tick.price
    state.tradeId = undefined
    state.exchangeTime = tick.exchangeTime
  }
  if (state.price === tick.price) state.source = 'websocket'
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
  if (tick.tradeId < state.lastTrade || isOld(state, tick)) return undefined
  const { tradeId, bid, ask, volume24h } = state
  const isBookBehind = tick.tradeId > state.lastTrade || state.isPolled
  takeDay(state, tick)
  if (state.bookUpdate < 0 || isBookBehind) takeQuote(state, tick)
  takePrice(state, tick, 'rest')
  state.isPolled = true
  const isSame = tradeId === tick.tradeId && bid === state.bid && ask === state.ask && volume24h === tick.volume24h
  return isSame ? undefined : 'rest'
}

/** Nothing new about the day. At the same time as a mini ticker, a ticker or REST still has more to say. */
function isOld({ rangeTime, tickerTime }: SymbolState, { kind, exchangeTime }: Exclude<Tick, { kind: 'trade' | 'book' }>): boolean {
  return exchangeTime < rangeTime || (exchangeTime === rangeTime && (kind === 'miniTicker' || tickerTime === rangeTime))
}

function takePrice(
  state: SymbolState,
  { price, tradeId, exchangeTime }: Pick<Ticker, 'price' | 'tradeId' | 'exchangeTime'>,
  source: SymbolState['source'],
): void {
  state.price = price
  state.tradeId = tradeId
  state.lastTrade = tradeId
  state.exchangeTime = exchangeTime
  state.source = source
}

function takeQuote(state: SymbolState, { bid, ask }: { readonly bid: string; readonly ask: string }): void {
  state.bid = bid
  state.ask = ask
}

function takeRange(state: SymbolState, tick: Exclude<Tick, { kind: 'trade' | 'book' }>): void {
  state.rangeTime = tick.exchangeTime
  state.open24h = tick.open24h
  state.high24h = tick.high24h
  state.low24h = tick.low24h
  state.volume24h = tick.volume24h
}

function takeDay(state: SymbolState, tick: Extract<Tick, { kind: 'ticker' | 'rest' }>): void {
  takeRange(state, tick)
  state.tickerTime = tick.exchangeTime
  state.change24h = tick.change24h
  state.changePercent24h = tick.changePercent24h
}

/** A book ticker says no time and may be right for hours: its quote stays. */
function dropOldFigures(state: SymbolState, now: number): void {
  if (now - state.rangeTime > figuresMaxMs) state.open24h = state.high24h = state.low24h = state.volume24h = undefined
  if (now - state.tickerTime <= figuresMaxMs) return
  state.change24h = state.changePercent24h = undefined
  if (state.bookUpdate < 0) state.bid = state.ask = undefined
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
