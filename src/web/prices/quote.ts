import { type Signal, signal } from '@preact/signals'
import type { Level } from '../../price.ts'
import { compareAmounts, decimalsOf, layOut, percent } from './decimal.ts'
import { createHistory, type History } from './history.ts'
import type { PriceEvent } from './wire.ts'

/** One row: what its cells show. Each cell follows its own signal, so a tick changes text and nothing else. */
export interface Quote {
  readonly pair: string
  readonly price: Signal<string>
  readonly bid: Signal<string>
  readonly ask: Signal<string>
  readonly change: Signal<string>
  /** `up`, `down` or empty. */
  readonly changeTone: Signal<string>
  /** Which way the last different price lay, and a beat that alternates when the cell shall flash: `up beat-1`. */
  readonly tick: Signal<string>
  readonly age: Signal<string>
  readonly level: Signal<Level | undefined>
  /** Why there is no price of it. */
  readonly problem: Signal<string>
  readonly history: History
  /** On the screen: others are brought up to date now and then. */
  isInView: boolean
  receivedAt: number
  hasMoved: boolean
  take(event: PriceEvent, now: number): void
}

/** A cell flashes at most so often: faster is no information, and more than three times a second is dangerous to some people. */
const flashEveryMs = 400

export function createQuote(pair: string): Quote {
  let last = ''
  let decimals = 2
  let flashedAt = Number.NEGATIVE_INFINITY
  let beat = 0
  let way = ''

  const widen = ({ price, bid, ask, open24h, high24h, low24h }: PriceEvent): void => {
    for (const amount of [price, bid, ask, open24h, high24h, low24h]) {
      if (amount !== undefined) decimals = Math.max(decimals, decimalsOf(amount))
    }
  }

  const flash = (now: number, to: 'up' | 'down'): void => {
    if (now - flashedAt >= flashEveryMs) {
      flashedAt = now
      beat = 1 - beat
    }
    way = to
    quote.tick.value = `${way} beat-${beat}`
  }

  const quote: Quote = {
    pair,
    price: signal(''),
    bid: signal(''),
    ask: signal(''),
    change: signal(''),
    changeTone: signal(''),
    tick: signal(''),
    age: signal(''),
    level: signal(undefined),
    problem: signal(''),
    history: createHistory(),
    isInView: true,
    receivedAt: 0,
    hasMoved: false,
    take: (event, now) => {
      widen(event)
      const step = last === '' ? 0 : compareAmounts(event.price, last)
      last = event.price
      quote.price.value = layOut(event.price, decimals)
      if (event.bid !== undefined) quote.bid.value = layOut(event.bid, decimals)
      if (event.ask !== undefined) quote.ask.value = layOut(event.ask, decimals)
      if (event.changePercent24h !== undefined) {
        quote.change.value = percent(event.changePercent24h)
        quote.changeTone.value = quote.change.value.startsWith('+') ? 'up' : quote.change.value.startsWith('−') ? 'down' : ''
      }
      if (step !== 0) flash(now, step > 0 ? 'up' : 'down')
      quote.level.value ??= event.level
      quote.problem.value = ''
      quote.receivedAt = event.receivedAt
      quote.history.add(now, Number(event.price))
      quote.hasMoved = true
    },
  }
  return quote
}
