import { describe, expect, it } from 'vitest'
import { type AnyEventObject, createMachine } from 'xstate'
import { createTestModel } from 'xstate/graph'
import { leadershipMachine, missesMax } from '../../machines/leadership.ts'
import { explore, type Spot, stuck } from '../support/explore.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { unreached } from './edges.ts'
import { explorations } from './explorations.ts'
import { ignoredByLeadership } from './ignored.ts'
import { broken, brokenSteps, disturbed, isIn, isTimer, leaks, silent, sorted } from './promises.ts'
import { runSubject } from './subject.ts'

const all = explore(explorations.leadership)
const role = (spot: Spot): string => spot.states[0] ?? ''
const isEligible = (spot: Spot): boolean => spot.snapshot.context.eligible
const maySolo = (spot: Spot): boolean => spot.snapshot.context.onLoss === 'solo'
const portOf: Record<string, string> = {
  'follower.campaigning': 'acquire',
  'leader.renewing': 'renew',
  'follower.succeeding.claiming': 'claim',
  'follower.succeeding.taking': 'acquire',
  'leader.handing-over.offering': 'offer',
  'leader.handing-over.awaiting.renewing': 'renew',
  'leader.handing-over.releasing': 'handOver',
  'solo.probing': 'acquire',
}

describe('leadership, in every state it can get into', () => {
  it('every state, every edge and both outcomes of every guard are reachable', () => {
    expect(unreached(leadershipMachine, all)).toEqual([])
  })

  it('each fact does something or is ignored on purpose, and what is ignored changes nothing', () => {
    expect(silent(all)).toEqual(sorted(ignoredByLeadership))
    expect(disturbed(all)).toEqual([])
  })

  it('it asks one question at a time, and none that its state does not need', () => {
    expect(broken(all, spot => spot.children.join() === (portOf[spot.states.at(-1) ?? ''] ?? ''))).toEqual([])
    expect(leaks(all)).toEqual([])
  })

  it('it begins to lead only by a grant that is still good, and then has a term', () => {
    expect(
      brokenSteps(
        all,
        ({ from, to, event }) =>
          role(to) !== 'leader' || role(from) === 'leader' || (event.type === 'lease.granted' && event.validUntil > 0 && isEligible(from)),
      ),
    ).toEqual([])
    expect(broken(all, spot => role(spot) !== 'leader' || spot.snapshot.context.epoch === 7)).toEqual([])
  })

  it('who may not lead, or was retired, never leads, asks or goes solo; giving the lease back is all it may still do', () => {
    expect(broken(all, spot => isEligible(spot) || isIn(spot, 'follower.watching', 'leader.handing-over'))).toEqual([])
    expect(brokenSteps(all, ({ from, to, event }) => !isEligible(to) || (isEligible(from) && event.type !== 'leadership.retire'))).toEqual(
      [],
    )
  })

  it('a successor asks for a socket exactly while it prepares to lead, and lets it go unless it does', () => {
    const prepares = (spot: Spot): boolean => isIn(spot, 'follower.succeeding.preparing', 'follower.succeeding.taking')
    expect(
      brokenSteps(all, ({ from, to, told }) => {
        const said = told.filter(type => type.startsWith('standby.')).join()
        if (prepares(to)) return said === (prepares(from) ? '' : 'standby.wanted')
        if (!prepares(from) || role(to) === 'leader') return said === '' || isIn(from, 'follower.succeeding.claiming')
        return said === 'standby.over'
      }),
    ).toEqual([])
  })

  it('a leader that hands over goes on until a successor has the lease, or nobody wants it', () => {
    expect(
      brokenSteps(
        all,
        ({ from, to, event }) =>
          !isIn(from, 'leader.handing-over.offering', 'leader.handing-over.awaiting') ||
          role(to) === 'leader' ||
          ['lease.fenced', 'lease.lost'].includes(event.type) ||
          event.type.includes('leaseSafetyMs'),
      ),
    ).toEqual([])
  })

  it('where solo is not wanted, it is never reached', () => {
    expect(broken(all, spot => role(spot) !== 'solo' || maySolo(spot))).toEqual([])
  })

  it('solo begins only after so many unanswered questions, or when silence outlasts the lease', () => {
    expect(
      brokenSteps(all, ({ from, to, event }) => {
        if (role(to) !== 'solo' || role(from) === 'solo') return true
        const isUnanswered = event.type === 'lease.unreachable' && from.snapshot.context.misses === missesMax - 1
        return (
          isUnanswered || (event.type === 'lease.unreachable' && from.snapshot.context.misses === missesMax) || isTimer({ event } as never)
        )
      }),
    ).toEqual([])
  })

  it('solo ends by leading, by being retired, or by a copy of the bus that is current', () => {
    const ends = ['lease.granted', 'leadership.retire', 'relay.current']
    expect(brokenSteps(all, ({ from, to, event }) => role(from) !== 'solo' || role(to) === 'solo' || ends.includes(event.type))).toEqual([])
  })

  it('being retired is told exactly once: at once, or when the lease is given back', () => {
    expect(
      brokenSteps(all, ({ from, to, event, told }) => {
        const times = told.filter(type => type === 'leadership.retired').length
        const endsHandOver = isIn(from, 'leader.handing-over') && !isIn(to, 'leader.handing-over')
        const isAtOnce = event.type === 'leadership.retire' && role(from) !== 'leader'
        return times === ((endsHandOver && !isEligible(from)) || isAtOnce ? 1 : 0)
      }),
    ).toEqual([])
    expect(
      brokenSteps(
        all,
        ({ from, to, event }) => event.type !== 'leadership.retire' || role(from) !== 'leader' || isIn(to, 'leader.handing-over'),
      ),
    ).toEqual([])
  })

  it('every change of role is told, once, in the order of what happened', () => {
    const word: Record<string, string> = { leader: 'leadership.gained', solo: 'leadership.solo', follower: 'leadership.lost' }
    const isRole = (type: string): boolean => Object.values(word).includes(type)
    expect(
      brokenSteps(all, ({ from, to, told }) => told.filter(isRole).join() === (role(from) === role(to) ? '' : word[role(to)])),
    ).toEqual([])
    expect(new Set(all.toldFirst)).toEqual(new Set(['leadership.lost']))
  })

  it('a term always has an end: in every state of a leader the timer of the lease waits', () => {
    expect(broken(all, spot => role(spot) !== 'leader' || spot.timers.some(type => type.includes('.leaseSafetyMs.')))).toEqual([])
  })

  it('the bus refusing our epoch, or an answer that the lease is lost, ends a term at once', () => {
    expect(
      brokenSteps(all, ({ from, to, event }) => event.type !== 'lease.fenced' || role(from) !== 'leader' || role(to) === 'follower'),
    ).toEqual([])
    expect(
      brokenSteps(
        all,
        ({ from, to, event }) =>
          event.type !== 'lease.lost' || !isIn(from, 'leader.renewing', 'leader.handing-over.awaiting.renewing') || role(to) === 'follower',
      ),
    ).toEqual([])
  })

  it('a release heard while the question is on its way is not forgotten over an older refusal', () => {
    expect(
      broken(
        all,
        spot =>
          !isIn(spot, 'follower.watching') ||
          !isEligible(spot) ||
          !spot.snapshot.context.wasReleased ||
          spot.snapshot.context.remainingMs === 0,
      ),
    ).toEqual([])
  })

  it('who may lead does, by timers alone, as soon as the lease is granted; who may not comes to rest', () => {
    const answers = (type: string, more: number): boolean => (type === 'lease.granted' && more > 0) || type === 'claim.refused'
    const eligible = { ...all, spots: new Map([...all.spots].filter(([, spot]) => isEligible(spot))) }
    expect(
      stuck(
        eligible,
        spot => isIn(spot, 'leader.holding'),
        step => isTimer(step) || answers(step.event.type, step.event.validUntil),
      ),
    ).toEqual([])
    expect(stuck(all, spot => !['leader', 'solo'].includes(role(spot)) || isEligible(spot), isTimer)).toEqual([])
  })

  it('a solo comes back to one leader when there is one and the bus is current', () => {
    const heals = ['lease.refused', 'relay.current']
    const solo = { ...all, spots: new Map([...all.spots].filter(([, spot]) => role(spot) !== 'leader')) }
    expect(
      stuck(
        solo,
        spot => role(spot) === 'follower',
        step => isTimer(step) || heals.includes(step.event.type),
      ),
    ).toEqual([])
  })
})

const validMs = 13_500
const delays = {
  ...{ campaignMs: 200, renewMs: 5000, soloProbeMs: 300, standDownMaxMs: 4000 },
  ...{ claimMaxMs: 250, successorMaxMs: 7000, standbyMaxMs: 190, handOverMaxMs: 1000 },
}
const run = (clock: ReturnType<typeof fakeClock>, onLoss = 'solo', eligible = true) =>
  runSubject({
    machine: leadershipMachine,
    clock,
    input: { eligible, onLoss },
    delays: { ...delays, leaseSafetyMs: ({ context }) => Math.max(0, context.validUntil - clock.now()) },
    guards: { isStillGood: ({ event }) => event.validUntil > clock.now() },
  })

/** Questions in a row that nobody answered: the third makes a hermit. */
const waiting = (asks: string): object => ({ on: { TIME: asks, FREED: asks, BEHIND: asks, OFFERED: 'claiming', RETIRED: 'retired' } })
const asked = (onSilence: string): object => ({
  on: { YES: 'ruling', LATE_YES: 'subject', NO: 'subject', SILENCE: onSilence, RETIRED: 'retired' },
})
/** Written from the promise: who rules. */
const spec = createMachine({
  id: 'rule',
  initial: 'subject',
  states: {
    subject: waiting('asking'),
    asking: asked('subject1'),
    claiming: { on: { CHOSEN: 'preparing', NOT_CHOSEN: 'subject', FREED: 'asking', BEHIND: 'subject', RETIRED: 'retired' } },
    preparing: { on: { COVERED: 'taking', FREED: 'taking', TOO_SLOW: 'subject', BEHIND: 'subject', RETIRED: 'retired' } },
    taking: { on: { YES: 'ruling', LATE_YES: 'subject', NO: 'subject', SILENCE: 'subject1', BEHIND: 'subject', RETIRED: 'retired' } },
    subject1: { on: { TIME: 'asking1', BEHIND: 'asking1', RETIRED: 'retired' } },
    asking1: asked('subject2'),
    subject2: { on: { TIME: 'asking2', BEHIND: 'asking2', RETIRED: 'retired' } },
    asking2: asked('hermit'),
    ruling: { on: { RENEWAL_DUE: 'confirming', FENCED: 'subject', RETIRED: 'offering', HAND_OVER: 'passing' } },
    confirming: {
      on: {
        HELD: 'ruling',
        NO_LONGER: 'subject',
        STOOD_STILL: 'subject',
        NO_ANSWER: 'hermit',
        FENCED: 'subject',
        RETIRED: 'offering',
        HAND_OVER: 'passing',
      },
    },
    offering: { on: { CLAIMED: 'awaiting', UNCLAIMED: 'abdicating', FENCED: 'retired', RETIRED: 'offering' } },
    awaiting: { on: { RENEWAL_DUE: 'affirming', SUCCESSOR_LATE: 'abdicating', FENCED: 'retired' } },
    affirming: { on: { HELD: 'awaiting', NO_LONGER: 'retired', STILL_SILENT: 'awaiting', FENCED: 'retired' } },
    passing: { on: { CLAIMED: 'passed', UNCLAIMED: 'releasing', FENCED: 'subject', RETIRED: 'offering' } },
    passed: { on: { FENCED: 'subject', RETIRED: 'awaiting' } },
    releasing: { on: { GIVEN: 'subject', RETIRED: 'abdicating' } },
    abdicating: { on: { GIVEN: 'retired', GIVING_HANGS: 'retired', FENCED: 'retired', RETIRED: 'abdicating' } },
    hermit: { on: { PROBE: 'calling', RETIRED: 'retired', BEHIND: 'hermit' } },
    calling: { on: { YES: 'ruling', LATE_YES: 'hermit', NO: 'returning', SILENCE: 'hermit', RETIRED: 'retired' } },
    returning: { on: { CURRENT: 'subject', STILL_BEHIND: 'hermit', RETIRED: 'retired' } },
    retired: { on: { TIME: 'retired', FREED: 'retired', BEHIND: 'retired', FENCED: 'retired' } },
  },
})

describe('leadership, driven by a model of who rules', () => {
  const paths = createTestModel(spec).getShortestPaths()
  it.each(paths.map(path => [path.description, path] as const))('%s', async (_, path) => {
    const clock = fakeClock()
    const leadership = run(clock)
    const send = (type: string) => (): void => leadership.send({ type })
    const answer = (event: AnyEventObject): void => leadership.alive()[0]?.tell(event)
    const grant = (validUntil: number): void => answer({ type: 'lease.granted', epoch: 3, validUntil })
    const is = (state: string, asks: string, says: string) => (): void => {
      expect(leadership.snapshot().matches(JSON.parse(state))).toBe(true)
      expect(
        leadership
          .alive()
          .map(({ id }) => id)
          .join(),
      ).toBe(asks)
      expect(leadership.told.filter(type => /gained|lost|solo/.test(type)).at(-1)).toBe(`leadership.${says}`)
      expect(leadership.faults).toEqual([])
      const before = leadership.snapshot()
      for (const child of leadership.children.filter(({ isAlive }) => !isAlive))
        for (const type of ['lease.granted', 'lease.refused', 'lease.lost', 'lease.given-up'])
          child.tell({ type, epoch: 9, validUntil: 1e9 })
      expect(leadership.snapshot()).toBe(before)
    }
    const follows = is('{"follower":"watching"}', '', 'lost')
    const offered = is('{"leader":{"handing-over":"offering"}}', 'offer', 'gained')
    const claimed = is('{"leader":{"handing-over":{"awaiting":"sure"}}}', '', 'gained')
    const releasing = is('{"leader":{"handing-over":"releasing"}}', 'handOver', 'gained')
    const asking = is('{"follower":"campaigning"}', 'acquire', 'lost')
    await path.test({
      events: {
        TIME: () => clock.advance(delays.campaignMs),
        FREED: send('lease.released'),
        BEHIND: send('relay.behind'),
        YES: () => grant(clock.now() + validMs),
        LATE_YES: () => grant(clock.now()),
        NO: () => answer({ type: 'lease.refused', remainingMs: 1 }),
        SILENCE: () => answer({ type: 'lease.unreachable', cause: 'timeout' }),
        RENEWAL_DUE: () => clock.advance(delays.renewMs),
        HELD: () => answer({ type: 'lease.held', validUntil: clock.now() + validMs }),
        NO_LONGER: () => answer({ type: 'lease.lost' }),
        STOOD_STILL: () => clock.advance(leadership.snapshot().context.validUntil - clock.now()),
        NO_ANSWER: () => {
          answer({ type: 'lease.unreachable', cause: 'timeout' })
          clock.advance(leadership.snapshot().context.validUntil - clock.now())
        },
        FENCED: send('lease.fenced'),
        RETIRED: send('leadership.retire'),
        HAND_OVER: send('leadership.hand-over'),
        OFFERED: () => leadership.send({ type: 'lease.offered', from: 'other' }),
        CHOSEN: () => answer({ type: 'claim.granted' }),
        NOT_CHOSEN: () => answer({ type: 'claim.refused' }),
        COVERED: send('standby.covered'),
        TOO_SLOW: () => clock.advance(delays.standbyMaxMs),
        CLAIMED: send('lease.claimed'),
        UNCLAIMED: () => clock.advance(delays.claimMaxMs),
        SUCCESSOR_LATE: () => {
          for (let ms = 0; ms < delays.successorMaxMs; ms += 1000) {
            clock.advance(1000)
            answer({ type: 'lease.held', validUntil: clock.now() + validMs })
          }
        },
        STILL_SILENT: () => answer({ type: 'lease.unreachable', cause: 'timeout' }),
        GIVEN: () => answer({ type: 'lease.given-up' }),
        GIVING_HANGS: () => clock.advance(delays.handOverMaxMs),
        PROBE: () => clock.advance(delays.soloProbeMs),
        CURRENT: send('relay.current'),
        STILL_BEHIND: () => clock.advance(delays.standDownMaxMs),
      },
      states: {
        ...{ subject: follows, subject1: follows, subject2: follows, asking, asking1: asking, asking2: asking },
        ruling: is('{"leader":"holding"}', '', 'gained'),
        confirming: is('{"leader":"renewing"}', 'renew', 'gained'),
        claiming: is('{"follower":{"succeeding":"claiming"}}', 'claim', 'lost'),
        preparing: is('{"follower":{"succeeding":"preparing"}}', '', 'lost'),
        taking: is('{"follower":{"succeeding":"taking"}}', 'acquire', 'lost'),
        ...{ offering: offered, passing: offered, awaiting: claimed, passed: claimed },
        affirming: is('{"leader":{"handing-over":{"awaiting":"renewing"}}}', 'renew', 'gained'),
        ...{ releasing, abdicating: releasing },
        hermit: is('{"solo":"alone"}', '', 'solo'),
        calling: is('{"solo":"probing"}', 'acquire', 'solo'),
        returning: is('{"solo":"standing-down"}', '', 'solo'),
        retired: () => {
          follows()
          expect(leadership.told.filter(type => type === 'leadership.retired')).toHaveLength(1)
        },
      },
    })
    leadership.stop()
    expect(leadership.alive()).toEqual([])
  })
})

describe('leadership, mistakes it once made', () => {
  const rule = () => {
    const clock = fakeClock()
    const leadership = run(clock)
    clock.advance(delays.campaignMs)
    return { clock, leadership, answer: (event: AnyEventObject) => leadership.alive()[0]?.tell(event) }
  }

  it('handing over does not outlast the lease', () => {
    const { clock, leadership, answer } = rule()
    answer({ type: 'lease.granted', epoch: 3, validUntil: clock.now() + 400 })
    leadership.send({ type: 'leadership.retire' })
    clock.advance(400)
    expect(leadership.snapshot().value).toEqual({ follower: 'watching' })
    expect(leadership.told.slice(-2)).toEqual(['leadership.retired', 'leadership.lost'])
  })

  it('a lease released while we asked is asked for again, whatever the older answer says', () => {
    const { clock, leadership, answer } = rule()
    leadership.send({ type: 'lease.released' })
    answer({ type: 'lease.refused', remainingMs: 14_000 })
    expect(leadership.snapshot().context.remainingMs).toBe(0)
    clock.advance(delays.campaignMs)
    expect(leadership.snapshot().value).toEqual({ follower: 'campaigning' })
    answer({ type: 'lease.refused', remainingMs: 14_000 })
    expect(leadership.snapshot().context.remainingMs).toBe(14_000)
  })

  it('a lease released while a solo stands down is not waited for afterwards', () => {
    const { clock, leadership, answer } = rule()
    for (let miss = 0; miss < missesMax; miss += 1) {
      answer({ type: 'lease.unreachable', cause: 'timeout' })
      clock.advance(delays.campaignMs)
    }
    clock.advance(delays.soloProbeMs)
    answer({ type: 'lease.refused', remainingMs: 14_000 })
    leadership.send({ type: 'lease.released' })
    leadership.send({ type: 'relay.current' })
    expect([leadership.snapshot().value, leadership.snapshot().context.remainingMs]).toEqual([{ follower: 'watching' }, 0])
  })

  it('a solo whose copy of the bus is behind keeps its prices, however long', () => {
    const { clock, leadership, answer } = rule()
    for (let miss = 0; miss < missesMax; miss += 1) {
      answer({ type: 'lease.unreachable', cause: 'timeout' })
      clock.advance(delays.campaignMs)
    }
    for (let round = 0; round < 5; round += 1) {
      clock.advance(delays.standDownMaxMs + delays.soloProbeMs)
      answer({ type: 'lease.refused', remainingMs: 9000 })
    }
    expect(leadership.snapshot().value).toEqual({ solo: 'standing-down' })
    expect(leadership.told.at(-1)).toBe('relay.report')
    leadership.send({ type: 'relay.current' })
    expect(leadership.told.at(-1)).toBe('leadership.lost')
  })
})
