import { expect, test } from 'vitest'
import { createBoard } from '../../src/board/board.ts'
import { createHub, type Hub } from '../../src/board/hub.ts'
import { createStays, type Stays, type StaysOptions } from '../../src/board/stays.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { type RecordingOutlet, recordingOutlet } from '../support/outlet.ts'

interface Stage {
  readonly clock: FakeClock
  readonly hub: Hub
  readonly stays: Stays
  join(count: number): { readonly outlet: RecordingOutlet; leave(): void }[]
  /** Goes on by `ms`, in steps, letting promises settle. */
  go(ms: number, stepMs: number, step?: () => void): Promise<void>
}

const options = { pairs: ['BTC/USD'], mode: 'latest', intervalMs: 0, preface: '', after: undefined } as const

function stage(more: Partial<StaysOptions> = {}): Stage {
  const clock = fakeClock()
  const hub: Hub = createHub({
    clock,
    board: createBoard(clock, entry => hub.changed(entry)),
    levelOf: () => 'live',
    status: () => ({ level: 'live', role: 'leader', since: 0 }),
  })
  const stays = createStays({ clock, hub, streamLifeMs: 0, unreadyMs: 0, drainMs: 10_000, ...more })
  return {
    clock,
    hub,
    stays,
    join: count =>
      Array.from({ length: count }, () => {
        const outlet = recordingOutlet()
        return { outlet, ...stays.join(options, outlet) }
      }),
    go: async (ms, stepMs, step = () => {}) => {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs)
        for (let turn = 0; turn < 5; turn += 1) await null
        step()
      }
    },
  }
}

const toldToReconnect = (outlet: RecordingOutlet): number | undefined =>
  outlet.isEnded ? outlet.named('reconnect')[0]?.data.afterMs : undefined

test('each stream lives four fifths of the longest life or more, is told to reconnect, and ends', async () => {
  const on = stage({ streamLifeMs: 100_000 })
  const readers = on.join(500)
  await on.go(79_000, 1000)
  expect(on.hub.counts().readers).toBe(500)
  const perSecond: number[] = []
  let left = 500
  await on.go(22_000, 1000, () => {
    perSecond.push(left - on.hub.counts().readers)
    left = on.hub.counts().readers
  })
  expect(left).toBe(0)
  // Evenly it would be 25 in each of twenty seconds.
  expect(Math.max(...perSecond)).toBeLessThan(60)
  for (const { outlet } of readers) expect(toldToReconnect(outlet)).toBeGreaterThanOrEqual(250)
  expect(on.stays.counts()).toEqual({ joined: 500, expired: 500, drained: 0 })
})

test('who left before its time leaves nothing behind, and who joins late gets a whole life', async () => {
  const on = stage({ streamLifeMs: 100_000 })
  const [first] = on.join(1)
  await on.go(70_000, 1000)
  first?.leave()
  const [second] = on.join(1)
  await on.go(79_000, 1000)
  expect(first?.outlet.isEnded).toBe(false)
  expect(second?.outlet.isEnded).toBe(false)
  await on.go(22_000, 1000)
  expect(second?.outlet.isEnded).toBe(true)
  expect(on.stays.counts()).toEqual({ joined: 2, expired: 1, drained: 0 })
})

test('without a longest life a stream stays, and there is no timer for it', async () => {
  const on = stage()
  const idle = on.clock.waiting
  const [reader] = on.join(1)
  expect(on.clock.waiting).toBe(idle)
  await on.go(86_400_000, 3_600_000)
  expect(reader?.outlet.isEnded).toBe(false)
})

test('at the farewell a thousand a second are sent away, evenly, and who still comes at once', async () => {
  const on = stage()
  const readers = on.join(3000)
  let isDone = false
  void on.stays.farewell().then(() => {
    isDone = true
  })
  const left: number[] = []
  await on.go(1500, 50, () => left.push(on.hub.counts().readers))
  const steps = left.slice(1).map((now, index) => (left[index] ?? 0) - now)
  expect(Math.min(...steps)).toBeGreaterThan(40)
  expect(Math.max(...steps)).toBeLessThan(60)
  const [late] = on.join(1)
  expect(toldToReconnect(late?.outlet ?? recordingOutlet())).toBeGreaterThanOrEqual(250)
  expect(isDone).toBe(false)
  await on.go(1500, 50)
  expect([isDone, on.hub.counts().readers]).toEqual([true, 0])
  const waits = readers.map(({ outlet }) => toldToReconnect(outlet) ?? 0)
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(250)
  expect(new Set(waits).size).toBeGreaterThan(500)
  expect(on.stays.counts()).toEqual({ joined: 3001, expired: 0, drained: 3000 })
})

test('however many there are, the farewell takes no longer than it may; nobody there, none at all', async () => {
  const on = stage({ drainMs: 500 })
  on.join(5000)
  let isDone = false
  void on.stays.farewell().then(() => {
    isDone = true
  })
  await on.go(550, 50)
  expect([isDone, on.hub.counts().readers]).toEqual([true, 0])
  let isEmptyDone = false
  void stage()
    .stays.farewell()
    .then(() => {
      isEmptyDone = true
    })
  for (let turn = 0; turn < 5; turn += 1) await null
  expect(isEmptyDone).toBe(true)
})

test('while it only says that it is not ready, nobody is sent away and new readers stay', async () => {
  const on = stage({ unreadyMs: 1000 })
  on.join(1)
  void on.stays.farewell()
  await on.go(900, 50)
  on.join(1)
  expect(on.hub.counts().readers).toBe(2)
  await on.go(200, 50)
  expect(on.hub.counts().readers).toBe(0)
})

test('who leaves during the farewell is not waited for', async () => {
  const on = stage()
  const readers = on.join(1000)
  let isDone = false
  void on.stays.farewell().then(() => {
    isDone = true
  })
  for (const reader of readers) reader.leave()
  await on.go(100, 50)
  expect(isDone).toBe(true)
})

test('a thousand readers of any kind, slow ones too, need no timer of their own', () => {
  const on = stage({ streamLifeMs: 3_600_000 })
  const outlets = Array.from({ length: 1000 }, (_, index) => {
    const outlet = recordingOutlet()
    outlet.takes = index % 5 > 0
    const options = { pairs: ['BTC/USD'], preface: '', after: undefined, mode: index % 3 === 0 ? 'every' : 'latest' } as const
    on.stays.join({ ...options, intervalMs: index % 3 === 1 ? 100 + index : 0 }, outlet)
    return outlet
  })
  // The second's look of the hub, that of the stays, the wheel and the next flush.
  expect(on.clock.waiting).toBeLessThanOrEqual(4)
  on.clock.advance(20_000)
  expect(on.clock.waiting).toBeLessThanOrEqual(4)
  expect(outlets.filter(outlet => outlet.named('comment').length === 1)).toHaveLength(800)
})
