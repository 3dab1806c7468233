import { batch, effect, signal } from '@preact/signals'
import { readAge } from './age.ts'
import { askStatus, sinceThen, status } from './instance.ts'
import { createQuote, type Quote } from './quote.ts'
import { connection, createStream } from './stream.ts'
import { watchlist } from './watchlist.ts'
import { isPair, type PairErrorEvent, pairOf, type StatusEvent } from './wire.ts'

/**
 * The rows, and what keeps them up to date. A price waits in `inbox` for the next frame, where the newest of each pair is parsed and shown:
 * however many come, and while nobody looks, there is at most one per pair. Rows out of sight are brought up to date once a second.
 */

const known = new Map<string, Quote>()
const inbox = new Map<string, string>()

export const quotes = signal<readonly Quote[]>([])
/** Milliseconds since 1970, told every second while somebody looks. */
export const clock = signal(Date.now())

const allEveryMs = 1000
const tickMs = 250
/** How often an instance that is not live is asked why. */
const askEveryMs = 5000

let isFrameWanted = false
let allShownAt = 0

const wantFrame = (): void => {
  if (isFrameWanted) return
  isFrameWanted = true
  requestAnimationFrame(showPrices)
}

function showPrices(now: number): void {
  isFrameWanted = false
  const isForAll = now - allShownAt >= allEveryMs
  if (isForAll) allShownAt = now
  batch(() => {
    for (const [pair, raw] of inbox) {
      const quote = known.get(pair)
      if (quote !== undefined && !quote.isInView && !isForAll) continue
      inbox.delete(pair)
      quote?.take(JSON.parse(raw), now)
    }
  })
}

function hearPrice(raw: string): void {
  const pair = pairOf(raw)
  if (pair === undefined || !known.has(pair)) return
  inbox.set(pair, raw)
  wantFrame()
}

function hearStatus(said: StatusEvent): void {
  batch(() => {
    status.value = said
    for (const [pair, level] of Object.entries(said.pairs)) {
      const quote = known.get(pair)
      if (quote !== undefined) quote.level.value = level
    }
  })
  void askStatus()
}

function hearPairError({ pair, detail }: PairErrorEvent): void {
  const quote = known.get(pair)
  if (quote !== undefined) quote.problem.value = detail
}

function quoteOf(pair: string): Quote {
  const quote = known.get(pair) ?? createQuote(pair)
  known.set(pair, quote)
  if (!isPair(pair)) quote.problem.value = `“${pair}” is no pair; one looks like BTC/USD.`
  return quote
}

/** `beat` is called four times a second while somebody looks: for what need not be done at every price. */
export function startQuotes(beat: () => void): void {
  const read = createStream({ price: hearPrice, status: hearStatus, pairError: hearPairError })
  effect(() => {
    const pairs = watchlist.value
    for (const pair of known.keys()) if (!pairs.includes(pair)) known.delete(pair)
    quotes.value = pairs.map(quoteOf)
    read(pairs.filter(isPair))
  })
  let askedAt = 0
  const tick = (): void => {
    if (document.hidden) return
    if (inbox.size > 0) wantFrame()
    const now = Date.now()
    batch(() => {
      if (Math.floor(now / 1000) !== Math.floor(clock.peek() / 1000)) clock.value = now
      for (const quote of known.values()) if (quote.receivedAt > 0) quote.age.value = readAge(sinceThen(quote.receivedAt))
    })
    if (isTroubled() && now - askedAt >= askEveryMs) {
      askedAt = now
      void askStatus()
    }
    beat()
  }
  setInterval(tick, tickMs)
  document.addEventListener('visibilitychange', tick)
}

const isTroubled = (): boolean => connection.peek().kind === 'open' && status.peek()?.level !== 'live'
