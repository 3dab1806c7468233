/**
 * The vocabulary: pairs, prices, positions and how a price is written on the bus and on a stream. Pure.
 *
 * A price travels as text that is made once, where the tick was received, and forwarded as bytes ever after:
 *
 *     {"id":"<epoch>-<sequence>","prev":<sequence>,"cause":"trade","pair":…,"receivedAt":…,"source":…,"level":…,"cached":false}
 *      └──────────── head: bus only ─────────────┘└───────────────────── body: what a reader's stream shows ────────────────────┘
 */

/** What people read, upper-case, base and quote: `BTC/USD`. */
export type Pair = string

/**
 * Where a price stands in the one order of all prices: the term's epoch (microseconds since 1970 at the latest, so at most 16 digits until
 * the year 2255), then the sequence in that term.
 */
export interface Position {
  readonly epoch: number
  readonly sequence: number
}

export const levels = ['live', 'polling', 'shared-cache', 'local-cache', 'stale'] as const
/** Where a price comes from now, best first. */
export type Level = (typeof levels)[number]

export const isCached = (level: Level): boolean => level !== 'live' && level !== 'polling'

/** What brought a price: a trade, a ticker or book update without a new trade, or an answer over REST. */
export type Cause = 'trade' | 'ticker' | 'book' | 'rest'

/** The state a tick leaves. Amounts are decimal strings as the exchange sent them; what it did not send is absent. Times are epoch ms. */
export interface Price {
  readonly pair: Pair
  readonly symbol: string
  readonly price: string
  readonly bid?: string | undefined
  readonly ask?: string | undefined
  readonly open24h?: string | undefined
  readonly high24h?: string | undefined
  readonly low24h?: string | undefined
  readonly volume24h?: string | undefined
  readonly change24h?: string | undefined
  readonly changePercent24h?: string | undefined
  readonly tradeId?: number | undefined
  readonly exchangeTime?: number | undefined
  readonly receivedAt: number
  readonly source: 'websocket' | 'rest'
}

export const origin: Position = { epoch: 0, sequence: 0 }

export const isNewer = (a: Position, b: Position): boolean => a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence)

/** Microseconds since 1970 when a price was made, about: an epoch is a time, and the sequence counts from it (bus/publisher.ts). */
export const madeAt = ({ epoch, sequence }: Position): number => epoch + sequence

export const formatPosition = (at: Position): string => `${at.epoch}-${at.sequence}`

/** Reads `<epoch>-<sequence>`; anything else is undefined, never an error: a reader may send whatever it likes. */
export function parsePosition(text: string | undefined): Position | undefined {
  const match = text === undefined ? null : /^(\d{1,16})-(\d{1,16})$/.exec(text)
  if (match === null) return undefined
  const at = { epoch: Number(match[1]), sequence: Number(match[2]) }
  return Number.isSafeInteger(at.epoch) && Number.isSafeInteger(at.sequence) ? at : undefined
}

const amounts = ['bid', 'ask', 'open24h', 'high24h', 'low24h', 'volume24h', 'change24h', 'changePercent24h'] as const

/**
 * Writes the body of a price, without the opening brace. Amounts were checked to be plain decimals when they were decoded and pair and
 * symbol to hold letters and digits only, so nothing needs escaping.
 */
export function writeBody(price: Price, cause: Cause, level: Level): string {
  let text = `"cause":"${cause}","pair":"${price.pair}","symbol":"${price.symbol}","price":"${price.price}"`
  for (const name of amounts) {
    const amount = price[name]
    if (amount !== undefined) text += `,"${name}":"${amount}"`
  }
  if (price.tradeId !== undefined) text += `,"tradeId":${price.tradeId}`
  if (price.exchangeTime !== undefined) text += `,"exchangeTime":${price.exchangeTime}`
  return `${text},"receivedAt":${price.receivedAt},"source":"${price.source}"${writeTail(level)}`
}

const tails = new Map<Level, string>(levels.map(level => [level, `,"level":"${level}","cached":${isCached(level)}}`]))
const writeTail = (level: Level): string => tails.get(level) ?? ''

/** The same body at another level: a price that was live when it was published is served from a cache later. */
export function withLevel(body: string, level: Level): string {
  const cut = body.lastIndexOf(',"level":"')
  return cut < 0 ? body : body.slice(0, cut) + writeTail(level)
}

/** One price as it stands on the bus and on a board. */
export interface Update {
  readonly pair: Pair
  readonly at: Position
  /** Sequence of the pair's previous price in this term, 0 for its first: who holds another one has missed some. */
  readonly prev: number
  readonly cause: Cause
  /** From `"cause"` to the closing brace. */
  readonly body: string
}

export const writePayload = (update: Update): string =>
  `{"id":"${update.at.epoch}-${update.at.sequence}","prev":${update.prev},${update.body}`

/** Longest payload taken from the bus, in bytes: five times the longest that is ever written. */
export const payloadBytesMax = 4096

/** Exactly the flat JSON that {@link writeBody} writes; a later version may put more fields before `receivedAt`, and is still understood. */
const payloadShape = (() => {
  const name = '[A-Za-z0-9]{1,40}'
  const text = '[^"\\\\\\p{Cc}]{0,60}'
  const number = '(?:0|[1-9]\\d{0,15})'
  const head = `\\{"id":"(\\d{1,16})-(\\d{1,16})","prev":(\\d{1,16}),`
  const start = `"cause":"(trade|ticker|book|rest)","pair":"([\\p{L}\\p{N}/]{3,60})","symbol":"${text}","price":"-?\\d{1,40}(?:\\.\\d{1,40})?"`
  const fields = `(?:,"${name}":(?:"${text}"|${number}|true|false))*`
  const end = `,"receivedAt":${number},"source":"(?:websocket|rest)","level":"(?:${levels.join('|')})","cached":(?:true|false)\\}`
  return new RegExp(`^${head}(${start}${fields}${end})$`, 'u')
})()

/** Reads what {@link writePayload} wrote. Anything else, a line break included (it could forge events on a stream), is undefined. */
export function readPayload(payload: Buffer): Update | undefined {
  if (payload.length > payloadBytesMax) return undefined
  const match = payloadShape.exec(payload.toString('utf8'))
  if (match === null) return undefined
  const [, epoch, sequence, prevText, body = '', cause, pair = ''] = match
  const at = { epoch: Number(epoch), sequence: Number(sequence) }
  const prev = Number(prevText)
  if (!Number.isSafeInteger(at.epoch) || !Number.isSafeInteger(at.sequence) || !Number.isSafeInteger(prev)) return undefined
  return { pair, at, prev, cause: cause as Cause, body }
}

/** When the price in this body was received from the exchange, epoch ms; 0 if the body does not say. */
export function receivedAtOf(body: string): number {
  const match = /"receivedAt":(\d{1,16})/.exec(body)
  return match === null ? 0 : Number(match[1])
}

const pairShape = /^([\p{L}\p{N}]{1,20})[/-]([\p{L}\p{N}]{1,20})$/u

/** `btc-usd` → `BTC/USD`; undefined for what is no pair at all. Whether it is traded is another question. */
export function parsePair(text: string): Pair | undefined {
  const match = pairShape.exec(text.trim())
  if (match === null) return undefined
  const pair = `${match[1]}/${match[2]}`.toUpperCase()
  // Some letters grow in upper case, or turn into ones that are no letters.
  return pairShape.test(pair) ? pair : undefined
}
