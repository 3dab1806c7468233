import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Board, createBoard } from '../../src/board/board.ts'
import { createHub, type Hub } from '../../src/board/hub.ts'
import { noSteps } from '../../src/board/ladder.ts'
import type { ReaderOptions, Seat } from '../../src/board/reader.ts'
import type { Level } from '../../src/price.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { type RecordingOutlet, recordingOutlet, type UpdateOptions, updateOf } from '../support/outlet.ts'

interface Stage {
  readonly clock: FakeClock
  readonly board: Board
  readonly hub: Hub
  readonly levels: Map<string, Level>
  status: { level: Level; role: string; since: number }
  /** A newer price; `prev` is the pair's last one unless it says otherwise. */
  price(options: Omit<UpdateOptions, 'at'> & { readonly at: number }): void
  join(options?: Partial<ReaderOptions>, outlet?: RecordingOutlet): { readonly outlet: RecordingOutlet; readonly seat: Seat }
}

function stage(): Stage {
  const clock = fakeClock()
  const levels = new Map<string, Level>()
  const made: Stage = {
    clock,
    levels,
    board: createBoard(clock, entry => made.hub.changed(entry)),
    hub: undefined as unknown as Hub,
    status: { level: 'live', role: 'leader', since: 5 },
    price: options => {
      const prev = made.board.get(options.pair ?? 'BTC/USD')?.update.at.sequence ?? 0
      made.board.apply(updateOf({ prev, ...options }), clock.wall())
    },
    join: (options = {}, outlet = recordingOutlet()) => {
      const all = { pairs: ['BTC/USD'], mode: 'latest', intervalMs: 0, preface: '', after: undefined, ...options } as const
      return { outlet, seat: made.hub.join(all, outlet) }
    },
  }
  const hub = createHub({ clock, board: made.board, levelOf: pair => levels.get(pair) ?? 'live', status: () => made.status })
  return Object.assign(made, { hub })
}

const flush = ({ clock }: Stage): void => clock.advance(0)

test('a reader is greeted with preface, status and the last price of each pair, in one write', () => {
  const on = stage()
  on.price({ at: 2 })
  on.price({ at: 3, pair: 'ETH/USD' })
  on.levels.set('ETH/USD', 'stale')
  const { outlet } = on.join({ pairs: ['BTC/USD', 'ETH/USD', 'XRP/USD'], preface: 'retry: 2000\n\n' })
  expect(outlet.writes).toHaveLength(1)
  const [retry, status, first, second, ...more] = outlet.events()
  expect(retry).toMatchObject({ name: 'retry', data: 2000 })
  const pairs = { 'BTC/USD': 'live', 'ETH/USD': 'stale', 'XRP/USD': 'live' }
  expect(status).toEqual({ name: 'status', id: undefined, data: { level: 'live', role: 'leader', since: 5, pairs } })
  expect(first).toMatchObject({ name: 'price', id: '1-2', data: { pair: 'BTC/USD', level: 'live', cached: false } })
  expect(second).toMatchObject({ name: 'price', id: '1-3', data: { pair: 'ETH/USD', level: 'stale', cached: true } })
  expect(more).toEqual([])
})

test('a price is encoded once: a thousand readers get the very same buffer', () => {
  const on = stage()
  const outlets = Array.from({ length: 1000 }, () => on.join().outlet)
  for (const outlet of outlets) outlet.forget()
  on.price({ at: 1 })
  flush(on)
  const [[frame] = []] = outlets[0]?.writes ?? []
  expect(frame).toBe(on.board.get('BTC/USD')?.frame)
  for (const { writes } of outlets) {
    expect(writes).toHaveLength(1)
    expect(writes[0]).toHaveLength(1)
    expect(writes[0]?.[0]).toBe(frame)
  }
  expect(on.hub.counts().delivered).toBe(1000)
})

test('readers of the same pairs share one buffer of all that is new', () => {
  const on = stage()
  const pairs = ['BTC/USD', 'ETH/USD', 'XRP/USD']
  const outlets = Array.from({ length: 4 }, () => on.join({ pairs }).outlet)
  const other = on.join({ pairs: ['XRP/USD', 'BTC/USD'] }).outlet
  for (const outlet of [...outlets, other]) outlet.forget()
  for (const [index, pair] of pairs.entries()) on.price({ at: index + 1, pair })
  flush(on)
  for (const outlet of outlets) expect(outlet.ids()).toEqual(['1-1', '1-2', '1-3'])
  expect(outlets[2]?.writes[0]?.[0]).toBe(outlets[3]?.writes[0]?.[0])
  expect(outlets[3]?.writes[0]).toHaveLength(1)
  expect(other.ids()).toEqual(['1-1', '1-3'])
})

test('prices that come in one go are conflated per pair and sent in the order in which they came, late ones with an id behind the newest', () => {
  const on = stage()
  const { outlet } = on.join({ pairs: ['BTC/USD', 'ETH/USD'] })
  outlet.forget()
  for (const [at, pair] of [
    [1, 'BTC/USD'],
    [9, 'ETH/USD'],
    [2, 'BTC/USD'],
    [7, 'BTC/USD'],
    [3, 'XRP/USD'],
  ] as const)
    on.price({ at, pair })
  flush(on)
  expect(outlet.ids()).toEqual(['1-9', '1-11'])
  expect(outlet.writes).toHaveLength(1)
})

test('a blocked reader is written nothing, holds one price of each pair and gets the newest of each when it drains', () => {
  const on = stage()
  const { outlet, seat } = on.join({ pairs: ['BTC/USD', 'ETH/USD'] })
  outlet.forget()
  outlet.takes = false
  on.price({ at: 1 })
  flush(on)
  outlet.takes = true
  for (let at = 2; at <= 2001; at += 1) {
    on.price({ at, pair: at % 2 === 0 ? 'BTC/USD' : 'ETH/USD' })
    if (at % 7 === 0) flush(on)
  }
  flush(on)
  expect(outlet.writes).toHaveLength(1)
  seat.drained()
  flush(on)
  expect(outlet.ids()).toEqual(['1-1', '1-2000', '1-2001'])
  expect(on.hub.counts().delivered).toBe(3)
  on.price({ at: 3000 })
  flush(on)
  expect(outlet.ids().at(-1)).toBe('1-3000')
})

test('what comes between draining and the next flush does not overtake what was waiting', () => {
  const on = stage()
  const { outlet, seat } = on.join({ pairs: ['BTC/USD', 'ETH/USD'] })
  outlet.takes = false
  on.price({ at: 1 })
  flush(on)
  outlet.takes = true
  on.price({ at: 2 })
  on.price({ at: 3, pair: 'ETH/USD' })
  flush(on)
  seat.drained()
  on.price({ at: 4 })
  flush(on)
  on.clock.advance(100)
  expect(outlet.ids()).toEqual(['1-1', '1-3', '1-4'])
})

test('a reader blocked by its greeting gets what came meanwhile when it drains', () => {
  const on = stage()
  const outlet = recordingOutlet()
  outlet.takes = false
  const { seat } = on.join({}, outlet)
  on.price({ at: 1 })
  flush(on)
  expect(outlet.ids()).toEqual([])
  outlet.takes = true
  seat.drained()
  flush(on)
  expect(outlet.ids()).toEqual(['1-1'])
})

test('with an interval everything waiting is sent together, once in it', () => {
  const on = stage()
  on.price({ at: 1, pair: 'BTC/USD' })
  on.price({ at: 2, pair: 'ETH/USD' })
  const { outlet } = on.join({ pairs: ['BTC/USD', 'ETH/USD'], intervalMs: 1000 })
  outlet.forget()
  for (let at = 3; at <= 80; at += 1) {
    on.price({ at, pair: at % 2 === 0 ? 'BTC/USD' : 'ETH/USD' })
    on.clock.advance(10)
  }
  expect(outlet.ids()).toEqual([])
  on.clock.advance(300)
  expect(outlet.ids()).toEqual(['1-79', '1-80'])
  on.clock.advance(10_000)
  expect(outlet.ids()).toEqual(['1-79', '1-80'])
  expect(outlet.writes).toHaveLength(1)
})

test('a thousand readers with intervals need one timer between them', () => {
  const on = stage()
  on.price({ at: 1 })
  const before = on.clock.waiting
  const outlets = Array.from({ length: 1000 }, (_, index) => on.join({ intervalMs: 100 + index }).outlet)
  on.price({ at: 2 })
  flush(on)
  expect(on.clock.waiting).toBeLessThanOrEqual(before + 1)
  on.clock.advance(1200)
  for (const outlet of outlets) expect(outlet.ids()).toEqual(['1-1', '1-2'])
  expect(on.clock.waiting).toBe(1)
})

test('mode=every sends each trade once, in order, even of one flush', () => {
  const on = stage()
  on.price({ at: 1 })
  const { outlet } = on.join({ mode: 'every' })
  for (let at = 2; at <= 50; at += 1) on.price({ at })
  flush(on)
  on.price({ at: 60, tradeId: 50, cause: 'ticker' })
  flush(on)
  expect(outlet.ids()).toEqual(Array.from({ length: 50 }, (_, index) => `1-${index + 1}`))
})

test('mode=every tells trades lost on the bus, before the price that follows them', () => {
  const on = stage()
  const { outlet } = on.join({ mode: 'every' })
  on.price({ at: 1, tradeId: 100 })
  on.price({ at: 5, tradeId: 104, prev: 4 })
  flush(on)
  expect(
    outlet
      .events()
      .slice(1)
      .map(({ name, id, data }) => (name === 'gap' ? data : id)),
  ).toEqual(['1-1', { pair: 'BTC/USD', from: 101, to: 103 }, '1-5'])
})

test('mode=every tells what a blocked reader lost beyond the bound', () => {
  const on = stage()
  const { outlet, seat } = on.join({ mode: 'every' })
  outlet.takes = false
  on.price({ at: 1 })
  flush(on)
  outlet.takes = true
  for (let at = 2; at <= 5000; at += 1) on.price({ at })
  seat.drained()
  flush(on)
  const [gap] = outlet.named('gap')
  expect(gap?.data).toEqual({ pair: 'BTC/USD', from: 2, to: 4097 })
  expect(outlet.ids()).toEqual(['1-1', ...Array.from({ length: 5000 - 4097 }, (_, index) => `1-${4098 + index}`)])
})

test('mode=every writes what waited in portions, no further than the connection takes it', () => {
  const on = stage()
  const { outlet, seat } = on.join({ mode: 'every' })
  outlet.takes = false
  for (let at = 1; at <= 2000; at += 1) {
    on.price({ at })
    if (at === 1) flush(on)
  }
  outlet.forget()
  for (let turn = 0; turn < 3; turn += 1) {
    seat.drained()
    flush(on)
  }
  expect(outlet.writes).toHaveLength(3)
  for (const frames of outlet.writes) expect(Buffer.concat(frames).length).toBeLessThan(128 * 1024)
  outlet.takes = true
  seat.drained()
  flush(on)
  on.price({ at: 2001 })
  flush(on)
  expect(outlet.ids()).toEqual(Array.from({ length: 2000 }, (_, index) => `1-${index + 2}`))
  expect(on.hub.counts()).toMatchObject({ apart: 0, fellBehind: 4, delivered: 2001 })
})

test('after fifteen seconds of silence, and not before, a reader gets a comment', () => {
  const on = stage()
  const { outlet } = on.join()
  on.clock.advance(10_500)
  on.price({ at: 1 })
  on.clock.advance(14_400)
  expect(outlet.named('comment')).toHaveLength(0)
  on.clock.advance(1600)
  expect(outlet.named('comment')).toHaveLength(1)
  on.clock.advance(32_000)
  expect(outlet.named('comment')).toHaveLength(3)
})

test('a reader that takes nothing for thirty seconds is cut, and gets no comment before', () => {
  const on = stage()
  const { outlet } = on.join()
  outlet.takes = false
  on.price({ at: 1 })
  flush(on)
  outlet.takes = true
  on.clock.advance(29_000)
  expect(outlet.isCut).toBe(false)
  on.clock.advance(2000)
  expect(outlet.isCut).toBe(true)
  expect(outlet.named('comment')).toHaveLength(0)
  on.clock.advance(60_000)
  on.price({ at: 2 })
  flush(on)
  expect(on.hub.counts()).toEqual({ ...noSteps(), readers: 0, apart: 0, fellBehind: 1, cutStuck: 1, delivered: 1 })
})

test('a reader that drains in time is not cut', () => {
  const on = stage()
  const { outlet, seat } = on.join()
  for (let turn = 1; turn <= 5; turn += 1) {
    outlet.takes = false
    on.price({ at: turn })
    flush(on)
    outlet.takes = true
    on.clock.advance(25_000)
    seat.drained()
  }
  expect(outlet.isCut).toBe(false)
  expect(on.hub.counts().readers).toBe(1)
})

test('a reader whose bytes pile up beyond a megabyte is cut', () => {
  const on = stage()
  const { outlet } = on.join()
  outlet.waitingBytes = 1024 * 1024
  on.clock.advance(2000)
  expect(outlet.isCut).toBe(false)
  outlet.waitingBytes += 1
  on.clock.advance(1000)
  expect(outlet.isCut).toBe(true)
  expect(on.hub.counts()).toMatchObject({ readers: 0, cutFull: 1 })
})

test('a reader that comes back gets only what is newer, now and later', () => {
  const on = stage()
  on.price({ at: 10, pair: 'BTC/USD' })
  on.price({ at: 20, pair: 'ETH/USD' })
  const { outlet } = on.join({ pairs: ['BTC/USD', 'ETH/USD'], after: { epoch: 1, sequence: 15 } })
  expect(outlet.ids()).toEqual(['1-20'])
  // This instance lags behind the one the reader comes from.
  on.price({ at: 14, pair: 'BTC/USD' })
  flush(on)
  expect(outlet.ids()).toEqual(['1-20'])
  on.price({ at: 21, pair: 'BTC/USD' })
  flush(on)
  // Its own was given to the late one, which other readers got.
  expect(outlet.ids()).toEqual(['1-20', '1-22'])
})

test('a price outside the order of terms reaches a reader that comes back when it is new, not when it was here before', () => {
  const on = stage()
  on.board.apply(updateOf({ at: { epoch: 0, sequence: 3 } }), on.clock.wall())
  const { outlet } = on.join({ after: { epoch: 7, sequence: 15 } })
  expect(outlet.named('price')).toEqual([])
  on.board.apply(updateOf({ at: { epoch: 0, sequence: 4 } }), on.clock.wall())
  on.clock.advance(10)
  expect(outlet.named('price').map(({ id }) => id)).toEqual([undefined])
})

test('status is told when something in it changed for this reader, once', () => {
  const on = stage()
  const { outlet } = on.join()
  const { outlet: other } = on.join({ pairs: ['ETH/USD'] })
  on.hub.levelsChanged()
  on.levels.set('BTC/USD', 'stale')
  on.hub.levelsChanged()
  on.hub.levelsChanged()
  expect(outlet.named('status').map(({ data }) => data.pairs['BTC/USD'])).toEqual(['live', 'stale'])
  expect(other.named('status')).toHaveLength(1)
  on.status = { level: 'stale', role: 'follower', since: 9 }
  on.hub.levelsChanged()
  expect(other.named('status').at(-1)?.data).toMatchObject({ level: 'stale', role: 'follower', since: 9 })
})

test('a blocked reader is told the last of many changes of status when it drains', () => {
  const on = stage()
  const { outlet, seat } = on.join()
  outlet.takes = false
  on.price({ at: 1 })
  flush(on)
  outlet.takes = true
  for (const level of ['polling', 'stale', 'local-cache'] as const) {
    on.levels.set('BTC/USD', level)
    on.hub.levelsChanged()
  }
  expect(outlet.named('status')).toHaveLength(1)
  seat.drained()
  expect(outlet.named('status').map(({ data }) => data.pairs['BTC/USD'])).toEqual(['live', 'local-cache'])
})

test('what concerns a pair is told to its readers only', () => {
  const on = stage()
  const { outlet } = on.join()
  const { outlet: every } = on.join({ mode: 'every' })
  const { outlet: other } = on.join({ pairs: ['ETH/USD'] })
  on.hub.tell('BTC/USD', 'pair-error', { pair: 'BTC/USD', code: 'unknown-pair' })
  for (const told of [outlet, every]) expect(told.named('pair-error')).toHaveLength(1)
  expect(other.named('pair-error')).toHaveLength(0)
})

test('at the farewell every reader is sent away with a wait of its own, and so is who still comes', () => {
  const on = stage()
  const outlets = Array.from({ length: 50 }, () => on.join().outlet)
  on.hub.farewell(250, 2000)
  outlets.push(on.join().outlet)
  const waits = outlets.map(outlet => {
    const last = outlet.events().at(-1)
    expect(last?.name).toBe('reconnect')
    expect(outlet.isEnded).toBe(true)
    return last?.data.afterMs
  })
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(250)
  expect(Math.max(...waits)).toBeLessThanOrEqual(2000)
  expect(new Set(waits).size).toBeGreaterThan(40)
  on.price({ at: 1 })
  on.clock.advance(60_000)
  expect(on.hub.counts()).toEqual({ ...noSteps(), readers: 0, apart: 0, delivered: 0 })
})

test('who left gets nothing more, and leaving twice is leaving once', () => {
  const on = stage()
  const { outlet, seat } = on.join({ pairs: ['BTC/USD', 'ETH/USD'] })
  const { outlet: everyOutlet, seat: everySeat } = on.join({ mode: 'every' })
  const { outlet: stays } = on.join()
  on.price({ at: 1 })
  everySeat.leave()
  seat.leave()
  seat.leave()
  seat.drained()
  flush(on)
  on.price({ at: 2 })
  on.clock.advance(60_000)
  expect(outlet.writes).toHaveLength(1)
  expect(everyOutlet.writes).toHaveLength(1)
  expect(stays.ids()).toEqual(['1-1', '1-2'])
  expect(on.hub.counts().readers).toBe(1)
})

test('nothing is left of a hub that was stopped', () => {
  const on = stage()
  on.price({ at: 1 })
  const { seat } = on.join({ intervalMs: 500 })
  on.price({ at: 2 })
  flush(on)
  seat.leave()
  on.hub.stop()
  expect(on.clock.waiting).toBe(0)
})

test('whoever joins whenever never goes back, never gets a price twice, and ends with the newest', () => {
  const act = fc.oneof(
    fc.record({
      kind: fc.constant('price' as const),
      pair: fc.constantFrom('A/USD', 'B/USD', 'C/USD'),
      jump: fc.integer({ min: 1, max: 4 }),
      isLate: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('join' as const),
      pairs: fc.subarray(['A/USD', 'B/USD', 'C/USD'], { minLength: 1 }),
      intervalMs: fc.constantFrom(0, 0, 30),
      mode: fc.constantFrom('latest' as const, 'every' as const),
    }),
    fc.record({ kind: fc.constantFrom('flush' as const, 'wait' as const), reader: fc.constant(0) }),
    fc.record({ kind: fc.constantFrom('block' as const, 'drain' as const, 'return' as const), reader: fc.nat(5) }),
  )
  const check = (acts: readonly (typeof act extends fc.Arbitrary<infer T> ? T : never)[]): void => {
    const on = stage()
    const readers: { options: Partial<ReaderOptions>; outlet: RecordingOutlet; seat: Seat; seen: string[] }[] = []
    let sequence = 0
    for (const one of acts) {
      if (one.kind === 'price') {
        sequence += one.jump
        // A late one is newer than the last of its pair, and older than what other pairs already have.
        const at = one.isLate ? (on.board.get(one.pair)?.update.at.sequence ?? 0) + 1 : sequence
        on.price({ at, pair: one.pair })
      } else if (one.kind === 'join') {
        const options = { pairs: one.pairs, mode: one.mode, intervalMs: one.mode === 'every' ? 0 : one.intervalMs }
        readers.push({ options, ...on.join(options), seen: [] })
      } else if (one.kind === 'flush') flush(on)
      else if (one.kind === 'wait') on.clock.advance(20)
      else {
        const reader = readers[one.reader]
        if (reader === undefined) continue
        if (one.kind === 'block') reader.outlet.takes = false
        if (one.kind !== 'block') reader.outlet.takes = true
        if (one.kind === 'drain') reader.seat.drained()
        if (one.kind === 'return') {
          reader.seat.leave()
          reader.seen.push(...reader.outlet.events().map(({ id, data }) => (id === undefined ? '' : `${data.pair} ${id.slice(2)}`)))
          const after = reader.outlet.ids().findLast(id => id !== undefined)
          const position = after === undefined ? reader.options.after : { epoch: 1, sequence: Number(after.slice(2)) }
          Object.assign(reader, { options: { ...reader.options, after: position } }, on.join({ ...reader.options, after: position }))
        }
      }
    }
    for (const { outlet, seat } of readers) {
      outlet.takes = true
      seat.drained()
    }
    on.clock.advance(1000)
    for (const { options, outlet, seen } of readers) {
      const ids = outlet.ids().flatMap(id => (id === undefined ? [] : [Number(id.slice(2))]))
      expect(ids, 'the ids of a stream').toEqual([...new Set(ids)].sort((a, b) => a - b))
      const hasUnplaced = outlet.events().some(({ name, id }) => name === 'price' && id === undefined)
      const all = [...seen, ...outlet.events().map(({ id, data }) => (id === undefined ? '' : `${data.pair} ${id.slice(2)}`))]
      for (const pair of options.pairs ?? []) {
        const its = all.filter(text => text.startsWith(`${pair} `)).map(text => Number(text.slice(pair.length + 1)))
        const isAscending = its.every((at, index) => index === 0 || at > (its[index - 1] ?? 0))
        expect(isAscending, `${pair}: ${its.join(' ')}`).toBe(true)
        // What is no newer than the reader's last id it may have had elsewhere.
        const isNews = (on.board.get(pair)?.update.at.sequence ?? 0) > (options.after?.sequence ?? 0)
        if (isNews && (options.intervalMs === 0 || (seen.length === 0 && !hasUnplaced)))
          expect(its.at(-1)).toBe(on.board.get(pair)?.at.sequence)
      }
    }
    on.hub.stop()
  }
  fc.assert(fc.property(fc.array(act, { maxLength: 60 }), check), { numRuns: 400 })
})
