/** What the rest of Tickcast knows of an exchange: ticks, symbols and answers. How they are fetched is the business of this folder. */

export const streamKinds = ['trade', 'aggTrade', 'ticker', 'miniTicker', 'bookTicker'] as const
export type StreamKind = (typeof streamKinds)[number]

/** One message about one symbol. Amounts are decimal strings, times epoch ms, ids the exchange's own. */
export type Tick =
  | ({ readonly kind: 'trade'; readonly symbol: string } & Trade)
  | ({ readonly kind: 'ticker'; readonly symbol: string } & Ticker)
  /** The same over REST. */
  | ({ readonly kind: 'rest'; readonly symbol: string } & Ticker)
  | ({ readonly kind: 'miniTicker'; readonly symbol: string } & DayRange)
  | { readonly kind: 'book'; readonly symbol: string; readonly bid: string; readonly ask: string; readonly updateId: number }

export interface Trade {
  readonly price: string
  readonly tradeId: number
  /** Of several trades told as one: the first of them. */
  readonly firstTradeId?: number
  readonly exchangeTime: number
}

export interface DayRange {
  readonly price: string
  readonly exchangeTime: number
  readonly open24h: string
  readonly high24h: string
  readonly low24h: string
  readonly volume24h: string
}

export interface Ticker extends DayRange {
  /** Id of the last trade this knows of. */
  readonly tradeId: number
  readonly bid: string
  readonly ask: string
  readonly change24h: string
  readonly changePercent24h: string
}

/** answered · refused: the exchange said no, and not to ask for `waitMs` · unreachable: nobody answered, or not sensibly. */
export type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'refused'; readonly waitMs: number; readonly cause: string }
  | { readonly kind: 'unreachable'; readonly cause: string }
