import type { Chart, ChartEdge, ChartState } from '../../../inspect/record.ts'
import { eventTypeOf } from '../chart/edges.ts'
import { familyOf } from '../chart/family.ts'
import { withoutTimers } from '../chart/rows.ts'

/**
 * A chart as SCXML (W3C, 1 September 2015). Guards stand in `cond`, actions as `script` lines, by name: the chart knows no more of them.
 * An `after` is what SCXML makes of it: on entry a delayed event is sent, on exit it is cancelled.
 */
export function scxmlOf(chart: Chart): string {
  const family = familyOf(chart)
  const ids = new Map(chart.states.map(({ id }) => [id, nameOf(id)]))
  const idOf = (id: string): string => ids.get(id) ?? nameOf(id)

  const element = (id: string, indent: string): string[] => {
    const state = family.state(id)
    const children = family.children(id)
    const inner = `${indent}  `
    const edges = family.edgesOf(id)
    if (state.type === 'history') {
      const target = edges[0]?.targets[0] ?? family.state(state.parent ?? family.root).initial ?? family.root
      return [`${indent}<history id="${idOf(id)}">`, `${inner}<transition target="${idOf(target)}"/>`, `${indent}</history>`]
    }
    const name = state.type === 'final' ? 'final' : state.type === 'parallel' ? 'parallel' : 'state'
    const initial = children.length > 0 && state.initial !== undefined && name === 'state' ? ` initial="${idOf(state.initial)}"` : ''
    const delays = [...new Set(edges.filter(({ kind }) => kind === 'after').map(eventTypeOf))]
    const body = [
      ...entryOf(state, delays, inner),
      ...exitOf(state, delays, inner),
      ...(name === 'final'
        ? []
        : state.invoke.map(({ id: actor, src }) => `${inner}<invoke id="${escaped(actor)}" src="${escaped(src)}"/>`)),
      ...(name === 'final' ? [] : edges.flatMap(edge => transition(edge, inner, idOf))),
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

function transition(edge: ChartEdge, indent: string, idOf: (id: string) => string): string[] {
  const event = edge.kind === 'always' ? '' : ` event="${escaped(eventTypeOf(edge))}"`
  const cond = edge.guard === undefined ? '' : ` cond="${escaped(edge.guard)}"`
  const target = edge.targets.length === 0 ? '' : ` target="${edge.targets.map(idOf).join(' ')}"`
  const type = edge.targets.length > 0 && !edge.reenter ? ' type="internal"' : ''
  const open = `${indent}<transition${event}${cond}${target}${type}`
  return edge.actions.length === 0
    ? [`${open}/>`]
    : [`${open}>`, ...edge.actions.map(action => script(action, `${indent}  `)), `${indent}</transition>`]
}

const script = (action: string, indent: string): string => `${indent}<script>${escaped(action)}</script>`

function entryOf({ entry }: ChartState, delays: readonly string[], indent: string): string[] {
  const own = withoutTimers(entry, 'raise', delays.length)
  const inner = `${indent}  `
  const lines = [
    ...own.map(action => script(action, inner)),
    ...delays.map(type => `${inner}<send id="${escaped(type)}" event="${escaped(type)}" delayexpr="${escaped(delayOf(type))}"/>`),
  ]
  return lines.length === 0 ? [] : [`${indent}<onentry>`, ...lines, `${indent}</onentry>`]
}

function exitOf({ exit }: ChartState, delays: readonly string[], indent: string): string[] {
  const own = withoutTimers(exit, 'cancel', delays.length)
  const inner = `${indent}  `
  const lines = [...own.map(action => script(action, inner)), ...delays.map(type => `${inner}<cancel sendid="${escaped(type)}"/>`)]
  return lines.length === 0 ? [] : [`${indent}<onexit>`, ...lines, `${indent}</onexit>`]
}

const delayOf = (type: string): string => type.split('.')[2] ?? '0'

/** An XML name: letters, digits, dots, hyphens and underscores, not beginning with a digit. */
const nameOf = (id: string): string => id.replace(/[^\w.-]/g, '_').replace(/^(?=[\d.-])/, '_')

const escaped = (text: string): string =>
  text.replace(/[<>&"]/g, letter => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[letter] ?? letter)
