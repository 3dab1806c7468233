import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBoard } from '../../src/board/board.ts'
import { createHub, type ReaderOptions } from '../../src/board/hub.ts'
import { everyMax } from '../../src/board/mailbox.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { recordingOutlet, updateOf } from '../support/outlet.ts'

/** A reader of prices that come ten times a second, and its connection. */
function stage(options: Partial<ReaderOptions> = {}) {
  const clock = fakeClock()
  const board = createBoard(clock, entry => hub.changed(entry))
  const hub = createHub({ clock, board, levelOf: () => 'live', status: () => ({ level: 'live', role: 'leader', since: 0 }) })
  const outlet = recordingOutlet()
  let at = 0
  const price = (): void => {
    at += 1
    board.apply(updateOf({ at, prev: at - 1 }), clock.wall())
  }
  price()
  const seat = hub.join({ pairs: ['BTC/USD'], mode: 'latest', intervalMs: 0, preface: '', after: undefined, ...options }, outlet)
  outlet.forget()
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 100) {
      price()
      clock.advance(100)
    }
  }
  return {
    clock,
    hub,
    outlet,
    pass,
    price,
    newest: () => `1-${at}`,
    /** It takes nothing more for so long, then everything. */
    stall: (ms: number): void => {
      outlet.takes = false
      pass(ms)
      outlet.takes = true
      seat.drained()
      clock.advance(0)
    },
    intervals: (): number[] => outlet.named('interval').map(({ data }) => data.intervalMs),
  }
}

test('a reader that falls behind now and then is only conflated', () => {
  const on = stage()
  for (let turn = 0; turn < 20; turn += 1) {
    on.stall(4000)
    on.pass(11_000)
  }
  expect(on.hub.counts()).toMatchObject({ fellBehind: 20, slowed: 0, sentAway: 0, readers: 1, apart: 0 })
  expect(on.intervals()).toEqual([])
})

test('one long stall is forgiven, and many short ones are', () => {
  const long = stage()
  long.stall(25_000)
  long.pass(1000)
  expect(long.hub.counts()).toMatchObject({ fellBehind: 1, slowed: 0 })
  const short = stage()
  for (let turn = 0; turn < 12; turn += 1) {
    short.stall(400)
    short.pass(500)
  }
  expect(short.hub.counts()).toMatchObject({ fellBehind: 12, slowed: 0 })
})

test('a reader that stays behind is written to less and less often, is told so, and gets the newest price each time', () => {
  const on = stage()
  for (let turn = 0; turn < 3; turn += 1) on.stall(2000)
  expect(on.intervals()).toEqual([250])
  expect(on.outlet.events().at(-1)).toMatchObject({ name: 'price', id: on.newest() })
  on.outlet.forget()
  on.pass(3000)
  expect(on.outlet.ids().length).toBeGreaterThanOrEqual(9)
  expect(on.outlet.ids().length).toBeLessThanOrEqual(13)
  for (let turn = 0; turn < 3; turn += 1) on.stall(2000)
  expect(on.intervals()).toEqual([1000])
  on.outlet.forget()
  on.pass(9000)
  expect(on.outlet.ids().length).toBeGreaterThanOrEqual(8)
  expect(on.outlet.ids().length).toBeLessThanOrEqual(10)
  expect(on.hub.counts()).toMatchObject({ slowed: 2, readers: 1, apart: 1 })
})

test('a reader that keeps up again climbs back, step by step, and then shares with the others as before', () => {
  const on = stage()
  for (let turn = 0; turn < 6; turn += 1) on.stall(2000)
  expect(on.intervals()).toEqual([250, 1000])
  on.pass(9000)
  expect(on.intervals()).toEqual([250, 1000])
  on.pass(2500)
  expect(on.intervals()).toEqual([250, 1000, 250])
  on.pass(11_000)
  expect(on.intervals()).toEqual([250, 1000, 250, 0])
  on.outlet.forget()
  on.pass(1000)
  expect(on.outlet.ids()).toHaveLength(10)
  expect(on.outlet.ids().at(-1)).toBe(on.newest())
  expect(on.hub.counts()).toMatchObject({ slowed: 2, restored: 2, apart: 0 })
  // And begins anew.
  on.pass(11_000)
  on.stall(2000)
  on.stall(2000)
  expect(on.hub.counts()).toMatchObject({ slowed: 2 })
})

test('a reader that asked for an interval is never written to faster than that', () => {
  const on = stage({ intervalMs: 300 })
  const slow = (): void => {
    for (let turn = 0; turn < 3; turn += 1) on.stall(4000)
  }
  slow()
  expect(on.intervals()).toEqual([1200])
  on.pass(12_000)
  expect(on.intervals()).toEqual([1200, 300])
  on.pass(30_000)
  slow()
  slow()
  expect(on.intervals()).toEqual([1200, 300, 1200])
  expect(on.hub.counts()).toMatchObject({ slowed: 2, sentAway: 1, readers: 0 })
})

test('a reader that is behind at the longest interval too is told to come back, and its stream ends in order', () => {
  const on = stage()
  for (let turn = 0; turn < 30 && !on.outlet.isEnded; turn += 1) on.stall(5000)
  expect(on.intervals()).toEqual([250, 1000, 4000])
  expect(on.outlet.isEnded).toBe(true)
  const [goodbye] = on.outlet.events().slice(-1)
  expect(goodbye?.name).toBe('reconnect')
  expect(goodbye?.data.afterMs).toBeGreaterThanOrEqual(1000)
  expect(goodbye?.data.afterMs).toBeLessThanOrEqual(5000)
  expect(on.hub.counts()).toMatchObject({ slowed: 3, sentAway: 1, cutStuck: 0, readers: 0 })
})

test('a reader of every trade loses none for being slow, is told what is beyond the bound, and the third time to come back', () => {
  const on = stage({ mode: 'every' })
  for (let turn = 0; turn < 12; turn += 1) on.stall(5000)
  expect(on.hub.counts()).toMatchObject({ fellBehind: 12, gapped: 0, slowed: 0, readers: 1 })
  expect(on.outlet.ids()).toHaveLength(12 * 50)
  const flood = (): void => {
    on.outlet.takes = false
    on.price()
    on.clock.advance(0)
    for (let count = 0; count < everyMax + 10; count += 1) on.price()
    on.stall(1000)
  }
  flood()
  flood()
  expect(on.outlet.named('gap')).toHaveLength(2)
  expect(on.outlet.isEnded).toBe(false)
  flood()
  expect(on.outlet.events().at(-1)?.name).toBe('reconnect')
  expect(on.outlet.isEnded).toBe(true)
  expect(on.hub.counts()).toMatchObject({ gapped: 3, sentAway: 1, slowed: 0 })
  expect(on.intervals()).toEqual([])
})

test('however a reader stalls: prices never go back, it ends with the newest, and is told each interval it is on', () => {
  const stalls = fc.array(fc.tuple(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 0, max: 130 })), { maxLength: 30 })
  fc.assert(
    fc.property(stalls, fc.constantFrom(0, 100, 700), (plan, intervalMs) => {
      const on = stage({ intervalMs })
      for (const [stalled, calm] of plan) {
        if (on.outlet.isEnded) break
        on.stall(stalled * 100)
        if (!on.outlet.isEnded) on.pass(calm * 100)
      }
      const sequences = on.outlet.ids().flatMap(id => (id === undefined ? [] : [Number(id.slice(2))]))
      expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b))
      const { slowed, restored, sentAway } = on.hub.counts()
      expect(on.intervals()).toHaveLength(slowed + restored)
      expect(sentAway).toBe(on.outlet.isEnded ? 1 : 0)
      if (on.outlet.isEnded) return
      on.clock.advance(5000)
      expect(on.outlet.ids().at(-1) ?? '1-1').toBe(on.newest())
      on.pass(60_000)
      expect(on.intervals().at(-1) ?? intervalMs).toBe(intervalMs)
    }),
    { numRuns: 20 },
  )
})
