import { expect, test } from 'vitest'
import { createBoard, tradeIdOf } from '../../src/board/board.ts'
import type { Publisher } from '../../src/bus/publisher.ts'
import type { Tick } from '../../src/exchange/exchange.ts'
import { createPath } from '../../src/path.ts'
import { type Update, writeBody } from '../../src/price.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { updateOf } from '../support/outlet.ts'

const pair = 'BTC/USD'

function stage() {
  const clock = fakeClock()
  const published: Update[] = []
  const board = createBoard(clock, () => {})
  let sequence = 100
  const term = { isOver: false }
  const publisher = {
    next: () => {
      sequence += 1
      return { epoch: 1, sequence }
    },
    link: () => 0,
    publish: update => void published.push(update),
    get isOver() {
      return term.isOver
    },
  } as Pick<Publisher, 'next' | 'link' | 'publish' | 'isOver'> as Publisher
  const path = createPath({ board, publisher })
  path.route(new Map([['BTCUSD', [pair]]]))
  const trade = (tradeId: number): Tick => ({
    kind: 'trade',
    symbol: 'BTCUSD',
    price: `${tradeId}.00`,
    tradeId,
    exchangeTime: clock.wall(),
  })
  const shown = (): number | undefined => {
    const entry = board.get(pair)
    return entry === undefined ? undefined : tradeIdOf(entry)
  }
  return { clock, board, path, published, shown, term, take: (tradeId: number) => path.take(trade(tradeId), clock.wall()) }
}

test('what the bus told before our socket opened is where we begin: an older trade is neither shown nor published', () => {
  const { board, take, published, shown, clock } = stage()
  board.apply(updateOf({ at: 50, tradeId: 50 }), clock.wall())
  take(49)
  take(50)
  expect([shown(), published.length]).toEqual([50, 0])
  take(51)
  expect([shown(), published.length]).toEqual([51, 1])
})

test('what somebody else publishes while we have a socket counts, too: older trades of ours are no news', () => {
  const { path, take, published, clock } = stage()
  take(1)
  const price = { pair, symbol: 'BTCUSD', price: '9.00', tradeId: 9, exchangeTime: clock.wall() + 1, receivedAt: clock.wall() }
  path.learn({ ...updateOf({ at: 500 }), body: writeBody({ ...price, source: 'websocket' }, 'trade', 'live') })
  take(2)
  take(9)
  expect(published.length).toBe(1)
  take(10)
  expect(published.length).toBe(2)
})

test('what arrives while we wait to lead goes out when we do, from where the one before us ended', () => {
  const { path, board, take, published, clock } = stage()
  path.hold()
  for (const tradeId of [4, 5, 6, 7]) take(tradeId)
  expect(published).toEqual([])
  board.apply(updateOf({ at: 50, tradeId: 5 }), clock.wall())
  path.resume()
  expect(published.map(({ body }) => Number(/"tradeId":(\d+)/.exec(body)?.[1]))).toEqual([6, 7])
  take(8)
  expect(published.length).toBe(3)
})

test('what arrived while we waited in vain to lead is forgotten', () => {
  const { path, take, published } = stage()
  path.hold()
  take(4)
  path.drop()
  path.hold()
  path.resume()
  expect(published).toEqual([])
})

test('who stood still past its lease shows nobody what it reads until it knows whether it leads', () => {
  const { term, path, take, published, shown } = stage()
  take(1)
  term.isOver = true
  take(2)
  expect([shown(), published.length, path.isHeld]).toEqual([1, 1, true])
  term.isOver = false
  take(3)
  expect([shown(), published.length]).toEqual([1, 1])
  path.resume()
  expect([shown(), published.length, path.isHeld]).toEqual([3, 3, false])
})
