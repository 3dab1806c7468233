import { expect, test } from 'vitest'
import { type Board, createBoard } from '../../src/board/board.ts'
import { createHub, type Hub, type ReaderOptions } from '../../src/board/hub.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { recordingOutlet, type UpdateOptions, updateOf } from '../support/outlet.ts'

const second = 1_000_000

function stage() {
  const clock = fakeClock()
  const board: Board = createBoard(clock, entry => hub.changed(entry))
  const hub: Hub = createHub({ clock, board, levelOf: () => 'live', status: () => ({ level: 'live', role: 'leader', since: 0 }) })
  return {
    hub,
    clock,
    board,
    flush: () => clock.advance(0),
    price: (options: UpdateOptions) => void board.apply(updateOf(options), clock.wall()),
    join: (options: Partial<ReaderOptions> = {}) => {
      const outlet = recordingOutlet()
      const all = { pairs: ['BTC/USD'], mode: 'every', intervalMs: 0, preface: '', after: undefined, ...options } as const
      return { outlet, seat: hub.join(all, outlet) }
    },
  }
}

/** The last write of each is the very same buffer: they are in one group. */
const isShared = (...outlets: readonly { readonly writes: readonly (readonly Buffer[])[] }[]): boolean =>
  new Set(outlets.map(({ writes }) => writes.at(-1)?.[0])).size === 1

test('who falls behind knows which trades it had in the group: none comes twice, and a hole is told', () => {
  const on = stage()
  const [first, second] = [on.join(), on.join()]
  on.price({ at: 1, tradeId: 10 })
  on.flush()
  first.outlet.takes = false
  on.price({ at: 2, prev: 1, tradeId: 11 })
  on.flush()
  first.outlet.takes = true
  on.price({ at: 3, prev: 2, tradeId: 11, cause: 'ticker' })
  on.price({ at: 9, prev: 8, tradeId: 14 })
  on.flush()
  first.seat.drained()
  on.flush()
  const told = (outlet: typeof first.outlet): readonly unknown[] =>
    outlet
      .events()
      .filter(({ name }) => name !== 'status')
      .map(({ name, data }) => (name === 'gap' ? data : data.tradeId))
  expect(told(first.outlet)).toEqual([10, 11, { pair: 'BTC/USD', from: 12, to: 13 }, 14])
  expect(told(first.outlet)).toEqual(told(second.outlet))
  on.price({ at: 10, prev: 9, tradeId: 15 })
  on.flush()
  expect(isShared(first.outlet, second.outlet)).toBe(true)
  expect(told(first.outlet).at(-1)).toBe(15)
})

test('readers of the same pairs, named in whatever order, get the very same bytes; others do not', () => {
  const on = stage()
  const [one, other] = [on.join({ pairs: ['BTC/USD', 'ETH/USD'] }), on.join({ pairs: ['ETH/USD', 'BTC/USD'] })]
  const latest = on.join({ pairs: ['ETH/USD', 'BTC/USD'], mode: 'latest' })
  on.price({ at: 1 })
  on.price({ at: 2, pair: 'ETH/USD' })
  on.price({ at: 3, prev: 1 })
  on.flush()
  expect(isShared(one.outlet, other.outlet)).toBe(true)
  expect(one.outlet.ids()).toEqual(['1-1', '1-2', '1-3'])
  expect(latest.outlet.ids()).toEqual(['1-2', '1-3'])
})

test.each(['latest', 'every'] as const)(
  'a reader from elsewhere joins the others when nothing it had there can come again (mode=%s)',
  mode => {
    const on = stage()
    const stays = on.join({ mode })
    on.price({ at: 1 * second, tradeId: 1 })
    on.flush()
    const returns = on.join({ mode, after: { epoch: 1, sequence: 2 * second } })
    on.price({ at: 2 * second - 1, tradeId: 2 })
    on.flush()
    expect(returns.outlet.named('price')).toEqual([])
    on.price({ at: 21 * second, tradeId: 3 })
    on.clock.advance(2000)
    on.price({ at: 22 * second, tradeId: 4 })
    on.flush()
    expect(returns.outlet.ids()).toEqual([`1-${21 * second}`, `1-${22 * second}`])
    expect(on.hub.counts().apart).toBe(1)
    on.price({ at: 23 * second, tradeId: 5 })
    on.flush()
    on.clock.advance(2000)
    expect(on.hub.counts().apart).toBe(0)
    on.price({ at: 24 * second, tradeId: 6 })
    on.flush()
    expect(isShared(stays.outlet, returns.outlet)).toBe(true)
    expect(returns.outlet.ids().at(-1)).toBe(`1-${24 * second}`)
  },
)

test('a reader that ends another while it is sent to ends only that one', () => {
  const on = stage()
  const readers = Array.from({ length: 5 }, () => on.join())
  const [first, , third] = readers
  const write = third?.outlet.write
  if (first === undefined || third === undefined || write === undefined) throw new Error('nobody joined')
  Object.assign(third.outlet, {
    write: (frames: readonly Buffer[]) => {
      third.seat.leave()
      return write(frames)
    },
  })
  on.price({ at: 1 })
  on.flush()
  on.price({ at: 2, prev: 1 })
  on.flush()
  for (const { outlet } of readers) expect(outlet.ids()).toEqual(outlet === third.outlet ? ['1-1'] : ['1-1', '1-2'])
  expect(on.hub.counts().readers).toBe(4)
})

test.each(['latest', 'every'] as const)('mode=%s: who stops reading while prices are due to its group still gets them', mode => {
  const on = stage()
  const [one, other] = [on.join({ mode }), on.join({ mode })]
  on.price({ at: 1, tradeId: 10 })
  on.flush()
  on.price({ at: 2, prev: 1, tradeId: 11 })
  // Of a mode that gives the latest, what is new goes to groups when somebody joins, too.
  on.join({ mode, pairs: ['ETH/USD'] })
  one.outlet.takes = false
  on.hub.tell('BTC/USD', 'pair-error', {})
  on.flush()
  one.outlet.takes = true
  one.seat.drained()
  on.flush()
  const trades = (outlet: typeof one.outlet) => outlet.events().flatMap(({ name, data }) => (name === 'price' ? [data.tradeId] : []))
  expect(trades(one.outlet)).toEqual([10, 11])
  expect(trades(other.outlet)).toEqual([10, 11])
})

test('before a hole a group is dissolved: each of its readers waits for what is missing, and is told it once', () => {
  const on = stage()
  const [one, other] = [on.join(), on.join()]
  on.price({ at: 1, tradeId: 10 })
  on.flush()
  on.price({ at: 9, prev: 8, tradeId: 14 })
  expect(on.hub.counts()).toMatchObject({ readers: 2, apart: 2 })
  on.flush()
  for (const { outlet } of [one, other])
    expect(outlet.events().slice(-2)).toMatchObject([{ name: 'gap', data: { from: 11, to: 13 } }, { data: { tradeId: 14 } }])
  expect(on.hub.counts()).toMatchObject({ readers: 2, apart: 0 })
})
