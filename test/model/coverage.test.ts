import { readFileSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createActor, createMachine } from 'xstate'
import { arrowsOf } from '../support/arrows.ts'
import { coverageTable, createCollector, gapsOf, inventoryOf, writeCoverage } from '../support/coverage.ts'
import { explore, stuck } from '../support/explore.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { explorations } from './explorations.ts'

/** A door with every kind of edge: guarded, of a parent, by a wildcard, by time, without a target. */
const door = createMachine({
  id: 'door',
  initial: 'shut',
  context: { isLocked: true },
  on: { 'bell.*': { actions: () => {} } },
  states: {
    shut: {
      on: {
        push: [{ guard: { type: 'isLocked' }, target: 'shut' }, { target: 'open' }],
      },
    },
    open: {
      initial: 'wide',
      on: { push: { guard: { type: 'isLocked' }, target: 'shut' } },
      states: { wide: { after: { 100: 'narrow' } }, narrow: {} },
    },
  },
})

describe('coverage collected from inspection events', () => {
  const run = (isLocked: boolean, ...events: string[]) => {
    const collector = createCollector()
    const clock = fakeClock()
    const actor = createActor(door.provide({ guards: { isLocked: () => isLocked } }), { clock })
    const stop = collector.observe(actor.system)
    actor.start()
    for (const type of events) {
      if (type === 'wait') clock.advance(100)
      else actor.send({ type })
    }
    return { collector, actor, stop, taken: collector.coverage.door }
  }

  it('counts states entered, edges, pairs and what guards said, also where no edge was taken', () => {
    const { taken, collector } = run(false, 'push', 'wait', 'bell.rang', 'push')
    expect(taken?.states).toEqual({ shut: 1, open: 1, 'open.wide': 1, 'open.narrow': 1 })
    expect(taken?.edges).toEqual({ 'shut|push||open': 1, 'open.wide|after 100||open.narrow': 1, 'door|bell.*||': 1 })
    expect(taken?.guards).toEqual({ isLocked: { true: 0, false: 2 } })
    expect(Object.keys(taken?.pairs ?? {})).toEqual([
      'shut|push||open then open.wide|after 100||open.narrow',
      'open.wide|after 100||open.narrow then door|bell.*||',
    ])
    expect(collector.faults).toEqual([])
    expect(run(true, 'push').taken?.guards).toEqual({ isLocked: { true: 1, false: 0 } })
  })

  it('stops following when told to, and takes single inspection events as well', () => {
    const { taken, actor, stop } = run(false, 'push')
    stop()
    actor.send({ type: 'bell.rang' })
    expect(Object.keys(taken?.edges ?? {})).toHaveLength(1)
    const single = createCollector()
    const other = createActor(door.provide({ guards: { isLocked: () => true } }), { inspect: event => void single.observe(event) })
    other.start().send({ type: 'push' })
    expect(single.coverage.door?.edges).toEqual({ 'shut|push|isLocked|shut': 1 })
  })

  it('survives what it cannot read, and says so', () => {
    const collector = createCollector()
    collector.observe({ type: '@xstate.microstep', snapshot: {} } as never)
    expect(collector.faults).toHaveLength(1)
  })

  it('names what was never taken', () => {
    const { taken } = run(false, 'push')
    expect(gapsOf(door, taken)).toEqual([
      'door: state open.narrow never entered',
      'door: edge door|bell.*|| never taken',
      'door: edge shut|push|isLocked|shut never taken',
      'door: edge open|push|isLocked|shut never taken',
      'door: edge open.wide|after 100||open.narrow never taken',
      'door: guard isLocked never true',
    ])
  })

  it('prints a table and writes the file that the visualizer reads', () => {
    const { collector } = run(false, 'push')
    const table = coverageTable([door], collector.coverage, { title: 'unit', isColoured: false })
    expect(table.split('\n').map(line => line.trim().split(/\s+/))).toEqual([
      ['unit', 'states', 'edges', 'guards', 'pairs'],
      ['door', '3/4', '1/5', '1/2', '0'],
    ])
    expect(coverageTable([door], collector.coverage, { title: 'unit' })).toContain('\u001b[31m')
    const file = writeCoverage('written-by-a-test', collector.coverage)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(collector.coverage)
    rmSync(file)
  })

  it('calls edges what the header of a machine calls its arrows', () => {
    for (const { machine } of Object.values(explorations)) {
      const drawn = inventoryOf(machine)
        .edges.map(edge => edge.split('|'))
        .filter(([, , , to]) => to !== '')
        .map(([from, event, guard, to]) => `${from} -- ${event}${guard === '' ? '' : ` [${guard}]`} --> ${to}`)
      expect(drawn.sort()).toEqual(arrowsOf(machine))
    }
  })
})

describe('exploring', () => {
  it('a machine with no end of states is an error, not a long wait', () => {
    const { relay } = explorations
    expect(() => explore({ ...relay, nodesMax: 5 })).toThrow('relay: more than 5 states; the last by')
  })

  it('a timer fires once, and a state whose only way out has been spent is called stuck', () => {
    const once = createMachine({
      id: 'once',
      initial: 'waiting',
      states: { waiting: { after: { 10: { guard: () => false, target: 'done' } } }, done: {} },
    })
    const all = explore({ machine: once, events: [] })
    expect([...all.spots.values()].map(({ timers }) => timers.length)).toEqual([1, 0])
    expect(
      stuck(
        all,
        ({ states }) => states.includes('done'),
        () => true,
      ),
    ).toHaveLength(2)
  })
})
