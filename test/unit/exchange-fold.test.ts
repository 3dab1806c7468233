import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tick } from '../../src/exchange/exchange.ts'
import { emptyState, fold, priceOf, type SymbolState, seedState } from '../../src/exchange/fold.ts'
import { writeBody } from '../../src/price.ts'

const start = 1_700_000_000_000
const symbol = 'BTCUSDT'
const day = { open24h: '1.0', high24h: '2.0', low24h: '0.5', volume24h: '9.0' }
const change = { change24h: '-0.1', changePercent24h: '-1.000' }
const priceAt = (id: number): string => `${100 + id}.00000000`

const trade = (tradeId: number, at = tradeId): Tick => ({
  kind: 'trade',
  symbol,
  price: priceAt(tradeId),
  tradeId,
  exchangeTime: start + at,
})
const full = (kind: 'ticker' | 'rest', tradeId: number, at: number, rest: object = {}): Tick => ({
  kind,
  symbol,
  price: priceAt(tradeId),
  tradeId,
  exchangeTime: start + at,
  bid: `${kind}-bid-${at}`,
  ask: `${kind}-ask-${at}`,
  ...day,
  ...change,
  ...rest,
})
const ticker = (tradeId: number, at: number, rest: object = {}): Tick => full('ticker', tradeId, at, rest)
const rest = (tradeId: number, at: number, more: object = {}): Tick => full('rest', tradeId, at, more)
const mini = (price: string, at: number): Tick => ({ kind: 'miniTicker', symbol, price, exchangeTime: start + at, ...day })
const book = (updateId: number, bid = `bid-${updateId}`, ask = `ask-${updateId}`): Tick => ({ kind: 'book', symbol, bid, ask, updateId })

const folded = (...ticks: readonly Tick[]): SymbolState => {
  const state = emptyState(symbol)
  for (const tick of ticks) fold(state, tick)
  return state
}
const causes = (...ticks: readonly Tick[]): (string | undefined)[] => {
  const state = emptyState(symbol)
  return ticks.map(tick => fold(state, tick))
}

describe('trades', () => {
  it('set the price, in the order of their ids, each once', () => {
    expect(causes(trade(1), trade(2), trade(2), trade(1), trade(3))).toEqual(['trade', 'trade', undefined, undefined, 'trade'])
    expect(folded(trade(3), trade(1), trade(2))).toMatchObject({ price: priceAt(3), tradeId: 3 })
  })

  it('before there is one there is no price, whatever else is known', () => {
    expect(causes(book(1), book(2))).toEqual([undefined, undefined])
    expect(priceOf(folded(book(1)), 'BTC/USD', 1)).toBeUndefined()
    expect(priceOf(folded(trade(1), book(1)), 'BTC/USD', 77)).toEqual({
      pair: 'BTC/USD',
      symbol,
      price: priceAt(1),
      tradeId: 1,
      exchangeTime: start + 1,
      bid: 'bid-1',
      ask: 'ask-1',
      receivedAt: 77,
      source: 'websocket',
    })
  })

  it('from two sockets that overlap are shown once each, increasing and without a gap, whatever tickers and books come between', () => {
    const news = fc.constantFrom('old socket', 'new socket', 'ticker', 'book')
    const overlap = fc.record({ known: fc.nat(20), from: fc.nat(20), end: fc.integer({ min: 21, max: 60 }), lag: fc.nat(5) })
    fc.assert(
      fc.property(overlap, fc.array(news, { minLength: 100, maxLength: 300 }), ({ known, from, end, lag }, order) => {
        const state = emptyState(symbol)
        const shown: number[] = []
        // The successor begins with a trade that the old socket has delivered, or with the next one; from there each goes at its own pace.
        const next = { 'old socket': known + 1, 'new socket': Math.min(from, known + 1) }
        const take = (tick: Tick): void => {
          if (fold(state, tick) === 'trade') shown.push(state.tradeId ?? -1)
          expect(state.tradeId).toBe(shown.at(-1))
        }
        for (let id = 0; id <= known; id += 1) take(trade(id, 100 * id))
        let tickerAt = 0
        for (const [at, what] of order.entries()) {
          if (what === 'book') take(book(at))
          else if (what === 'ticker') {
            // A ticker knows a few trades more than we, and may come twice within a moment, once on each socket.
            const newest = (shown.at(-1) ?? 0) + lag
            tickerAt = Math.max(tickerAt + 1, 100 * newest)
            take(ticker(newest, tickerAt))
          } else {
            const id = next[what]++
            if (id <= (what === 'old socket' ? end - 20 : end)) take(trade(id, 100 * id))
          }
        }
        expect(shown).toEqual(shown.map((_, index) => index))
      }),
      { seed: 20260103, numRuns: 2000 },
    )
  })

  it('any order of any ticks never moves the price back to an older trade', () => {
    const any = fc.oneof(
      fc.nat(50).map(id => trade(id, id * 10)),
      fc.tuple(fc.nat(50), fc.nat(500)).map(([id, at]) => ticker(id, Math.max(at, id * 10))),
      fc.tuple(fc.nat(50), fc.nat(500)).map(([id, at]) => rest(id, Math.max(at, id * 10))),
      fc.nat(50).map(id => book(id)),
    )
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), ticks => {
        const state = emptyState(symbol)
        let last = -1
        for (const tick of ticks) {
          fold(state, tick)
          if (state.tradeId === undefined) continue
          expect(state.tradeId).toBeGreaterThanOrEqual(last)
          expect(state.price).toBe(priceAt(state.tradeId))
          last = state.tradeId
        }
      }),
      { seed: 20260104, numRuns: 2000 },
    )
  })
})

describe('a ticker', () => {
  it('brings the first price, the figures of the day and the quote', () => {
    expect(folded(ticker(5, 1000))).toMatchObject({ price: priceAt(5), tradeId: 5, bid: 'ticker-bid-1000', ...day, ...change })
  })

  it('that is a duplicate or late changes nothing', () => {
    expect(causes(ticker(5, 2000), ticker(5, 2000), ticker(4, 1000))).toEqual(['ticker', undefined, undefined])
    expect(folded(ticker(5, 2000), ticker(4, 1000)).bid).toBe('ticker-bid-2000')
  })

  it('may not move the price back', () => {
    const state = folded(trade(10), ticker(8, 1000))
    expect(state).toMatchObject({ price: priceAt(10), tradeId: 10, bid: 'ticker-bid-1000' })
    expect(folded(ticker(10, 1000), ticker(8, 2000))).toMatchObject({ price: priceAt(10), tradeId: 10 })
  })

  it('that knows of a trade to come tells nothing until that comes, or the next ticker in its place', () => {
    expect(causes(trade(1), ticker(2, 2), trade(2))).toEqual(['trade', undefined, 'trade'])
    expect(causes(trade(1), ticker(2, 2), ticker(2, 1100))).toEqual(['trade', undefined, 'ticker'])
  })

  it('waits for the trade it knows of', () => {
    const state = folded(trade(1), ticker(4, 1000))
    expect(state.tradeId).toBe(1)
    for (const id of [2, 3, 4]) expect(fold(state, trade(id))).toBe('trade')
    fold(state, ticker(5, 2000))
    expect(state.tradeId).toBe(4)
  })

  it('sets the price when the trade has not come a whole interval later, and not before', () => {
    const state = folded(trade(1), ticker(4, 1000), ticker(4, 1005), ticker(5, 1890))
    expect(state.tradeId).toBe(1)
    fold(state, ticker(6, 2000))
    expect(state).toMatchObject({ tradeId: 6, price: priceAt(6) })
    fold(state, ticker(7, 3000))
    expect(state.tradeId).toBe(7)
  })

  it('gives the price back to the trades when they come again', () => {
    const state = folded(trade(1), ticker(4, 1000), ticker(6, 2000))
    expect(fold(state, trade(5))).toBeUndefined()
    expect(fold(state, trade(7))).toBe('trade')
    fold(state, ticker(8, 3000))
    expect(state.tradeId).toBe(7)
  })
})

describe('a book ticker', () => {
  it('owns bid and ask once it was heard, by update id', () => {
    const state = folded(trade(1), ticker(1, 1000), book(7), ticker(1, 2000), book(6), book(7, 'x', 'y'))
    expect(state).toMatchObject({ bid: 'bid-7', ask: 'ask-7' })
    expect(fold(state, book(8, 'bid-7', 'ask-7'))).toBeUndefined()
    expect(fold(state, book(9))).toBe('book')
  })

  it('keeps its quote however old, while those of a silent ticker are dropped', () => {
    const late = trade(2, 1000 + 60_001)
    expect(folded(ticker(1, 1000), book(1), late)).toMatchObject({ bid: 'bid-1', open24h: undefined, change24h: undefined })
    expect(folded(ticker(1, 1000), late)).toMatchObject({ bid: undefined, ask: undefined, volume24h: undefined })
    expect(folded(ticker(1, 1000), trade(2, 61_000))).toMatchObject({ bid: 'ticker-bid-1000', ...day, ...change })
  })
})

describe('an answer over REST', () => {
  it('counts when it knows of a later trade, or of no earlier one and is later itself', () => {
    expect(folded(trade(1), rest(2, 1000))).toMatchObject({ price: priceAt(2), source: 'rest' })
    expect(causes(rest(2, 1000), rest(2, 1000), rest(2, 2000, { volume24h: '8.0' }))).toEqual(['rest', undefined, 'rest'])
  })

  it('older than what is known is dropped', () => {
    expect(causes(trade(5), rest(4, 1000))).toEqual(['trade', undefined])
    expect(causes(ticker(5, 2000), rest(5, 1000), rest(6, 2000))).toEqual(['ticker', undefined, undefined])
    expect(folded(trade(5), rest(4, 1000))).toMatchObject({ price: priceAt(5), source: 'websocket', bid: undefined })
  })

  it('that says the same again is no news', () => {
    const same = { bid: 'b', ask: 'a' }
    expect(causes(rest(2, 1000, same), rest(2, 2000, same))).toEqual(['rest', undefined])
  })

  it('is followed by trades that are later, and not by those that it knew', () => {
    const state = folded(trade(1), rest(5, 1000))
    expect(fold(state, trade(4))).toBeUndefined()
    expect(fold(state, trade(6))).toBe('trade')
    expect(state.source).toBe('websocket')
  })

  it('leaves the quote to a book ticker that speaks, and takes it over when REST is what we live on', () => {
    const state = folded(trade(1), book(1), rest(1, 1000))
    expect(state.bid).toBe('bid-1')
    fold(state, rest(1, 2000))
    expect(state.bid).toBe('rest-bid-2000')
    fold(state, book(2))
    fold(state, rest(1, 3000))
    expect(state.bid).toBe('bid-2')
    fold(state, rest(3, 4000))
    expect(state.bid).toBe('rest-bid-4000')
  })

  it('is confirmed over the socket by a ticker that knows the same trade', () => {
    expect(folded(rest(5, 1000), ticker(5, 2000)).source).toBe('websocket')
    expect(folded(trade(5), rest(5, 1000), ticker(5, 2000)).source).toBe('websocket')
    expect(folded(trade(4), rest(6, 1000), ticker(5, 2000)).source).toBe('rest')
  })
})

describe('a mini ticker', () => {
  it('sets the price when no trades flow, without the id of a trade', () => {
    expect(folded(mini('7.0', 1000))).toMatchObject({ price: '7.0', tradeId: undefined, ...day })
    expect(folded(trade(1), mini('7.0', 1000))).toMatchObject({ price: priceAt(1), tradeId: 1, ...day })
  })

  it('is not undone by trades from before it', () => {
    const state = folded(rest(3, 500), mini(priceAt(6), 1000))
    expect(causes(rest(3, 500), mini(priceAt(6), 1000), trade(3, 400))[2]).toBeUndefined()
    expect(fold(state, trade(5, 900))).toBeUndefined()
    expect(state.price).toBe(priceAt(6))
    expect(fold(state, trade(7, 1000))).toBe('trade')
  })

  it('at the very time of a ticker or REST gives way to both, whichever came first', () => {
    for (const other of [ticker(2, 1000), rest(2, 1000)]) {
      const one = folded(mini('7.0', 1000), other)
      const two = folded(other, mini('7.0', 1000))
      for (const state of [one, two]) expect(state).toMatchObject({ price: priceAt(2), tradeId: 2, ...change })
    }
  })

  it('at the very time of another one is a duplicate; so are a ticker and REST', () => {
    expect(causes(mini('7.0', 1000), mini('7.5', 1000))).toEqual(['ticker', undefined])
    expect(causes(ticker(2, 1000), rest(2, 1000))).toEqual(['ticker', undefined])
    expect(causes(rest(2, 1000), ticker(2, 1000))).toEqual(['rest', undefined])
  })

  it('older than the price does not set it', () => {
    expect(folded(rest(5, 1000), mini('7.0', 900)).price).toBe(priceAt(5))
  })

  it('does not leave the change of an hour ago beside the range of now', () => {
    const state = folded(rest(1, 1000), mini('7.0', 30_000))
    expect(state).toMatchObject(change)
    fold(state, mini('7.0', 62_000))
    expect(state).toMatchObject({ change24h: undefined, changePercent24h: undefined, bid: undefined, ...day })
  })
})

describe('what the bus knew', () => {
  const body = (tradeId: number, at: number, more: object = {}): string =>
    writeBody(
      {
        pair: 'BTC/USD',
        symbol,
        price: priceAt(tradeId),
        tradeId,
        exchangeTime: start + at,
        receivedAt: 1,
        source: 'websocket',
        bid: '1.5',
        ...more,
      },
      'trade',
      'live',
    )
  const seeded = (...bodies: readonly string[]): SymbolState => {
    const state = emptyState(symbol)
    for (const each of bodies) seedState(state, each)
    return state
  }

  it('is where we begin: older trades, tickers and answers are no news', () => {
    const state = seeded(body(10, 1000))
    expect(state).toMatchObject({ symbol, price: priceAt(10), tradeId: 10, bid: '1.5', source: 'websocket' })
    expect(fold(state, trade(10))).toBeUndefined()
    expect(fold(state, rest(9, 5000))).toBeUndefined()
    expect(fold(state, rest(10, 900))).toBeUndefined()
    expect(fold(state, ticker(10, 1000))).toBeUndefined()
    expect(fold(state, trade(11))).toBe('trade')
    expect(state.bid).toBe('1.5')
  })

  it('counts by its latest price, when several pairs show one symbol', () => {
    expect(seeded(body(10, 1000), body(12, 1200)).tradeId).toBe(12)
    expect(seeded(body(12, 1200), body(10, 1000)).tradeId).toBe(12)
    expect(seeded(body(10, 1000), body(12, 1200, { bid: undefined })).bid).toBeUndefined()
  })

  it('is ignored when it cannot be read, and can carry nothing but amounts on', () => {
    const wrong = ['', 'nonsense}', '"price":5}', '"price":"0"}', '"price":"1","price":"-1"}', `"price":"1${'0'.repeat(30)}"}`]
    for (const text of wrong) expect(seeded(text), text).toEqual(emptyState(symbol))
    const odd = seeded('"price":"5.0","bid":"1\\"x","tradeId":"7","exchangeTime":-3,"source":"moon","symbol":"ETHUSDT","isPolled":true}')
    expect(odd).toMatchObject({
      symbol,
      price: '5.0',
      bid: undefined,
      tradeId: undefined,
      lastTrade: -1,
      source: 'websocket',
      isPolled: false,
    })
    expect(fold(odd, trade(1))).toBe('trade')
  })
})

it('a trade that comes after others that never came says so, and several told as one do not', () => {
  const state = emptyState('BTCUSDT')
  const trade = (tradeId: number, firstTradeId?: number) =>
    fold(state, {
      kind: 'trade',
      symbol: 'BTCUSDT',
      price: '1',
      tradeId,
      exchangeTime: tradeId,
      ...(firstTradeId !== undefined && { firstTradeId }),
    })
  trade(10)
  // Nobody knows what came before the first.
  expect(state.isAfterHole).toBe(true)
  trade(11)
  expect(state.isAfterHole).toBe(false)
  trade(15, 12)
  expect(state.isAfterHole).toBe(false)
  trade(20)
  expect(state.isAfterHole).toBe(true)
  trade(21)
  expect(state.isAfterHole).toBe(false)
})
