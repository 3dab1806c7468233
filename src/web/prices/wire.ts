import type { Level, Price } from '../../price.ts'

/** What the stream says, as JSON.parse gives it. The server is ours and checks what it sends. */

export interface PriceEvent extends Price {
  readonly level: Level
}

export interface StatusEvent {
  readonly level: Level
  readonly role: string
  /** Epoch milliseconds. */
  readonly since: number
  readonly pairs: Readonly<Record<string, Level>>
}

export interface PairErrorEvent {
  readonly pair: string
  readonly detail: string
}

/** `reconnect` and `busy`. */
export interface ComeBackEvent {
  readonly afterMs: number
}

/** What of `/v1/status` is shown. */
export interface StatusAnswer {
  readonly instance: string
  readonly lastError: { readonly message: string; readonly at: number } | null
}

export interface Listing {
  readonly pair: string
  readonly symbol: string
  /** `TRADING`, or why not. */
  readonly status: string
}

/** The pair of a price event, without reading the rest: the event may be replaced before it is shown. */
export const pairOf = (raw: string): string | undefined => /"pair":"([^"]+)"/.exec(raw)?.[1]

const pairShape = /^[\p{L}\p{N}]{1,20}\/[\p{L}\p{N}]{1,20}$/u

/** `btc-usd` → `BTC/USD`; whether it is a pair at all is for {@link isPair} to say. */
export const asPair = (text: string): string => text.trim().toUpperCase().replace('-', '/')

export const isPair = (text: string): boolean => pairShape.test(text)
