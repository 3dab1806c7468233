import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { tradeIdOf } from '../../src/board/board.ts'
import type { Hub } from '../../src/board/hub.ts'
import { createEveryMailbox, everyMax, isGap, type Mailbox } from '../../src/board/mailbox.ts'
import { entriesOf, type Found, type Missing } from '../../src/board/missing.ts'
import type { Bus } from '../../src/bus/bus.ts'
import type { Ledger } from '../../src/demand/ledger.ts'
import type { Diary } from '../../src/diary.ts'
import { type Aggregate, type AskAggregates, findTrades, readAggregates } from '../../src/exchange/missed-trades.ts'
import type { Rest } from '../../src/exchange/rest.ts'
import { createMissed, tradesMax } from '../../src/missed.ts'
import type { Upstream } from '../../src/upstream.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { updateOf } from '../support/outlet.ts'

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}

const found = (from: number, to: number, ids: readonly (number | [number, number])[], pair = 'A/USD'): Found => ({
  pair,
  from,
  to,
  symbol: 'AUSDT',
  receivedAt: 5,
  trades: ids.map(one => {
    const [firstTradeId, tradeId] = typeof one === 'number' ? [one, one] : one
    return { firstTradeId, tradeId, price: `${tradeId}.0`, exchangeTime: tradeId }
  }),
})

describe('a mailbox of every trade', () => {
  const waits = 2000
  const trade = (tradeId: number, isAfterGap: boolean, pair = 'A/USD') => {
    const update = updateOf({ at: tradeId, prev: isAfterGap ? 0 : tradeId - 1, pair })
    return { pair, update, at: update.at, isTold: true, receivedAt: 0, isStored: false, isAfterGap, heardAt: 0 }
  }
  const taken = (mailbox: Mailbox, now = 0): string[] =>
    mailbox
      .take(now)
      .map(item => (isGap(item) ? `gap ${item.from}-${item.to}` : `${tradeIdOf(item)}${item.update.at.epoch === 0 ? '+' : ''}`))
  const open = (): { mailbox: Mailbox; asked: Missing[] } => {
    const asked: Missing[] = []
    const mailbox = createEveryMailbox({
      ask: missing => {
        asked.push(missing)
        return waits
      },
    })
    return { mailbox, asked }
  }

  test('keeps what is newer back until what is missing is there, and puts it in its place', () => {
    const { mailbox, asked } = open()
    mailbox.put(trade(10, false))
    mailbox.put(trade(14, true))
    mailbox.put(trade(3, false, 'B/USD'))
    expect(taken(mailbox)).toEqual(['10'])
    expect([mailbox.isEmpty, mailbox.dueAt(), taken(mailbox)]).toEqual([false, waits, []])
    expect(asked).toEqual([{ pair: 'A/USD', from: 11, to: 13 }])
    expect(mailbox.fill(found(11, 13, []), () => entriesOf(found(11, 13, [11, 12, 13])))).toBe(true)
    expect(mailbox.dueAt()).toBe(0)
    expect(taken(mailbox)).toEqual(['11+', '12+', '13+', '14', '3'])
    mailbox.put(trade(15, false))
    expect(taken(mailbox)).toEqual(['15'])
    expect(mailbox.isEmpty).toBe(true)
  })

  test('waits as long as it was told, then tells the gap', () => {
    const { mailbox } = open()
    mailbox.put(trade(10, false))
    mailbox.put(trade(14, true))
    expect(taken(mailbox, waits - 1)).toEqual(['10'])
    expect(taken(mailbox, waits)).toEqual(['gap 11-13', '14'])
    expect(mailbox.fill(found(11, 13, []), () => entriesOf(found(11, 13, [11])))).toBe(false)
    expect(mailbox.isEmpty).toBe(true)
  })

  test('does not take what belongs to another pair, or to a part of what it misses', () => {
    const { mailbox } = open()
    mailbox.put(trade(10, false))
    mailbox.put(trade(14, true))
    taken(mailbox)
    for (const other of [found(11, 13, [], 'B/USD'), found(12, 13, []), found(11, 12, [])])
      expect(mailbox.fill(other, () => entriesOf(other))).toBe(false)
    const wider = found(9, 20, [[9, 12], 13, [14, 20]])
    expect(mailbox.fill(wider, () => entriesOf(wider))).toBe(true)
    expect(taken(mailbox)).toEqual(['11+', '12+', '13+', '14'])
  })

  test('tells of two holes each in its place, whichever is filled first', () => {
    const { mailbox } = open()
    for (const [id, isAfterGap] of [
      [1, false],
      [4, true],
      [8, true],
    ] as const)
      mailbox.put(trade(id, isAfterGap))
    const second = found(5, 7, [5, 7])
    expect(mailbox.fill(second, () => entriesOf(second))).toBe(true)
    expect(taken(mailbox)).toEqual(['1'])
    const first = found(2, 3, [])
    expect(mailbox.fill(first, () => entriesOf(first))).toBe(true)
    expect(taken(mailbox)).toEqual(['gap 2-3', '4', '5+', 'gap 6-6', '7+', '8'])
  })

  test('that overflows while it waits tells all of it as a gap', () => {
    const { mailbox } = open()
    mailbox.put(trade(1, false))
    for (let id = 4; id < 4 + everyMax; id += 1) mailbox.put(trade(id, id === 4))
    const [first, ...rest] = taken(mailbox)
    expect(first).toMatch(/^gap 1-\d+$/)
    expect(rest.length).toBe(4 + everyMax - 1 - Number(first?.split('-')[1]))
    expect(mailbox.isEmpty).toBe(true)
  })

  test('whatever is missing and found, whenever, each trade is told once and in order, or told to be missing', () => {
    const step = fc.record({ skip: fc.nat(4), has: fc.integer({ min: 0, max: 15 }), answer: fc.nat(3), take: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        let now = 0
        const asked: Missing[] = []
        const mailbox = createEveryMailbox({
          ask: missing => {
            asked.push(missing)
            return now + 3
          },
        })
        const told: string[] = []
        let id = 1
        mailbox.put(trade(id, false))
        for (const { skip, has, answer, take } of steps) {
          now += 1
          id += 1 + skip
          mailbox.put(trade(id, skip > 0))
          const missing = asked[asked.length - 1 - answer]
          if (missing !== undefined) {
            const ids = [0, 1, 2, 3].map(at => missing.from + at).filter((one, at) => one <= missing.to && (has >> at) % 2 === 1)
            mailbox.fill(missing, () => entriesOf({ ...found(missing.from, missing.to, ids) }))
          }
          if (take) told.push(...taken(mailbox, now))
        }
        told.push(...taken(mailbox, now + 10))
        let next = 1
        for (const item of told) {
          const [from = 0, to = 0] = item.startsWith('gap')
            ? item.slice(4).split('-').map(Number)
            : [Number.parseInt(item, 10), Number.parseInt(item, 10)]
          expect(from).toBe(next)
          next = to + 1
        }
        expect(next).toBe(id + 1)
      }),
      { seed: 20261122, numRuns: 2000 },
    )
  })
})

describe('trades by their ids', () => {
  /** 5,000 aggregates of one to three trades, the last of which become known only in time. */
  const all: Aggregate[] = []
  for (let a = 0, first = 100; a < 5000; a += 1) {
    const last = first + (a % 3)
    all.push({ aggregateId: a, firstTradeId: first, tradeId: last, price: '1.0', exchangeTime: a })
    first = last + 1
  }
  const newest = all.at(-1)?.tradeId ?? 0

  const exchange = (clock: FakeClock, options: { lagMs?: number; fails?: number } = {}) => {
    const asks: (number | undefined)[] = []
    const ask: AskAggregates = async (_symbol, from) => {
      asks.push(from)
      if (asks.length === options.fails) return { kind: 'unreachable', cause: 'the test says so' }
      const known = clock.now() < (options.lagMs ?? 0) ? all.slice(0, -10) : all
      return {
        kind: 'answered',
        value: from === undefined ? known.slice(-1000) : known.filter(({ aggregateId: a }) => a >= from).slice(0, 1000),
      }
    }
    return { ask, asks }
  }
  const idsOf = (trades: readonly { firstTradeId?: number; tradeId: number }[]): number[] =>
    trades.flatMap(({ firstTradeId = 0, tradeId }) => Array.from({ length: tradeId - firstTradeId + 1 }, (_, at) => firstTradeId + at))
  const find = async (options: Parameters<typeof exchange>[1], from: number, to: number, ms = 1500) => {
    const clock = fakeClock()
    const { ask, asks } = exchange(clock, options)
    const finding = findTrades(clock, ask, { symbol: 'A', from, to, until: ms })
    for (let step = 0; step < 20; step += 1) {
      await settle()
      clock.advance(100)
    }
    const trades = await finding
    const ids = idsOf(trades)
    expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at))
    return { ids, asks }
  }

  test('are among the newest most often, and come with one request', async () => {
    const { ids, asks } = await find({}, newest - 50, newest - 20)
    expect([ids.includes(newest - 50), ids.includes(newest - 20), asks]).toEqual([true, true, [undefined]])
    expect(ids.length).toBeLessThan(36)
  })

  test('further back are found by going back, as far as six requests reach', async () => {
    const { ids, asks } = await find({}, newest - 4000, newest)
    expect([ids.includes(newest - 4000), ids.includes(newest), asks]).toEqual([true, true, [undefined, 3000, 2000]])
    expect((await find({}, 0, newest)).asks.length).toBeLessThanOrEqual(6)
  })

  test('that the exchange does not know yet are asked for again, for a while', async () => {
    const later = await find({ lagMs: 300 }, newest - 3, newest)
    expect(later.ids).toContain(newest)
    expect(later.asks.length).toBe(3)
    const never = await find({ lagMs: 1e9 }, newest - 20, newest)
    expect(never.ids).toContain(newest - 20)
    expect(never.ids).not.toContain(newest)
    expect(never.asks.length).toBeLessThanOrEqual(6)
  })

  test('of which only some can be had are those', async () => {
    expect((await find({ fails: 1 }, newest - 3, newest)).ids).toEqual([])
    const some = await find({ fails: 3 }, newest - 4000, newest)
    expect(some.ids).not.toContain(newest - 4000)
    expect(some.ids).toContain(newest)
  })

  test('are read with distrust', () => {
    const good = { a: 1, p: '5.0', q: '1', f: 2, l: 3, T: 4, m: true, M: true }
    expect(readAggregates([good])).toEqual([{ aggregateId: 1, price: '5.0', firstTradeId: 2, tradeId: 3, exchangeTime: 4 }])
    for (const wrong of [{ f: -1, l: -1 }, { p: '0.0' }, { p: 5 }, { f: 9 }, { a: 'x' }, { T: null }, { l: 2 ** 60 }])
      expect(readAggregates([{ ...good, ...wrong }, good])?.length, JSON.stringify(wrong)).toBe(1)
    for (const nothing of [undefined, null, {}, 'x', [null], [{}], { code: -1121 }]) expect(readAggregates(nothing)).toBeUndefined()
    expect(readAggregates([])).toEqual([])
  })
})

interface Desk {
  readonly missed: ReturnType<typeof createMissed>
  readonly clock: FakeClock
  readonly asks: string[]
  readonly told: string[]
  readonly said: string[]
  readonly founds: Found[]
  role: 'leader' | 'follower' | 'solo'
  garbled: number
}

const desks: Desk[] = []
afterEach(() => void desks.splice(0))

function desk(role: Desk['role']): Desk {
  const clock = fakeClock()
  const on: Desk = { missed: undefined as never, clock, asks: [], told: [], said: [], founds: [], role, garbled: 0 }
  const rest = {
    aggregates: async symbol => {
      on.asks.push(symbol)
      const value = Array.from({ length: 400 }, (_, at) => ({
        aggregateId: at,
        firstTradeId: at,
        tradeId: at,
        price: '1.0',
        exchangeTime: at,
      }))
      return { kind: 'answered', value }
    },
  } as Partial<Rest> as Rest
  const missed = createMissed({
    clock,
    rest,
    bus: {
      tellMissed: async (_epoch, text) => {
        on.told.push(text)
        return { kind: 'accepted', uncached: 0 }
      },
    } as Partial<Bus> as Bus,
    ledger: {
      ask: async text => {
        on.said.push(text)
        return { kind: 'noted' }
      },
    } as Partial<Ledger> as Ledger,
    upstream: { resolve: pair => (pair === 'A/USD' ? { kind: 'trading', symbol: 'AUSDT' } : { kind: 'unknown' }) } as Upstream,
    diary: () => ({ role: () => on.role, term: () => ({ epoch: 7, validUntil: 1e9 }) }) as Pick<Diary, 'role' | 'term'>,
    hub: () => ({ found: one => void on.founds.push(one) }) as Pick<Hub, 'found'>,
    garbled: () => {
      on.garbled += 1
    },
  })
  return Object.assign(on, { missed })
}

describe('who misses trades', () => {
  const missing = { pair: 'A/USD', from: 10, to: 12 }

  test('asks the exchange as the leader, once for all its readers, and tells everybody', async () => {
    const on = desk('leader')
    expect([on.missed.ask(missing), on.missed.ask(missing)]).toEqual([2000, 2000])
    await settle()
    expect(on.asks).toEqual(['AUSDT'])
    expect(on.founds.map(({ trades }) => trades.map(({ tradeId }) => tradeId))).toEqual([[10, 11, 12]])
    const other = desk('follower')
    other.missed.told(Buffer.from(on.told[0] ?? ''))
    expect(other.founds).toMatchObject(JSON.parse(JSON.stringify(on.founds, (name, value) => (name === 'aggregateId' ? undefined : value))))
    expect(on.missed.counts()).toEqual({ asked: 1, found: 3 })
  })

  test('asks the leader as a follower, which tells again what it has just found', async () => {
    const on = desk('follower')
    expect(on.missed.ask(missing)).toBe(2000)
    expect(on.missed.ask(missing)).toBe(2000)
    expect([on.asks, on.said.length]).toEqual([[], 1])
    const leader = desk('leader')
    for (let times = 0; times < 3; times += 1) {
      leader.missed.heard(on.said[0] ?? '')
      await settle()
    }
    expect([leader.asks.length, leader.told.length]).toEqual([1, 3])
    leader.clock.advance(2000)
    leader.missed.heard(on.said[0] ?? '')
    await settle()
    expect(leader.asks.length).toBe(2)
    on.missed.heard(on.said[0] ?? '')
    expect(on.asks).toEqual([])
  })

  test('asks the exchange on its own when there is nobody to tell', async () => {
    const on = desk('solo')
    on.missed.ask(missing)
    await settle()
    expect([on.asks.length, on.founds.length, on.told]).toEqual([1, 1, []])
  })

  test('does not ask for too many at a time, nor for too much at once', async () => {
    const on = desk('leader')
    expect(on.missed.ask({ ...missing, to: 10 + tradesMax })).toBeUndefined()
    expect(on.missed.ask({ ...missing, to: 9 })).toBeUndefined()
    const answers = Array.from({ length: 300 }, (_, at) => on.missed.ask({ pair: 'A/USD', from: at, to: at }))
    expect(answers.filter(until => until !== undefined).length).toBe(128)
    expect(on.asks.length).toBe(4)
    for (let turn = 0; turn < 20; turn += 1) await settle()
    expect(on.asks.length).toBe(128)
    expect(on.missed.ask({ pair: 'A/USD', from: 200, to: 200 })).toBeDefined()
  })

  test('gets an answer at once for a pair that is not traded, and none for words nobody knows', async () => {
    const on = desk('leader')
    on.missed.ask({ ...missing, pair: 'B/USD' })
    await settle()
    expect(on.founds).toMatchObject([{ pair: 'B/USD', trades: [] }])
    for (const words of [
      'instance-7',
      '{',
      '{}',
      '{"missed":1}',
      '{"missed":{"pair":"B/USD","from":1,"to":2}}',
      '{"missed":{"pair":"A/USD","from":-1,"to":2}}',
    ])
      on.missed.heard(words)
    await settle()
    expect([on.asks, on.told]).toEqual([[], []])
    for (const words of ['', '{}', 'x'.repeat(600_000), '{"pair":"A/USD","from":1,"to":1,"symbol":"A\\"","receivedAt":1,"trades":[]}'])
      on.missed.told(Buffer.from(words))
    expect([on.garbled, on.founds.length]).toEqual([4, 1])
  })
})
