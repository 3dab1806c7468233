import { render } from 'state-machine-cat'
import { describe, expect, it } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { chartOf } from '../../src/inspect/chart.ts'
import type { ChartState } from '../../src/inspect/record.ts'
import { scxmlOf } from '../../src/web/machines/export/scxml.ts'
import { ownMachines } from '../../src/web/machines/play/own.ts'
import { oddMachine, tortureMachine } from '../support/torture.ts'

const all: readonly (readonly [string, AnyStateMachine])[] = [
  ...Object.entries(ownMachines),
  ['torture', tortureMachine],
  ['odd', oddMachine],
]

/** A chart as state-machine-cat keeps it. */
interface Read {
  readonly states: readonly { readonly name: string; readonly type: string; readonly statemachine?: Read }[]
  readonly transitions?: readonly {
    readonly from: string
    readonly to: string
    readonly event?: string
    readonly cond?: string
  }[]
}

const flat = (read: Read): readonly Read[] => [
  read,
  ...read.states.flatMap(({ statemachine }) => (statemachine === undefined ? [] : flat(statemachine))),
]

const nameOf = (id: string): string => id.replace(/[^\w.-]/g, '_')

/** Sorted, because a reader may keep what it read in another order. */
const sorted = (lines: readonly string[]): readonly string[] => [...lines].sort()

describe('a chart as SCXML, read by state-machine-cat', () => {
  it.each(all)('%s: the same states, nested alike, and the same arrows under the same guards', async (_, machine) => {
    const chart = chartOf(machine)
    const read = flat((await render(scxmlOf(chart), { inputType: 'scxml', outputType: 'json' })) as unknown as Read)
    const typeOf = ({ type, isDeep }: ChartState): string =>
      type === 'atomic' || type === 'compound' ? 'regular' : isDeep === true ? 'deephistory' : type
    const states = read.flatMap(one => one.states.filter(({ type }) => type !== 'initial').map(({ name, type }) => `${name} ${type}`))
    expect(sorted(states)).toEqual(sorted(chart.states.map(state => `${nameOf(state.id)} ${typeOf(state)}`)))
    const nested = read.flatMap(one =>
      one.states.flatMap(({ name, statemachine }) =>
        (statemachine?.states ?? []).filter(({ type }) => type !== 'initial').map(child => `${child.name} in ${name}`),
      ),
    )
    expect(sorted(nested)).toEqual(
      sorted(chart.states.flatMap(({ id, parent }) => (parent === undefined ? [] : [`${nameOf(id)} in ${nameOf(parent)}`]))),
    )
    const transitions = read.flatMap(one => one.transitions ?? [])
    const begins = transitions.filter(({ from }) => from === 'initial').map(({ to }) => to)
    const initials = chart.states.flatMap(({ type, initial }) => (type === 'compound' && initial !== undefined ? [nameOf(initial)] : []))
    expect(sorted(begins)).toEqual(sorted([nameOf(chart.machine), ...initials]))
    const arrows = transitions.filter(({ from }) => from !== 'initial')
    // A move without a target is read as one to itself; where a history leads without history is no transition of a state.
    const moves = chart.edges
      .filter(({ source }) => chart.states.find(({ id }) => id === source)?.type !== 'history')
      .flatMap(({ source, targets, guard }) => (targets.length === 0 ? [source] : targets).map(target => ({ source, target, guard })))
    const line = (from: string, to: string, guard: string | undefined): string =>
      `${from} → ${to}${guard === undefined ? '' : ` if ${guard}`}`
    expect(sorted(arrows.map(({ from, to, cond }) => line(from, to, cond?.replace(/\s+/g, ' '))))).toEqual(
      sorted(moves.map(({ source, target, guard }) => line(nameOf(source), nameOf(target), guard))),
    )
  })

  it.each(all)('%s: each timer sends one event, which one arrow waits for', async (_, machine) => {
    const chart = chartOf(machine)
    const text = scxmlOf(chart)
    const sent = [...text.matchAll(/<send id="[^"]*" event="([^"]*)" delay/g)].map(([, event]) => event)
    const read = flat((await render(text, { inputType: 'scxml', outputType: 'json' })) as unknown as Read)
    const heard = new Set(read.flatMap(({ transitions = [] }) => transitions.map(({ event }) => event)))
    expect(sent.length).toBe(
      new Set(chart.edges.filter(({ kind }) => kind === 'after').map(({ source, label }) => `${source} ${label}`)).size,
    )
    for (const event of sent) expect(heard).toContain(event)
  })
})
