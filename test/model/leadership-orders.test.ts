import fc from 'fast-check'
import { expect, it } from 'vitest'
import { leadershipMachine } from '../../machines/leadership.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { runSubject, type Subject } from './subject.ts'

/** Any order of what a store, a bus and an owner may say, held to what an instance may do with a lease. */
interface Model {
  /** Until when the lease is certainly ours, by what the store has told us. */
  validUntil: number
  isRetired: boolean
  readonly eligible: boolean
  readonly onLoss: string
  /** Unanswered questions in a row. */
  misses: number
}

interface Real {
  readonly clock: FakeClock
  readonly leadership: Subject
}

type Act = fc.Command<Model, Real>

const words: Record<string, string> = { leader: 'leadership.gained', solo: 'leadership.solo', follower: 'leadership.lost' }
const roleOf = ({ leadership }: Real): string => Object.keys(leadership.snapshot().value as object)[0] ?? ''

function look(model: Model, real: Real): void {
  const { clock, leadership } = real
  const role = roleOf(real)
  expect(leadership.faults).toEqual([])
  expect(leadership.told.filter(type => Object.values(words).includes(type)).at(-1)).toBe(words[role])
  expect(leadership.alive().length).toBeLessThanOrEqual(1)
  if (role === 'leader') expect(clock.now(), 'led on a lease that may be over').toBeLessThan(model.validUntil)
  if (!model.eligible || model.onLoss === 'cache') expect(role).not.toBe('solo')
  if (!model.eligible) expect([role, leadership.children.length]).toEqual(['follower', 0])
  const retired = leadership.told.filter(type => type === 'leadership.retired').length
  if (!model.isRetired) expect(retired).toBe(0)
  else if (role === 'leader') expect(JSON.stringify(leadership.snapshot().value)).toContain('handing-over')
  else expect([role, retired]).toEqual(['follower', 1])
}

function act(name: string, run: (model: Model, real: Real) => void): Act {
  return {
    check: () => true,
    run: (model, real) => {
      const before = roleOf(real)
      const { misses } = model
      run(model, real)
      look(model, real)
      if (before === 'follower' && roleOf(real) === 'solo') expect(misses, 'gave up too early').toBeGreaterThanOrEqual(2)
    },
    toString: () => name,
  }
}

/** An answer to the question that is open, if it is this question; answers to closed ones come, too. */
const answers = (
  port: string,
  name: string,
  event: (now: number) => { type: string } & object,
  then?: (model: Model, now: number) => void,
): Act =>
  act(name, (model, { clock, leadership }) => {
    const told = event(clock.now())
    const open = leadership.alive().find(({ id }) => id === port)
    for (const late of leadership.children) if (!late.isAlive) late.tell(told)
    if (open === undefined) return
    then?.(model, clock.now())
    open.tell(told)
  })

const validMs = 13_500
const forget = (model: Model): void => {
  model.misses = 0
}
const count = (model: Model): void => {
  model.misses += 1
}
const ages = fc.constantFrom(0, 0, 6000, 14_000)
const acts: fc.Arbitrary<Act>[] = [
  ages.map(age =>
    answers(
      'acquire',
      `granted ${age} ms ago`,
      now => ({ type: 'lease.granted', epoch: 5, validUntil: now + validMs - age }),
      (model, now) => {
        forget(model)
        if (age < validMs) model.validUntil = now + validMs - age
      },
    ),
  ),
  fc.constant(answers('acquire', 'refused', () => ({ type: 'lease.refused', remainingMs: 9000 }), forget)),
  fc.constant(answers('acquire', 'no answer to acquire', () => ({ type: 'lease.unreachable', cause: 'timeout' }), count)),
  fc.constantFrom(0, 6000).map(age =>
    answers(
      'renew',
      `held ${age} ms ago`,
      now => ({ type: 'lease.held', validUntil: now + validMs - age }),
      (model, now) => {
        forget(model)
        model.validUntil = now + validMs - age
      },
    ),
  ),
  fc.constant(answers('renew', 'lost', () => ({ type: 'lease.lost' }))),
  fc.constant(answers('renew', 'no answer to renew', () => ({ type: 'lease.unreachable', cause: 'timeout' }), count)),
  fc.constant(answers('handOver', 'given up', () => ({ type: 'lease.given-up' }))),
  fc.constant(answers('claim', 'chosen', () => ({ type: 'claim.granted' }))),
  fc.constant(answers('claim', 'not chosen', () => ({ type: 'claim.refused' }))),
  ...['lease.released', 'lease.fenced', 'relay.current', 'relay.behind', 'lease.claimed', 'standby.covered', 'leadership.hand-over'].map(
    type => fc.constant(act(type, (_, { leadership }) => leadership.send({ type }))),
  ),
  fc.constant(act('offered', (_, { leadership }) => leadership.send({ type: 'lease.offered', from: 'other' }))),
  ...[100, 1000, 5000, 20_000].map(ms => fc.constant(act(`${ms} ms`, (_, { clock }) => clock.advance(ms)))),
]
const retire = act('retire', (model, { leadership }) => {
  if (model.isRetired) return
  model.isRetired = true
  leadership.send({ type: 'leadership.retire' })
})

/** The store answers again: who may lead must, who was retired must rest. */
function heal(model: Model, real: Real): void {
  for (let round = 0; round < 8; round += 1) {
    const { clock, leadership } = real
    clock.advance(3000)
    const now = clock.now()
    for (const { id, tell } of leadership.alive()) {
      if (id === 'handOver') tell({ type: 'lease.given-up' })
      else if (id === 'claim') tell({ type: 'claim.refused' })
      else
        tell(
          id === 'acquire'
            ? { type: 'lease.granted', epoch: 6, validUntil: now + validMs }
            : { type: 'lease.held', validUntil: now + validMs },
        )
    }
  }
  expect(roleOf(real)).toBe(model.eligible && !model.isRetired ? 'leader' : 'follower')
}

it('whatever is told in whatever order, it leads only on a lease of its own, and leads again when it may', () => {
  const kinds = fc.record({ eligible: fc.constantFrom(true, true, true, false), onLoss: fc.constantFrom('solo', 'cache') })
  const orders = fc.commands([...acts, fc.constant(retire)], { maxCommands: 60, size: '+1' })
  fc.assert(
    fc.property(kinds, orders, (kind, commands) => {
      const clock = fakeClock()
      const leadership = runSubject({
        machine: leadershipMachine,
        clock,
        input: kind,
        delays: {
          campaignMs: ({ context: { misses, remainingMs } }) => (misses > 0 ? 100 : remainingMs + 1),
          renewMs: ({ context: { misses } }) => (misses > 0 ? 100 : 5000),
          leaseSafetyMs: ({ context }) => Math.max(0, context.validUntil - clock.now()),
          ...{ claimMaxMs: 300, successorMaxMs: 3000, standbyMaxMs: 3500 },
          ...{ handOverMaxMs: 1000, soloProbeMs: 300, standDownMaxMs: 5000 },
        },
        guards: { isStillGood: ({ event }) => event.validUntil > clock.now() },
      })
      const model: Model = { validUntil: 0, isRetired: false, misses: 0, ...kind }
      const real: Real = { clock, leadership }
      fc.modelRun(() => ({ model, real }), commands)
      heal(model, real)
      leadership.stop()
      expect(leadership.alive()).toEqual([])
    }),
    { numRuns: 400 },
  )
})
