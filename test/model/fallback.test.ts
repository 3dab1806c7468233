import { describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { createTestModel } from 'xstate/graph'
import { fallbackMachine } from '../../machines/fallback.ts'
import { explore, stuck } from '../support/explore.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { unreached } from './edges.ts'
import { explorations } from './explorations.ts'
import { ignoredByFallback } from './ignored.ts'
import { broken, brokenSteps, disturbed, isIn, isTimer, leaks, silent, sorted } from './promises.ts'
import { runSubject } from './subject.ts'

const all = explore(explorations.fallback)
const levels = ['live', 'polling', 'shared-cache', 'local-cache', 'stale']
const levelOf = (spot: (typeof all.initial)[number]): number => levels.indexOf(spot.states[0] ?? '')

describe('fallback, in every state it can get into', () => {
  it('every state and every edge is reachable', () => {
    expect(unreached(fallbackMachine, all)).toEqual([])
  })

  it('each fact does something or is ignored on purpose, and what is ignored changes nothing', () => {
    expect(silent(all)).toEqual(sorted(ignoredByFallback))
    expect(disturbed(all)).toEqual([])
  })

  it('it asks exactly while asking, one question at a time', () => {
    expect(broken(all, spot => spot.children.length === (spot.states.at(-1)?.endsWith('.asking') ? 1 : 0))).toEqual([])
    expect(leaks(all)).toEqual([])
  })

  it('prices heard from the stream are live from every state at once', () => {
    expect(brokenSteps(all, ({ event, to }) => event.type !== 'websocket.heard' || isIn(to, 'live.steady'))).toEqual([])
  })

  it('it goes down only by what was asked and answered, or asked and not answered, or by a doubt that lasted', () => {
    const evidence = /^(live\.doubted\|after doubtMs|[\w-]+\.asking\|(source\.|after askMaxMs))/
    expect(brokenSteps(all, ({ from, to, edges }) => levelOf(to) <= levelOf(from) || evidence.test(edges.join()))).toEqual([])
  })

  it('it is live only by hearing the stream', () => {
    expect(brokenSteps(all, ({ from, to, event }) => !isIn(to, 'live') || isIn(from, 'live') || event.type === 'websocket.heard')).toEqual(
      [],
    )
  })

  it('an answer is the level, whatever the level was', () => {
    const told: Record<string, string> = {
      'source.rest': 'polling',
      'source.shared': 'shared-cache',
      'source.local': 'local-cache',
      'source.none': 'stale',
    }
    expect(
      brokenSteps(all, ({ event, edges, to }) => {
        const level = told[event.type]
        return level === undefined || edges.length === 0 || isIn(to, `${level}.resting`)
      }),
    ).toEqual([])
  })

  it('every level below live asks again by timers alone, and never forgets to', () => {
    const below = { ...all, spots: new Map([...all.spots].filter(([, spot]) => !isIn(spot, 'live.steady'))) }
    expect(stuck(below, spot => spot.states.at(-1)?.endsWith('.asking') === true, isTimer)).toEqual([])
    expect(
      stuck(
        all,
        spot => isIn(spot, 'live.steady'),
        ({ event }) => event.type === 'websocket.heard',
      ),
    ).toEqual([])
    expect(broken(below, spot => spot.timers.length === 1)).toEqual([])
  })
})

/** Written from the promise: which source the readers are told, and whether a question is open. */
const source = (name: string): object => ({ HEARD: 'live', TIME: `${name}-asking` })
const question = (name: string, onSilence: string): object => ({
  ...{ HEARD: 'live', REST: 'rest', SHARED: 'shared', LOCAL: 'local', NONE: 'none', LOST: `${name}-asking` },
  SILENCE: onSilence,
})
const spec = createMachine({
  id: 'source',
  initial: 'none-asking',
  states: {
    live: { on: { LOST: 'doubted', HEARD: 'live' } },
    doubted: { on: { HEARD: 'live', LOST: 'doubted', DOUBT_LASTS: 'rest-asking' } },
    rest: { on: source('rest') },
    'rest-asking': { on: question('rest', 'local') },
    shared: { on: source('shared') },
    'shared-asking': { on: question('shared', 'local') },
    local: { on: source('local') },
    'local-asking': { on: question('local', 'none') },
    none: { on: source('none') },
    'none-asking': { on: question('none', 'none') },
  },
})

describe('fallback, driven by a model of what the readers are told', () => {
  const paths = createTestModel(spec).getShortestPaths()
  it.each(paths.map(path => [path.description, path] as const))('%s', async (_, path) => {
    const clock = fakeClock()
    const fallback = runSubject({ machine: fallbackMachine, clock, delays: { doubtMs: 1000, askMaxMs: 4000, restMs: 1000 } })
    const answer = (type: string) => (): void => fallback.alive()[0]?.tell({ type })
    const tellTooLate = (): void => {
      const before = fallback.snapshot()
      for (const probe of fallback.children) if (!probe.isAlive) probe.tell({ type: 'source.none' })
      expect(fallback.snapshot()).toBe(before)
    }
    const is = (value: object, asking: number) => (): void => {
      expect(fallback.snapshot().value).toEqual(value)
      expect(fallback.alive()).toHaveLength(asking)
      expect(fallback.faults).toEqual([])
      tellTooLate()
    }
    await path.test({
      events: {
        HEARD: () => fallback.send({ type: 'websocket.heard' }),
        LOST: () => fallback.send({ type: 'websocket.lost' }),
        DOUBT_LASTS: () => clock.advance(1000),
        TIME: () => clock.advance(1000),
        SILENCE: () => clock.advance(4000),
        REST: answer('source.rest'),
        SHARED: answer('source.shared'),
        LOCAL: answer('source.local'),
        NONE: answer('source.none'),
      },
      states: {
        live: is({ live: 'steady' }, 0),
        doubted: is({ live: 'doubted' }, 0),
        rest: is({ polling: 'resting' }, 0),
        'rest-asking': is({ polling: 'asking' }, 1),
        shared: is({ 'shared-cache': 'resting' }, 0),
        'shared-asking': is({ 'shared-cache': 'asking' }, 1),
        local: is({ 'local-cache': 'resting' }, 0),
        'local-asking': is({ 'local-cache': 'asking' }, 1),
        none: is({ stale: 'resting' }, 0),
        'none-asking': is({ stale: 'asking' }, 1),
      },
    })
    fallback.stop()
    expect(fallback.alive()).toEqual([])
  })
})
