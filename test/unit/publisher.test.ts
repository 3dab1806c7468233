import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Bus, Message, PublishOutcome } from '../../src/bus/bus.ts'
import { createPublisher, type Publisher, waitingMax } from '../../src/bus/publisher.ts'
import { isNewer, type Position } from '../../src/price.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { updateOf } from '../support/outlet.ts'

interface Call {
  readonly at: number
  readonly epoch: number
  readonly messages: readonly Message[]
  readonly answer: (outcome: PublishOutcome) => Promise<void>
}

interface Stage {
  readonly clock: FakeClock
  readonly publisher: Publisher
  readonly calls: Call[]
  /** How the bus answers at once; undefined: the test answers. */
  answer: PublishOutcome | undefined
  fenced: number
  readonly notes: string[]
  /** Publishes the next price of a pair and returns its sequence. */
  price(pair?: string): number
  go(ms: number): Promise<void>
}

const accepted = { kind: 'accepted', uncached: 0 } as const
const unreachable = { kind: 'unreachable', cause: 'the test says so' } as const

/** Lets promises that are settled call back. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

function stage(): Stage {
  const clock = fakeClock()
  const calls: Call[] = []
  const publish = (epoch: number, messages: readonly Message[]): Promise<PublishOutcome> =>
    new Promise(resolve => {
      const answer = (outcome: PublishOutcome): Promise<void> => {
        resolve(outcome)
        return settle()
      }
      calls.push({ at: clock.now(), epoch, messages: [...messages], answer })
      if (on.answer !== undefined) void answer(on.answer)
    })
  const bus = { publish } as unknown as Bus
  const on: Stage = {
    clock,
    calls,
    answer: accepted,
    fenced: 0,
    notes: [],
    publisher: createPublisher({
      clock,
      bus,
      fenced: () => {
        on.fenced += 1
      },
      note: line => void on.notes.push(line),
    }),
    price: (pair = 'BTC/USD') => {
      const at = on.publisher.next()
      on.publisher.publish(updateOf({ pair, at, prev: on.publisher.link(pair, at) }))
      return at.sequence
    },
    go: async ms => {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(Math.min(10, ms - passed))
        await settle()
      }
      if (ms === 0) clock.advance(0)
      await settle()
    },
  }
  return on
}

const lead = (on: Stage, epoch = 7, ms = 60_000): void => on.publisher.lead({ epoch, validUntil: on.clock.now() + ms })
const sequences = (messages: readonly Message[]): number[] => messages.map(({ payload }) => Number(/-(\d+)"/.exec(payload)?.[1]))
const allSent = (on: Stage): number[] => on.calls.flatMap(({ messages }) => sequences(messages))

test('prices are published in the order they were made, those of one turn together', async () => {
  const on = stage()
  lead(on)
  const made = Array.from({ length: 450 }, (_, index) => on.price(`P${index % 30}/USD`))
  expect(on.calls).toHaveLength(0)
  await on.go(0)
  expect(on.calls.map(({ messages }) => messages.length)).toEqual([200, 200, 50])
  expect(allSent(on)).toEqual(made)
  expect(on.publisher.counts()).toEqual({ published: 450, conflated: 0, lost: 0, uncached: 0, waiting: 0 })
})

test('without a term nothing is published', async () => {
  const on = stage()
  on.price()
  await on.go(1000)
  expect(on.calls).toHaveLength(0)
  expect(on.publisher.counts().waiting).toBe(0)
})

test('four batches are in flight at most; the next goes when one comes back', async () => {
  const on = stage()
  on.answer = undefined
  lead(on)
  const made = Array.from({ length: 1200 }, () => on.price())
  await on.go(1000)
  expect(on.calls).toHaveLength(4)
  await on.calls[0]?.answer(accepted)
  await on.go(0)
  expect(on.calls).toHaveLength(5)
  for (const call of on.calls) await call.answer(accepted)
  await on.go(0)
  await on.calls[5]?.answer(accepted)
  expect(allSent(on)).toEqual(made)
})

test('beyond the bound the newest of each pair replaces the older ones, in order', async () => {
  const on = stage()
  on.answer = undefined
  lead(on)
  for (let index = 0; index < 800; index += 1) on.price('OLD/USD')
  await on.go(0)
  expect(on.calls).toHaveLength(4)
  const newest = new Map<string, number>()
  for (let index = 0; index <= waitingMax; index += 1) {
    const pair = `P${(index * 7) % 1000}/USD`
    newest.delete(pair)
    newest.set(pair, on.price(pair))
  }
  expect(on.publisher.counts()).toMatchObject({ waiting: 1000, conflated: waitingMax - 999 })
  on.answer = accepted
  for (const call of on.calls.slice()) await call.answer(accepted)
  await on.go(50)
  expect(on.calls.slice(4).flatMap(({ messages }) => sequences(messages))).toEqual([...newest.values()])
})

test('who hears a newer epoch while it leads is fenced, and publishes nothing more', async () => {
  const on = stage()
  lead(on)
  on.publisher.saw({ epoch: 7, sequence: 99 })
  expect(on.fenced).toBe(0)
  on.publisher.saw({ epoch: 8, sequence: 1 })
  expect(on.fenced).toBe(1)
  on.price()
  await on.go(1000)
  expect(on.calls).toEqual([])
  lead(on, 9)
  expect(on.fenced).toBe(1)
  on.price()
  await on.go(0)
  expect(on.calls.at(-1)?.epoch).toBe(9)
})

test('an instance that was fenced says so once and publishes nothing more in that epoch', async () => {
  const on = stage()
  on.answer = undefined
  lead(on)
  for (let index = 0; index < 1200; index += 1) on.price()
  await on.go(0)
  for (const call of on.calls.slice()) await call.answer({ kind: 'fenced' })
  for (let index = 0; index < 10; index += 1) on.price()
  lead(on)
  await on.go(1000)
  expect(on.fenced).toBe(1)
  expect(on.calls).toHaveLength(4)
  expect(on.publisher.counts()).toMatchObject({ published: 0, waiting: 0, lost: 1200 })
  lead(on, 8)
  on.price()
  await on.go(0)
  expect(on.calls.at(-1)?.epoch).toBe(8)
})

test('an answer to an epoch that is over is nobody’s fence', async () => {
  const on = stage()
  on.answer = undefined
  lead(on, 7)
  on.price()
  await on.go(0)
  lead(on, 8)
  await on.calls[0]?.answer({ kind: 'fenced' })
  expect(on.fenced).toBe(0)
})

test('a bus out of reach is tried ten times a second, not more, and said once', async () => {
  const on = stage()
  on.answer = unreachable
  lead(on)
  for (let turn = 0; turn < 100; turn += 1) {
    on.price()
    await on.go(100)
  }
  expect(on.calls.length).toBeGreaterThan(50)
  expect(on.calls.length).toBeLessThanOrEqual(102)
  expect(on.notes).toEqual(['the bus does not take prices'])
  on.answer = accepted
  on.price()
  await on.go(200)
  expect(on.notes).toEqual(['the bus does not take prices', 'the bus takes prices again'])
})

test('of what nobody confirmed the newest of each pair is sent again, before what came later', async () => {
  const on = stage()
  on.answer = undefined
  lead(on)
  on.price('A/USD')
  const b = on.price('B/USD')
  const a = on.price('A/USD')
  await on.go(0)
  const c = on.price('C/USD')
  await on.calls[0]?.answer(unreachable)
  on.answer = accepted
  await on.go(200)
  const confirmed = on.calls.slice(1).flatMap(({ messages }) => sequences(messages))
  expect(confirmed.sort((x, y) => x - y)).toEqual([b, a, c])
  expect(on.publisher.counts()).toMatchObject({ published: 3, lost: 1, waiting: 0 })
})

test('a price that a newer one has overtaken meanwhile is not sent again', async () => {
  const on = stage()
  on.answer = undefined
  lead(on)
  on.price('A/USD')
  await on.go(0)
  const newer = on.price('A/USD')
  await on.go(0)
  await on.calls[1]?.answer(accepted)
  await on.calls[0]?.answer(unreachable)
  on.answer = accepted
  await on.go(500)
  expect(on.calls.slice(1).flatMap(({ messages }) => sequences(messages))).toEqual([newer])
})

test('nothing is sent when the term may be over, and what waits goes when it is prolonged', async () => {
  const on = stage()
  lead(on, 7, 500)
  on.price()
  await on.go(499)
  expect(on.calls).toHaveLength(1)
  on.clock.advance(1)
  const late = on.price()
  await on.go(1000)
  expect(on.calls).toHaveLength(1)
  lead(on, 7, 500)
  await on.go(0)
  expect(allSent(on).at(-1)).toBe(late)
  on.answer = unreachable
  on.price()
  await on.go(5000)
  expect(Math.max(...on.calls.map(({ at }) => at))).toBeLessThan(2000)
  expect(on.clock.waiting).toBe(0)
})

test('a new term begins anew: nothing of the old one is sent and every pair is its first', async () => {
  const on = stage()
  lead(on, 7, 100)
  on.clock.advance(200)
  on.price()
  lead(on, 8)
  const at = on.publisher.next()
  expect(at.epoch).toBe(8)
  expect(on.publisher.link('BTC/USD', at)).toBe(0)
  const next = on.publisher.next()
  expect(on.publisher.link('BTC/USD', next)).toBe(at.sequence)
  await on.go(10)
  expect(on.calls).toHaveLength(0)
})

test('what could not be stored for want of memory is counted, and told once, and when it is over', async () => {
  const on = stage()
  on.answer = { kind: 'accepted', uncached: 1 }
  lead(on)
  for (let count = 0; count < 2; count += 1) {
    on.price()
    await on.go(0)
  }
  expect(on.publisher.counts()).toMatchObject({ published: 2, uncached: 2 })
  expect(on.notes).toEqual([expect.stringMatching(/^the bus is full/)])
  on.answer = accepted
  on.price()
  await on.go(0)
  expect(on.notes.at(-1)).toBe('the bus stores prices again')
})

test('the sequence of a term only grows, and stands at its microseconds or above', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true }))), waits => {
      const on = stage()
      on.clock.advance(1234.5678)
      lead(on)
      const began = on.clock.now()
      let last = 0
      for (const wait of waits) {
        on.clock.advance(wait)
        const { epoch, sequence } = on.publisher.next()
        expect(epoch).toBe(7)
        expect(sequence).toBeGreaterThan(last)
        expect(sequence).toBeGreaterThanOrEqual(Math.floor((on.clock.now() - began) * 1000))
        last = sequence
      }
      expect(last).toBeLessThanOrEqual(Math.floor((on.clock.now() - began) * 1000) + waits.length)
    }),
  )
})

test('who goes on counting alone stays below what the leader publishes next, bursts and latencies as they may be', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('leader' as const),
      burst: fc.integer({ min: 1, max: 300 }),
      latency: fc.double({ min: 0.002, max: 400, noNaN: true }),
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.double({ min: 0, max: 100, noNaN: true }) }),
    fc.record({ kind: fc.constant('alone' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 40 }), steps => {
      const on = stage()
      const leader = on.publisher
      const follower = createPublisher({ clock: on.clock, bus: {} as Bus, fenced: () => {}, note: () => {} })
      lead(on)
      const alone: Position[] = []
      for (const one of steps) {
        if (one.kind === 'wait') on.clock.advance(one.ms)
        else if (one.kind === 'leader') {
          for (let index = 0; index < one.burst; index += 1) {
            const at = leader.next()
            // What the follower made while alone, up to now, must stand below what the leader makes now.
            for (const own of alone) expect(isNewer(at, own), `${at.sequence} after ${own.sequence}`).toBe(true)
            on.clock.setTimeout(() => follower.saw(at), one.latency)
          }
        } else if (follower.seen.epoch > 0) {
          on.clock.advance(0.001)
          alone.push(follower.next())
          on.clock.advance(0.001)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('an instance takes no notice of its own prices come back, nor of older ones', () => {
  const on = stage()
  lead(on, 7)
  on.publisher.saw({ epoch: 7, sequence: 999 })
  expect(on.publisher.seen).toEqual({ epoch: 7, sequence: 0 })
  on.publisher.saw({ epoch: 6, sequence: 5 })
  expect(on.publisher.seen).toEqual({ epoch: 7, sequence: 0 })
  on.publisher.saw({ epoch: 9, sequence: 5 })
  expect(on.publisher.seen).toEqual({ epoch: 9, sequence: 5 })
})
