import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import type { ConnectionEvent } from '../../machines/connection.ts'
import type { leadershipMachine } from '../../machines/leadership.ts'
import { provideGateway } from '../../src/actors.ts'
import type { AcquireOutcome, Lease } from '../../src/leadership/lease.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'

/** What the machines are given by actors.ts: how long a lease is trusted, who asks when, and how waits grow. */

const ttlMs = 3000
const unreachable = { kind: 'unreachable', cause: 'the test says so' } as const

interface Question {
  readonly kind: 'acquire' | 'renew' | 'release' | 'offer' | 'claim'
  readonly at: number
  readonly answer: (outcome: unknown) => Promise<void>
}

interface Stage {
  readonly clock: FakeClock
  readonly gateway: ReturnType<typeof createActor<ReturnType<typeof provideGateway>>>
  readonly questions: Question[]
  readonly sockets: { readonly at: number; readonly tell: (event: ConnectionEvent) => void }[]
  leadership(): ReturnType<ReturnType<typeof createActor<typeof leadershipMachine>>['getSnapshot']>
  role(): string
  /** Goes on until the next question of this kind, and takes it. */
  asked(kind: Question['kind']): Promise<Question>
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

function stage(clock = fakeClock()): Stage {
  const questions: Question[] = []
  const sockets: Stage['sockets'] = []
  const ask = (kind: Question['kind']) => (): Promise<never> =>
    new Promise(resolve => {
      const answer = (outcome: unknown): Promise<void> => {
        resolve(outcome as never)
        return settle()
      }
      questions.push({ kind, at: clock.now(), answer })
    })
  const lease: Lease = { acquire: ask('acquire'), renew: ask('renew'), release: ask('release'), offer: ask('offer'), claim: ask('claim') }
  const machine = provideGateway({
    clock,
    lease,
    id: 'me',
    leaseTtlMs: ttlMs,
    rotateMs: 23 * 3_600_000,
    highestEpoch: () => 0,
    openSocket: (link, tell) => {
      sockets.push({ at: clock.now(), tell: event => tell({ ...event, link } as ConnectionEvent) })
      return () => {}
    },
    follow: () => () => {},
    probe: () => new Promise(() => {}),
    openDoors: opened => clock.soon(opened),
    farewell: () => new Promise(() => {}),
    farewellMaxMs: 0,
  })
  const gateway = createActor(machine, { clock, input: { eligible: true, onLoss: 'solo' } })
  gateway.start()
  const on: Stage = {
    clock,
    gateway,
    questions,
    sockets,
    leadership: () => gateway.system.get('leadership').getSnapshot(),
    role: () => {
      const { value } = on.leadership()
      return typeof value === 'string' ? value : (Object.keys(value)[0] ?? '')
    },
    asked: async kind => {
      for (let passed = 0; passed < 20_000; passed += 1) {
        const found = questions.findIndex(question => question.kind === kind)
        const [question] = found < 0 ? [] : questions.splice(found, 1)
        if (question !== undefined) return question
        clock.advance(1)
        await settle()
      }
      throw new Error(`nobody asks to ${kind}`)
    },
  }
  return on
}

const grant = (epoch: number): AcquireOutcome => ({ kind: 'granted', epoch })

/** A stage whose instance leads. */
async function leading(clock = fakeClock()): Promise<Stage> {
  const on = stage(clock)
  const question = await on.asked('acquire')
  await question.answer(grant(1))
  expect(on.role()).toBe('leader')
  return on
}

const distinct = (waits: readonly number[]): number => new Set(waits.map(wait => Math.round(wait * 1000))).size

describe('a lease', () => {
  it('is trusted for nine tenths of its life, counted from the sending of the question', async () => {
    const on = stage()
    const question = await on.asked('acquire')
    on.clock.advance(400)
    await question.answer(grant(1))
    expect(on.leadership().context.validUntil).toBeCloseTo(question.at + 2700)
    const renewal = await on.asked('renew')
    on.clock.advance(300)
    await renewal.answer({ kind: 'held' })
    expect(on.leadership().context.validUntil).toBeCloseTo(renewal.at + 2700)
  })

  it('that nobody prolongs ends the term when it may be over, and not before', async () => {
    const on = await leading()
    const { validUntil } = on.leadership().context
    on.clock.advance(validUntil - on.clock.now() - 1)
    expect(on.role()).toBe('leader')
    on.clock.advance(2)
    expect(on.role()).not.toBe('leader')
  })

  it('is prolonged in time by who begins to hand over while it asks, and so does not hear the answer', async () => {
    const on = await leading()
    const { validUntil } = on.leadership().context
    await on.asked('renew')
    on.clock.advance(500)
    on.gateway.send({ type: 'leadership.hand-over' })
    on.gateway.system.get('leadership').send({ type: 'lease.claimed' })
    const again = await on.asked('renew')
    expect(validUntil - again.at).toBeGreaterThan(700)
    await again.answer({ kind: 'held' })
    expect(on.leadership().context.validUntil).toBeCloseTo(again.at + 2700)
  })

  it('granted so late that it may be over is not taken', async () => {
    const on = stage()
    const question = await on.asked('acquire')
    on.clock.advance(2701)
    await question.answer(grant(1))
    expect(on.role()).toBe('follower')
  })

  it('granted to one that retired meanwhile is given back', async () => {
    const on = stage()
    const question = await on.asked('acquire')
    on.gateway.send({ type: 'gateway.drain' })
    // At once, behind the question: there may be nobody left to hear the answer. Again when it comes, in case that was lost.
    const first = await on.asked('release')
    await first.answer({ kind: 'unreachable', cause: 'lost' })
    await question.answer(grant(1))
    expect(on.questions.map(({ kind }) => kind)).toEqual(['release'])
  })

  it('is given back by a leader that drains, before it parts from its readers', async () => {
    const on = await leading()
    on.gateway.send({ type: 'gateway.drain' })
    expect(on.gateway.getSnapshot().value).toEqual({ draining: 'retiring' })
    const release = await on.asked('release')
    await release.answer({ kind: 'released' })
    expect(on.gateway.getSnapshot().value).toEqual({ draining: 'parting' })
  })
})

describe('instances that wait for the same thing', () => {
  const seeds = Array.from({ length: 20 }, (_, at) => at + 1)

  it('ask for a lease after it may have ended, each a little later at a moment of its own', async () => {
    const waits = await Promise.all(
      seeds.map(async seed => {
        const on = stage(fakeClock(seed))
        const first = await on.asked('acquire')
        await first.answer({ kind: 'refused', remainingMs: 1000 })
        const refusedAt = on.clock.now()
        const second = await on.asked('acquire')
        return second.at - refusedAt
      }),
    )
    for (const wait of waits) expect(wait > 1000 && wait <= 1050).toBe(true)
    expect(distinct(waits)).toBeGreaterThan(15)
  })

  it('come back to the exchange each at a moment of its own, from the first try on', async () => {
    const all = await Promise.all(seeds.map(async seed => breakSockets(await leading(fakeClock(seed)), 6)))
    for (const attempt of [0, 1, 2, 3, 4]) expect(distinct(all.map(waits => waits[attempt] ?? 0))).toBeGreaterThan(15)
  })
})

/** Each socket breaks before it has opened; returns how long it took to open the next one. */
async function breakSockets(on: Stage, count: number): Promise<number[]> {
  const waits: number[] = []
  for (let at = 0; at < count; at += 1) {
    on.sockets[at]?.tell({ type: 'socket.closed', link: 'a', cause: 'the test says so' })
    for (let passed = 0; passed < 40_000 && on.sockets.length === at + 1; passed += 1) {
      on.clock.advance(1)
      await settle()
      for (const question of on.questions.splice(0)) if (question.kind === 'renew') await question.answer({ kind: 'held' })
    }
    waits.push((on.sockets[at + 1]?.at ?? Number.NaN) - (on.sockets[at]?.at ?? Number.NaN))
  }
  return waits
}

describe('who cannot reach', () => {
  it.each([
    { chance: 0, factor: 1 },
    { chance: 0.999, factor: 2 },
  ])('the exchange tries again at once, and then ever more rarely, down to five times a minute at most', async ({ chance, factor }) => {
    const clock: FakeClock = Object.defineProperty(fakeClock(), 'random', { value: () => chance })
    const waits = await breakSockets(await leading(clock), 9)
    const least = [0, 250, 500, 1000, 2000, 4000, 8000, 12_000, 12_000]
    expect(waits[0]).toBeLessThanOrEqual(50)
    expect(waits.slice(1).map(wait => Math.round(wait / 50) * 50)).toEqual(least.slice(1).map(wait => wait * factor))
  })

  it.each([
    { closed: {}, attempt: 'at once', least: 0, most: 50 },
    { closed: { isViolation: true }, attempt: 'after a rest', least: 250, most: 500 },
  ])('a socket that stood is followed by the next $attempt when it was closed with $closed', async ({ closed, least, most }) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const on = await leading(fakeClock(seed))
      on.sockets[0]?.tell({ type: 'socket.opened', link: 'a' })
      const closedAt = on.clock.now()
      on.sockets[0]?.tell({ type: 'socket.closed', link: 'a', cause: 'closed', ...closed })
      for (let passed = 0; passed < 600 && on.sockets.length === 1; passed += 1) on.clock.advance(1)
      const wait = (on.sockets[1]?.at ?? Number.NaN) - closedAt
      expect(wait).toBeGreaterThanOrEqual(least)
      expect(wait).toBeLessThanOrEqual(most + 1)
    }
  })

  it('the store with one or two questions waits; with three it goes on alone', async () => {
    const on = stage()
    const roles: string[] = []
    for (let miss = 0; miss < 3; miss += 1) {
      const question = await on.asked('acquire')
      await question.answer(unreachable)
      roles.push(on.role())
    }
    expect(roles).toEqual(['follower', 'follower', 'solo'])
  })
})
