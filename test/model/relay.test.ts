import { describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { createTestModel } from 'xstate/graph'
import { attemptMax, relayMachine } from '../../machines/relay.ts'
import { explore, stuck } from '../support/explore.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { unreached } from './edges.ts'
import { explorations } from './explorations.ts'
import { ignoredByRelay } from './ignored.ts'
import { broken, brokenSteps, disturbed, isIn, isTimer, leaks, silent, sorted } from './promises.ts'
import { runSubject } from './subject.ts'

const all = explore(explorations.relay)

describe('relay, in every state it can get into', () => {
  it('every state and every edge is reachable', () => {
    expect(unreached(relayMachine, all)).toEqual([])
  })

  it('each fact does something or is ignored on purpose, and what is ignored changes nothing', () => {
    expect(silent(all)).toEqual(sorted(ignoredByRelay))
    expect(disturbed(all)).toEqual([])
  })

  it('it follows exactly while it is not behind, and never twice', () => {
    expect(broken(all, spot => spot.children.length === (isIn(spot, 'behind') ? 0 : 1))).toEqual([])
    expect(leaks(all)).toEqual([])
  })

  it('it is current only by having caught up after having subscribed', () => {
    const steps = { ...all, steps: all.steps.filter(({ from, to }) => from !== to) }
    expect(
      brokenSteps(steps, ({ from, to, event }) => !isIn(to, 'current') || isIn(from, 'current') || event.type === 'bus.caught-up'),
    ).toEqual([])
    expect(brokenSteps(steps, ({ to, event }) => !isIn(to, 'catching-up') || event.type === 'bus.subscribed')).toEqual([])
  })

  it('it tells current when it becomes so and when asked, and behind once, when it was current', () => {
    expect(
      brokenSteps(all, ({ from, to, event, told }) => {
        const isAsked = event.type === 'relay.report' && isIn(from, 'current')
        const becomes = isIn(to, 'current') && !isIn(from, 'current')
        const falls = isIn(from, 'current') && !isIn(to, 'current')
        return told.join() === (falls ? 'relay.behind' : becomes || isAsked ? 'relay.current' : '')
      }),
    ).toEqual([])
    expect(all.toldFirst).toEqual([])
  })

  it('failed joins in a row are counted to a bound, and forgotten only by a copy that lasted', () => {
    const attempt = (spot: (typeof all.initial)[number]): number => spot.snapshot.context.attempt
    expect(broken(all, spot => attempt(spot) >= 0 && attempt(spot) <= attemptMax)).toEqual([])
    expect(brokenSteps(all, ({ from, to, edges }) => attempt(to) >= attempt(from) || edges.join() === 'current|after stableMs||')).toEqual(
      [],
    )
  })

  it('it joins again by timers alone, and is current as soon as the bus answers', () => {
    const answers = ['bus.subscribed', 'bus.caught-up']
    expect(stuck(all, spot => isIn(spot, 'joining'), isTimer).filter(at => !at.startsWith('current'))).toEqual([])
    expect(
      stuck(
        all,
        spot => isIn(spot, 'current'),
        step => isTimer(step) || answers.includes(step.event.type),
      ),
    ).toEqual([])
  })
})

/** Written from the promise alone: what somebody who asks the copy may believe. */
const spec = createMachine({
  id: 'copy',
  initial: 'unknowing',
  states: {
    unknowing: { on: { SUBSCRIBED: 'listening', CAUGHT_UP: 'unknowing', LOST: 'lost', HANGS: 'lost' } },
    listening: { on: { SUBSCRIBED: 'listening', CAUGHT_UP: 'knowing', LOST: 'lost', HANGS: 'lost' } },
    knowing: { on: { LOST: 'lost', TIME: 'knowing' } },
    lost: { on: { SUBSCRIBED: 'lost', LOST: 'lost', TIME: 'unknowing' } },
  },
})

describe('relay, driven by a model of what may be believed', () => {
  const paths = createTestModel(spec).getSimplePaths()
  it.each(paths.map(path => [path.description, path] as const))('%s', async (_, path) => {
    const clock = fakeClock()
    const relay = runSubject({ machine: relayMachine, clock, delays: { joinTimeoutMs: 3000, rejoinMs: 100, stableMs: 5000 } })
    // Whatever the present connection, or the one that was given up, says.
    const say = (type: string): void => relay.children.at(-1)?.tell({ type, cause: 'cut' })
    const is = (state: string, following: number): void => {
      expect(relay.snapshot().value).toBe(state)
      expect(relay.alive()).toHaveLength(following)
      expect(relay.faults).toEqual([])
      expect(relay.told.every((type, at) => type === (at % 2 === 0 ? 'relay.current' : 'relay.behind'))).toBe(true)
    }
    await path.test({
      events: {
        SUBSCRIBED: () => say('bus.subscribed'),
        CAUGHT_UP: () => say('bus.caught-up'),
        LOST: () => say('bus.lost'),
        HANGS: () => clock.advance(3000),
        TIME: () => clock.advance(100),
      },
      states: {
        unknowing: () => is('joining', 1),
        listening: () => is('catching-up', 1),
        knowing: () => is('current', 1),
        lost: () => is('behind', 0),
      },
    })
    relay.stop()
    expect(relay.alive()).toEqual([])
  })

  it('the model reaches all it knows', () => {
    expect(new Set(paths.flatMap(path => path.steps.map(({ state }) => state.value)))).toEqual(new Set(Object.keys(spec.states)))
  })
})
