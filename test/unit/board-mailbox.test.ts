import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBoard, type Entry, frameAt, frameOf, tradeIdOf } from '../../src/board/board.ts'
import { createEveryMailbox, createLatestMailbox, everyBytesMax, everyMax, isGap, type Mailbox } from '../../src/board/mailbox.ts'
import type { Update } from '../../src/price.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { updateOf } from '../support/outlet.ts'

const entryOf = (update: Update, isAfterGap = false): Entry => ({
  pair: update.pair,
  update,
  at: update.at,
  receivedAt: 0,
  isStored: false,
  isTold: true,
  isAfterGap,
  heardAt: 0,
})
const entry = (at: number, pair = 'A/USD'): Entry => entryOf(updateOf({ at, pair }))
const taken = (mailbox: Mailbox, now = 0, bytesMax?: number): string[] =>
  mailbox
    .take(now, bytesMax)
    .map(item => (isGap(item) ? `${item.pair} gap ${item.from}-${item.to}` : `${item.pair} ${item.update.at.sequence}`))

describe('board', () => {
  test('gives ids that grow, and never say that what a reader has was made earlier than it was', () => {
    const board = createBoard(fakeClock(), () => {})
    const second = 1_000_000
    const term = 1_795_000_000 * second
    const place = (pair: string, epoch: number, sequence: number) => {
      board.apply(updateOf({ at: { epoch, sequence }, pair }), 0)
      return board.get(pair)?.at
    }
    expect(place('A/USD', term, 25 * second)).toEqual({ epoch: term, sequence: 25 * second })
    expect(place('B/USD', term, 20 * second)).toEqual({ epoch: term, sequence: 25 * second + 1 })
    // A term that began after 23 s, and a price of its first second.
    expect(place('C/USD', term + 23 * second, second)).toEqual({ epoch: term + 23 * second, sequence: 2 * second + 2 })
    expect(place('D/USD', term + 23 * second, 3 * second)).toEqual({ epoch: term + 23 * second, sequence: 3 * second })
  })

  test('keeps only what is newer by position, whatever order it comes in', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 9 }))), positions => {
        const applied: Entry[] = []
        const board = createBoard(fakeClock(), one => applied.push(one))
        let newest = 0
        for (const [epoch, sequence] of positions) {
          const isNew = epoch * 100 + sequence > newest
          newest = Math.max(newest, epoch * 100 + sequence)
          expect(board.apply(updateOf({ at: { epoch, sequence }, tradeId: undefined }), 0)).toBe(isNew)
        }
        const order = applied.map(({ update: { at } }) => at.epoch * 100 + at.sequence)
        expect(order).toEqual([...new Set(order)].sort((a, b) => a - b))
        expect(board.get('BTC/USD')).toBe(applied.at(-1))
      }),
    )
  })

  test('drops the older trade, whatever its position and whoever brought it', () => {
    const board = createBoard(fakeClock(), () => {})
    const apply = (epoch: number, sequence: number, tradeId: number | undefined): boolean =>
      board.apply(updateOf({ at: { epoch, sequence }, tradeId }), 0)
    expect(apply(1, 5, 100)).toBe(true)
    expect(apply(2, 1, 99)).toBe(false)
    expect(apply(2, 2, 100)).toBe(true)
    expect(apply(2, 3, 90)).toBe(false)
    expect(apply(3, 1, undefined)).toBe(true)
  })

  test('a price known not to be the newest proves nothing about when its pair was last heard of', () => {
    const clock = fakeClock()
    const board = createBoard(clock, () => {})
    board.apply(updateOf({ at: 1 }), 0, { isBehind: true })
    expect(board.get('BTC/USD')?.heardAt).toBe(Number.NEGATIVE_INFINITY)
    clock.advance(10)
    board.apply(updateOf({ at: 2 }), 0)
    clock.advance(10)
    board.apply(updateOf({ at: 3 }), 0, { isBehind: true, isStored: true })
    expect(board.get('BTC/USD')).toMatchObject({ heardAt: 10, isStored: true })
  })

  test('knows that prices in between never came', () => {
    const board = createBoard(fakeClock(), () => {})
    const isAfterGap = (update: Update): boolean | undefined => {
      board.apply(update, 0)
      return board.get('BTC/USD')?.isAfterGap
    }
    expect(isAfterGap(updateOf({ at: 5, prev: 3 }))).toBe(false)
    expect(isAfterGap(updateOf({ at: 8, prev: 5 }))).toBe(false)
    expect(isAfterGap(updateOf({ at: 12, prev: 10 }))).toBe(true)
    expect(isAfterGap(updateOf({ at: { epoch: 2, sequence: 20 }, prev: 12 }))).toBe(true)
  })

  test('remembers when a pair was last heard of, and the age of its newest price', () => {
    const clock = fakeClock()
    const board = createBoard(clock, () => {})
    expect(board.newestAgeMs()).toBe(Number.POSITIVE_INFINITY)
    board.apply(updateOf({ at: 1, pair: 'A/USD' }), clock.wall() - 500)
    board.apply(updateOf({ at: 2, pair: 'B/USD' }), clock.wall() - 100)
    expect(board.newestAgeMs()).toBe(100)
    clock.advance(50)
    board.heard('A/USD')
    board.heard('X/USD')
    expect(board.get('A/USD')?.heardAt).toBe(50)
    expect(board.get('B/USD')?.heardAt).toBe(0)
    board.keep(new Set(['A/USD']))
    expect(board.get('B/USD')).toBeUndefined()
    expect(board.newestAgeMs()).toBe(550)
  })

  test('encodes a price once for all, and once for all who join at another level', () => {
    const one = entry(1)
    expect(frameOf(one)).toBe(frameOf(one))
    expect(frameAt(one, 'live')).toBe(frameOf(one))
    const stale = frameAt(one, 'stale')
    expect(stale.toString()).toContain('"level":"stale","cached":true}')
    expect(frameAt(one, 'stale')).toBe(stale)
    expect(frameAt(one, 'polling').toString()).toContain('"level":"polling","cached":false}')
  })

  test('gives no id to a price outside the order of terms', () => {
    expect(frameOf(entryOf(updateOf({ at: { epoch: 0, sequence: 5 } }))).toString()).not.toContain('id:')
    expect(frameOf(entry(5)).toString()).toContain('\nid: 1-5\n')
  })

  test('reads the id of the trade in a price', () => {
    expect(tradeIdOf(entryOf(updateOf({ at: 1, tradeId: 77 })))).toBe(77)
    expect(tradeIdOf(entryOf(updateOf({ at: 1, tradeId: undefined })))).toBeUndefined()
  })
})

describe('mailbox of the latest', () => {
  test('holds the newest of each pair and gives them in the order of positions', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('A/USD', 'B/USD', 'C/USD'), fc.nat())), puts => {
        const mailbox = createLatestMailbox(0)
        const newest = new Map<string, number>()
        for (const [index, [pair, jitter]] of puts.entries()) {
          // Positions of different pairs may come in any order, those of one pair only grow.
          const at = index * 10 + 1 + ((jitter + pair.charCodeAt(0)) % 7)
          mailbox.put(entry(at, pair))
          newest.set(pair, at)
        }
        const sorted = [...newest].sort((a, b) => a[1] - b[1]).map(([pair, at]) => `${pair} ${at}`)
        expect(mailbox.isEmpty).toBe(puts.length === 0)
        expect(taken(mailbox)).toEqual(sorted)
        expect(mailbox.isEmpty).toBe(true)
        expect(taken(mailbox)).toEqual([])
      }),
    )
  })

  test('sorts what came out of order', () => {
    const mailbox = createLatestMailbox(0)
    for (const [at, pair] of [
      [9, 'A/USD'],
      [3, 'B/USD'],
      [5, 'C/USD'],
    ] as const)
      mailbox.put(entry(at, pair))
    expect(taken(mailbox)).toEqual(['B/USD 3', 'C/USD 5', 'A/USD 9'])
  })

  test('with an interval sends the first price at once, then the newest once in it', () => {
    const mailbox = createLatestMailbox(100)
    expect(mailbox.dueAt()).toBe(Number.POSITIVE_INFINITY)
    mailbox.put(entry(1))
    expect(mailbox.dueAt()).toBe(0)
    expect(taken(mailbox, 0)).toEqual(['A/USD 1'])
    mailbox.put(entry(2))
    mailbox.put(entry(3))
    expect(mailbox.dueAt()).toBe(100)
    expect(taken(mailbox, 99)).toEqual([])
    expect(mailbox.isEmpty).toBe(false)
    expect(taken(mailbox, 100)).toEqual(['A/USD 3'])
    expect(mailbox.dueAt()).toBe(Number.POSITIVE_INFINITY)
  })

  test('with an interval a pair new to the reader does not wait for the others', () => {
    const mailbox = createLatestMailbox(100)
    mailbox.put(entry(1))
    taken(mailbox, 0)
    mailbox.put(entry(2))
    mailbox.put(entry(3, 'B/USD'))
    expect(mailbox.dueAt()).toBe(0)
    const [first] = mailbox.take(30)
    // Without an id: who left with it would never be sent what still waits.
    expect(first).toMatchObject({ pair: 'B/USD', update: { at: { sequence: 3 } }, at: { epoch: 0 } })
    mailbox.put(entry(4, 'B/USD'))
    expect(taken(mailbox, 100)).toEqual(['A/USD 2'])
    expect(mailbox.dueAt()).toBe(200)
    expect(taken(mailbox, 200)).toEqual(['B/USD 4'])
  })

  test('with an interval never gives a pair twice within it nor an id that goes back, ends with the newest and never spins', () => {
    const step = fc.tuple(fc.constantFrom('A/USD', 'B/USD', 'C/USD'), fc.integer({ min: 0, max: 80 }))
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), steps => {
        const mailbox = createLatestMailbox(100)
        const sent: { pair: string; at: number; now: number; id: number }[] = []
        const takeAt = (now: number): void => {
          for (const item of mailbox.take(now))
            if (!isGap(item))
              sent.push({ pair: item.pair, at: item.update.at.sequence, now, id: item.at.epoch === 0 ? 0 : item.at.sequence })
        }
        const newest = new Map<string, number>()
        let now = 0
        for (const [index, [pair, ms]] of steps.entries()) {
          now += ms
          newest.set(pair, index + 1)
          mailbox.put(entry(index + 1, pair))
          takeAt(now)
        }
        for (let turn = 0; !mailbox.isEmpty; turn += 1) {
          expect(turn).toBeLessThan(5)
          now = Math.max(now + 1, mailbox.dueAt())
          takeAt(now)
        }
        const ids = sent.map(({ id }) => id).filter(id => id > 0)
        expect(ids).toEqual([...ids].sort((a, b) => a - b))
        for (const [pair, at] of newest) {
          const its = sent.filter(one => one.pair === pair)
          expect(its.at(-1)?.at).toBe(at)
          for (const [index, one] of its.entries()) if (index > 0) expect(one.now - (its[index - 1]?.now ?? 0)).toBeGreaterThanOrEqual(100)
        }
      }),
    )
  })
})

describe('mailbox of every trade', () => {
  const trade = (
    at: number,
    tradeId: number | undefined,
    more: { gap?: boolean; cause?: Update['cause']; prev?: number; pair?: string } = {},
  ) => entryOf(updateOf({ at, tradeId, cause: more.cause ?? 'trade', prev: more.prev ?? 0, pair: more.pair ?? 'A/USD' }), more.gap ?? false)

  test('gives each trade once and in order', () => {
    const mailbox = createEveryMailbox()
    for (const [at, id] of [
      [1, 10],
      [2, 11],
      [3, 11],
      [4, 12],
      [5, 9],
    ] as const)
      mailbox.put(trade(at, id))
    expect(taken(mailbox)).toEqual(['A/USD 1', 'A/USD 2', 'A/USD 4'])
    expect(mailbox.isEmpty).toBe(true)
    mailbox.put(trade(6, 12, { cause: 'ticker' }))
    expect(mailbox.isEmpty).toBe(true)
    expect(mailbox.dueAt()).toBe(Number.POSITIVE_INFINITY)
  })

  test('shows the first price of a pair even if only the book brought it, and no book after it', () => {
    const mailbox = createEveryMailbox()
    mailbox.put(trade(1, undefined, { cause: 'book' }))
    mailbox.put(trade(2, undefined, { cause: 'book' }))
    mailbox.put(trade(3, undefined, { cause: 'ticker' }))
    expect(taken(mailbox)).toEqual(['A/USD 1', 'A/USD 3'])
  })

  test('tells a gap on the bus, where it happened and from which trade to which', () => {
    const mailbox = createEveryMailbox()
    mailbox.put(trade(1, 10))
    mailbox.put(trade(2, 15, { gap: true }))
    mailbox.put(trade(3, 16, { gap: true }))
    expect(taken(mailbox)).toEqual(['A/USD 1', 'A/USD gap 11-14', 'A/USD 2', 'A/USD 3'])
  })

  test('takes an aggregate of several trades as no gap, but a ticker or an answer over REST as one', () => {
    const mailbox = createEveryMailbox()
    mailbox.put(trade(1, 10))
    mailbox.put(trade(2, 14))
    mailbox.put(trade(3, 20, { cause: 'rest' }))
    mailbox.put(trade(4, 30, { cause: 'ticker' }))
    expect(taken(mailbox)).toEqual(['A/USD 1', 'A/USD 2', 'A/USD gap 15-19', 'A/USD 3', 'A/USD gap 21-29', 'A/USD 4'])
  })

  test('prices longer than any of ours are held to the same memory', () => {
    const mailbox = createEveryMailbox()
    const long = (id: number): Entry => {
      const update = updateOf({ at: id, pair: 'A/USD' })
      return entryOf({ ...update, body: update.body.padStart(4000) })
    }
    const held = Math.floor(everyBytesMax / 4000)
    for (let id = 1; id <= held + 1; id += 1) mailbox.put(long(id))
    expect(held).toBeLessThan(everyMax)
    expect(taken(mailbox)).toEqual([`A/USD gap 1-${held}`, `A/USD ${held + 1}`])
    for (let id = held + 2; id <= 2 * held + 1; id += 1) mailbox.put(long(id))
    expect(taken(mailbox)).toHaveLength(held)
  })

  test('is bounded: what is too much is dropped and told as one gap of each pair', () => {
    const mailbox = createEveryMailbox()
    for (let id = 1; id <= everyMax; id += 1) mailbox.put(trade(id, id, { pair: id % 2 === 0 ? 'A/USD' : 'B/USD' }))
    mailbox.put(trade(everyMax + 1, everyMax + 1))
    expect(taken(mailbox)).toEqual([`B/USD gap 1-${everyMax - 1}`, `A/USD gap 2-${everyMax}`, `A/USD ${everyMax + 1}`])
  })

  test('stays bounded however long nothing is taken, and its gap covers everything dropped', () => {
    const mailbox = createEveryMailbox()
    const last = everyMax * 3 + 10
    for (let id = 1; id <= last; id += 1) mailbox.put(trade(id, id))
    const items = mailbox.take(0)
    expect(items.length).toBeLessThanOrEqual(everyMax + 1)
    const [gap, ...rest] = items
    if (gap === undefined || !isGap(gap)) throw new Error('no gap is told')
    expect(gap.from).toBe(1)
    expect(rest.map(item => (isGap(item) ? 'gap' : tradeIdOf(item)))).toEqual(
      Array.from({ length: rest.length }, (_, index) => (gap.to ?? 0) + 1 + index),
    )
    expect((gap.to ?? 0) + rest.length).toBe(last)
  })

  test('gives what waits in portions, in order, and what it gave makes room again', () => {
    const mailbox = createEveryMailbox()
    const long = (id: number): Entry => {
      const update = updateOf({ at: id, pair: 'A/USD' })
      return entryOf({ ...update, body: update.body.padStart(4000) })
    }
    const told: string[] = []
    for (let id = 1; id <= 1000; id += 1) {
      mailbox.put(long(id))
      if (id <= 400) continue
      expect(mailbox.dueAt()).toBe(0)
      const portion = taken(mailbox, 0, 6000)
      expect(portion).toHaveLength(2)
      told.push(...portion)
      if (mailbox.isEmpty) break
    }
    expect(told).toEqual(Array.from({ length: 800 }, (_, index) => `A/USD ${index + 1}`))
    mailbox.put(long(801))
    expect(taken(mailbox, 0, 1)).toEqual(['A/USD 801'])
  })

  test('tells a reader that comes back what it missed meanwhile', () => {
    const resumed = (put: Entry): string[] => {
      const mailbox = createEveryMailbox({ after: { epoch: 1, sequence: 20 } })
      mailbox.put(put)
      return taken(mailbox)
    }
    expect(resumed(trade(25, 100, { prev: 20 }))).toEqual(['A/USD 25'])
    expect(resumed(trade(25, 100, { prev: 12 }))).toEqual(['A/USD 25'])
    expect(resumed(trade(25, 100, { prev: 23 }))).toEqual(['A/USD gap undefined-99', 'A/USD 25'])
    // After a hole in what the exchange sent.
    expect(resumed(trade(25, 100, { prev: 0 }))).toEqual(['A/USD gap undefined-99', 'A/USD 25'])
    const nextTerm = entryOf(updateOf({ at: { epoch: 2, sequence: 1 }, tradeId: 100, pair: 'A/USD' }))
    expect(resumed(nextTerm)).toEqual(['A/USD gap undefined-99', 'A/USD 1'])
  })
})
