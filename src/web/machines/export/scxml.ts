import type { Chart, ChartEdge, ChartState } from '../../../inspect/record.ts'
import { eventTypeOf } from '../chart/edges.ts'
import { familyOf } from '../chart/family.ts'
import { withoutTimers } from '../chart/rows.ts'

/**
 * A chart as SCXML (W3C, 1 September 2015). Guards stand in `cond`, actions as `script` lines, by name: the chart knows no more of them.
 * An `after` is what SCXML makes of it: on entry a delayed event is sent, on exit it is cancelled. The end of a state or of an actor goes
 * by the name it has there, `done.state.…` and `done.invoke.…`.
 */
export function scxmlOf(chart: Chart): string {
  const family = familyOf(chart)
  const ids = new Map(chart.states.map(({ id }) => [id, nameOf(id)]))
  const idOf = (id: string): string => ids.get(id) ?? nameOf(id)
  const names: Names = { idOf, actorOf: actorNames(chart) }

  const element = (id: string, indent: string): string[] => {
    const state = family.state(id)
    const children = family.children(id)
    const inner = `${indent}  `
    const edges = family.edgesOf(id)
    if (state.type === 'history') {
      const target = edges[0]?.targets[0] ?? family.state(state.parent ?? family.root).initial ?? family.root
      const type = state.isDeep === true ? ' type="deep"' : ''
      return [`${indent}<history id="${idOf(id)}"${type}>`, `${inner}<transition target="${idOf(target)}"/>`, `${indent}</history>`]
    }
    const name = state.type === 'final' ? 'final' : state.type === 'parallel' ? 'parallel' : 'state'
    const initial = children.length > 0 && state.initial !== undefined && name === 'state' ? ` initial="${idOf(state.initial)}"` : ''
    const delays = delaysOf(edges, names)
    const body = [
      ...entryOf(state, delays, inner),
      ...exitOf(state, delays, inner),
      ...(name === 'final'
        ? []
        : state.invoke.map(({ id: actor, src }) => `${inner}<invoke id="${names.actorOf(id, actor)}" src="${escaped(src)}"/>`)),
      ...(name === 'final' ? [] : edges.flatMap(edge => transition(edge, inner, names))),
      ...children.flatMap(child => element(child, inner)),
    ]
    return [`${indent}<${name} id="${idOf(id)}"${initial}>`, ...body, `${indent}</${name}>`]
  }

  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" datamodel="ecmascript" name="${nameOf(chart.machine)}" initial="${idOf(family.root)}">`,
    ...element(family.root, '  '),
    '</scxml>',
    '',
  ].join('\n')
}

function transition(edge: ChartEdge, indent: string, names: Names): string[] {
  const { idOf } = names
  const event = edge.kind === 'always' ? '' : ` event="${escaped(eventOf(edge, names))}"`
  const cond = edge.guard === undefined ? '' : ` cond="${escaped(edge.guard)}"`
  const target = edge.targets.length === 0 ? '' : ` target="${edge.targets.map(idOf).join(' ')}"`
  const type = edge.targets.length > 0 && !edge.reenter ? ' type="internal"' : ''
  const open = `${indent}<transition${event}${cond}${target}${type}`
  return edge.actions.length === 0
    ? [`${open}/>`]
    : [`${open}>`, ...edge.actions.map(action => script(action, `${indent}  `)), `${indent}</transition>`]
}

const script = (action: string, indent: string): string => `${indent}<script>${escaped(action)}</script>`

/** Event sent when the time is over → when that is, as an attribute. */
type Delays = ReadonlyMap<string, string>

function delaysOf(edges: readonly ChartEdge[], names: Names): Delays {
  const timed = edges.filter(({ kind }) => kind === 'after')
  return new Map(
    timed.map(edge => {
      const delay = edge.label.replace(/^after /, '')
      const ms = /^(\d+) ms$/.exec(delay)?.[1]
      return [eventOf(edge, names), ms === undefined ? `delayexpr="${escaped(delay)}"` : `delay="${ms}ms"`]
    }),
  )
}

function entryOf({ entry }: ChartState, delays: Delays, indent: string): string[] {
  const own = withoutTimers(entry, 'raise', delays.size)
  const inner = `${indent}  `
  const lines = [
    ...own.map(action => script(action, inner)),
    ...[...delays].map(([event, delay]) => `${inner}<send id="${nameOf(event)}" event="${escaped(event)}" ${delay}/>`),
  ]
  return lines.length === 0 ? [] : [`${indent}<onentry>`, ...lines, `${indent}</onentry>`]
}

function exitOf({ exit }: ChartState, delays: Delays, indent: string): string[] {
  const own = withoutTimers(exit, 'cancel', delays.size)
  const inner = `${indent}  `
  const lines = [
    ...own.map(action => script(action, inner)),
    ...[...delays.keys()].map(event => `${inner}<cancel sendid="${nameOf(event)}"/>`),
  ]
  return lines.length === 0 ? [] : [`${indent}<onexit>`, ...lines, `${indent}</onexit>`]
}

interface Names {
  /** Of a state. */
  readonly idOf: (id: string) => string
  /** Of an actor that a state invokes. */
  readonly actorOf: (state: string, actor: string) => string
}

/** An identifier stands once in a document: an actor that several states invoke goes by its state's name as well. */
function actorNames({ states }: Chart): Names['actorOf'] {
  const counts = new Map<string, number>()
  for (const name of states.flatMap(({ id, invoke }) => [id, ...invoke.map(actor => actor.id)]))
    counts.set(nameOf(name), (counts.get(nameOf(name)) ?? 0) + 1)
  return (state, actor) => ((counts.get(nameOf(actor)) ?? 0) > 1 ? nameOf(`${state}.${actor}`) : nameOf(actor))
}

/** An event as SCXML calls it. A space in a name would make two events of it. */
function eventOf(edge: ChartEdge, { idOf, actorOf }: Names): string {
  const type = eventTypeOf(edge)
  const [, whose = '', id = ''] = /^xstate\.done\.(actor|state)\.(.+)$/.exec(type) ?? []
  if (whose === '') return type.replace(/\s/g, '_')
  return whose === 'actor' ? `done.invoke.${actorOf(edge.source, id)}` : `done.state.${idOf(id)}`
}

/** An XML name: letters, digits, dots, hyphens and underscores, not beginning with a digit. */
const nameOf = (id: string): string => id.replace(/[^\w.-]/g, '_').replace(/^(?=[\d.-])/, '_')

const escaped = (text: string): string =>
  text.replace(/[<>&"]/g, letter => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[letter] ?? letter)
