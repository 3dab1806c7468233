import { describe, expect, it } from 'vitest'
import { type AnyMachineSnapshot, type AnyStateMachine, createActor, createMachine, type InspectionEvent } from 'xstate'
import { activeOf, chartOf, edgesOf, type Microstep } from '../../src/inspect/chart.ts'
import { edgeIdOfCoverage } from '../../src/inspect/coverage.ts'
import type { ChartEdge } from '../../src/inspect/record.ts'
import { inventoryOf } from '../support/coverage.ts'
import { allMachines } from '../support/coverage-parts.ts'
import { oddMachine, tortureMachine } from '../support/torture.ts'

const torture = chartOf(tortureMachine)
const edge = (id: string): ChartEdge => {
  const found = torture.edges.find(one => one.id === id)
  if (found === undefined) throw new Error(`no edge ${id} among\n${torture.edges.map(one => one.id).join('\n')}`)
  return found
}
const state = (id: string) => torture.states.find(one => one.id === id)
const machines: [string, AnyStateMachine][] = [...allMachines, tortureMachine, oddMachine].map(machine => [machine.id, machine])

describe.each(machines)('the chart of %s', (_, machine) => {
  const chart = chartOf(machine)

  it('has plain data only', () => {
    expect(JSON.parse(JSON.stringify(chart))).toEqual(chart)
  })

  it('names each edge once, and each end of an edge is a state', () => {
    const ids = chart.edges.map(one => one.id)
    const states = new Set(chart.states.map(one => one.id))
    expect(new Set(ids).size).toBe(ids.length)
    for (const { source, targets } of chart.edges) for (const id of [source, ...targets]) expect(states).toContain(id)
  })

  it('is the same for a machine whose ports are provided', () => {
    expect(chartOf(machine.provide({ delays: { napMs: 7 } }))).toEqual(chart)
  })

  it('has its root first, and the state around each state before it', () => {
    const ids = chart.states.map(one => one.id)
    expect(chart.states[0]?.id).toBe(machine.id)
    for (const [at, { parent }] of chart.states.entries())
      expect(parent === undefined ? -1 : ids.indexOf(parent)).toBe(parent === undefined ? -1 : ids.slice(0, at).indexOf(parent))
  })
})

describe.each(allMachines.map(machine => [machine.id, machine] as const))('coverage of %s', (_, machine) => {
  it('names edges that are edges of the chart, one to one', () => {
    const chart = chartOf(machine)
    const ids = inventoryOf(machine).edges.map(name => edgeIdOfCoverage(chart, name))
    expect(ids.sort()).toEqual(chart.edges.map(one => one.id).sort())
  })
})

describe('a chart tells', () => {
  it('what kind of state each is', () => {
    expect(state('torture')).toMatchObject({ type: 'parallel', description: 'one of everything' })
    expect(state('torture.day')).toMatchObject({ type: 'compound', initial: 'torture.day.calm', entry: ['ring', 'inline'], exit: ['ring'] })
    expect(state('torture.day.calm')).toMatchObject({ type: 'atomic', tags: ['quiet', 'safe'] })
    expect(state('torture.day.over')?.type).toBe('final')
    expect(state('torture.day.busy.back')?.type).toBe('history')
    expect(state('asleep')).toMatchObject({ parent: 'torture.night', key: 'asleep' })
    expect(state('torture.day.busy')?.invoke).toEqual([
      { id: 'asking', src: 'ask' },
      { id: '1.torture.day.busy', src: 'inline' },
    ])
  })

  it('what is read on each arrow', () => {
    expect(edge('torture.day.calm|xstate.after.napMs.torture.day.calm|0')).toMatchObject({ kind: 'after', label: 'after napMs' })
    expect(edge('torture.day.calm|xstate.after.long.napMs.torture.day.calm|0')).toMatchObject({
      label: 'after long.napMs',
      guard: 'isEarly',
    })
    expect(edge('torture.day.calm|xstate.after.1000.torture.day.calm|0').label).toBe('after 1000 ms')
    expect(edge('torture.day.calm||1')).toMatchObject({
      kind: 'always',
      label: 'always',
      guard: 'not(isOpen)',
      targets: ['torture.day.over'],
    })
    expect(edge('torture.day.busy|xstate.done.actor.asking|0')).toMatchObject({ kind: 'done', label: 'asking done', actions: ['count'] })
    expect(edge('torture.day.busy|xstate.error.actor.asking|0')).toMatchObject({ kind: 'error', label: 'asking failed' })
    expect(edge('torture.day|xstate.done.state.torture.day|0')).toMatchObject({ kind: 'done', targets: [] })
    expect(edge('torture.day.calm|feed.*|0').label).toBe('feed.*')
    expect(edge('torture.day.calm|*|0').label).toBe('anything else')
    expect(edge('torture.day.busy.back||0').targets).toEqual(['torture.day.busy.shallow'])
    expect(edge('torture|reset|0').targets).toEqual(['torture.day.calm', 'torture.night.awake'])
    expect(edge('torture.day.busy|again|0').reenter).toBe(true)
  })

  it('guards and actions as they were written', () => {
    const go = [0, 1, 2, 3, 4, 5].map(index => edge(`torture.day.calm|go|${index}`))
    expect(go.map(({ guard }) => guard)).toEqual([
      'isOpen',
      'isAbove(limit: 3)',
      'isOpen and (isEarly or not(isOpen))',
      'isNamed',
      'inline',
      undefined,
    ])
    expect(go[0]?.actions).toEqual(['count', 'raise'])
    expect(go[5]?.actions).toEqual(['assign'])
  })

  it('another hash when anything drawn is another', () => {
    const one = chartOf(createMachine({ id: 'm', on: { go: { actions: 'a' } } }))
    const other = chartOf(createMachine({ id: 'm', on: { go: { actions: 'b' } } }))
    expect(one.hash).not.toBe(other.hash)
    expect(one.hash).toMatch(/^[0-9a-f]{16}$/)
  })
})

describe('a running machine', () => {
  const follow = (machine: AnyStateMachine) => {
    const taken: string[] = []
    const actor = createActor(machine, {
      inspect: (event: InspectionEvent) => {
        if (event.type === '@xstate.microstep') taken.push(...edgesOf(event as Microstep))
      },
    })
    actor.start()
    return { actor, taken, active: () => activeOf(actor.getSnapshot() as AnyMachineSnapshot) }
  }

  it('takes edges under the names the chart has', () => {
    const { actor, taken, active } = follow(tortureMachine)
    expect(active()).toEqual(['torture.day.calm', 'asleep'])
    actor.send({ type: 'go' })
    expect(taken).toEqual(['torture.day.calm|go|0', 'torture.day.busy|gone|0', 'torture.day.busy|xstate.snapshot.asking|0'])
    actor.send({ type: 'down' })
    actor.send({ type: 'reset' })
    actor.send({ type: 'anything' })
    expect(taken.slice(3)).toEqual(['torture.day.busy.shallow|down|0', 'torture|reset|0', 'torture.day.calm|*|0'])
    for (const id of taken) expect(edge(id).id).toBe(id)
    expect(active()).toEqual(['torture.day.calm', 'torture.night.awake'])
    actor.stop()
  })

  it('may have signs in its names that stand between the parts of a name', () => {
    const { actor, taken, active } = follow(oddMachine)
    actor.send({ type: 'x|y' })
    expect(taken).toEqual(['odd.one.a|b|x|y|0'])
    expect(chartOf(oddMachine).edges.map(({ id }) => id)).toContain(taken[0])
    expect(chartOf(oddMachine).edges.map(({ label }) => label)).toEqual(['x|y', 'after 5 ms'])
    expect(active()).toEqual(['odd.one.c d'])
    actor.stop()
  })
})
