import type { Chart, ChartEdge } from '../../../inspect/record.ts'
import { familyOf } from '../chart/family.ts'
import { historySign, timersOf, withoutTimers, wordsOf } from '../chart/rows.ts'

/**
 * A chart as a Mermaid state diagram. What Mermaid has no sign for becomes text: entry, exit and invoke are notes of their state, a move
 * without a target is a note too. Names are numbered, because Mermaid takes neither dots nor hyphens in them.
 */
export function mermaidOf(chart: Chart): string {
  const family = familyOf(chart)
  const names = new Map(chart.states.map(({ id }, at) => [id, `s${at}`]))
  const nameOf = (id: string): string => names.get(id) ?? 'unknown'
  const notes: string[] = []

  const block = (id: string, indent: string): string[] => {
    const state = family.state(id)
    const children = family.children(id)
    const inner = `${indent}  `
    const text = [
      ...state.invoke.map(({ src }) => `invoke ${src}`),
      ...withoutTimers(state.entry, 'raise', timersOf(chart, id)).map(action => `entry / ${action}`),
      ...withoutTimers(state.exit, 'cancel', timersOf(chart, id)).map(action => `exit / ${action}`),
      ...family
        .edgesOf(id)
        .filter(({ targets }) => targets.length === 0)
        .map(edge => `${wordsOf(edge)} / ${edge.actions.join(', ')}`),
    ]
    if (text.length > 0) notes.push(`  note right of ${nameOf(id)}`, ...text.map(line => `    ${plain(line)}`), '  end note')
    const title = state.type === 'history' ? historySign(state) : state.key
    const ending = state.type === 'final' ? [`${indent}${nameOf(id)} --> [*]`] : []
    if (children.length === 0) return [`${indent}state "${plain(title)}" as ${nameOf(id)}`, ...ending]
    const parts = children.flatMap((child, at) => [...(state.type === 'parallel' && at > 0 ? [`${inner}--`] : []), ...block(child, inner)])
    const initial = state.type === 'compound' && state.initial !== undefined ? [`${inner}[*] --> ${nameOf(state.initial)}`] : []
    return [`${indent}state "${plain(title)}" as ${nameOf(id)}`, `${indent}state ${nameOf(id)} {`, ...initial, ...parts, `${indent}}`]
  }

  const arrow = (edge: ChartEdge): string[] =>
    edge.targets.map(target => {
      const actions = edge.actions.length === 0 ? '' : ` / ${edge.actions.join(', ')}`
      return `  ${nameOf(edge.source)} --> ${nameOf(target)}: ${plain(`${wordsOf(edge)}${actions}`)}`
    })

  return ['stateDiagram-v2', ...block(family.root, '  '), ...chart.edges.flatMap(arrow), ...notes, ''].join('\n')
}

/** Characters that end a text or begin something else in Mermaid, as its own entity codes. */
const plain = (text: string): string => text.replace(/["#;:{}<>]/g, letter => `#${letter.charCodeAt(0)};`)
