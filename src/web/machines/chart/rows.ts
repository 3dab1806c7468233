import type { Chart, ChartEdge, ChartState } from '../../../inspect/record.ts'
import { familyOf } from './family.ts'

/** What is written in a state's box and on an arrow, line by line, before anybody knows where. */
export interface Row {
  readonly kind: 'title' | 'tags' | 'invoke' | 'entry' | 'exit' | 'move' | 'label' | 'actions'
  readonly text: string
  /** The edge this line speaks of, so that it can be lit. */
  readonly edge?: string
}

/** Pixels. A letter of the monospaced fonts we name is 0.6 of its size wide; DejaVu, the widest of them, 0.602. */
export const letter = { title: 7.6, small: 6.1, titleSize: 12, smallSize: 10 }
export const rowHeight = 13
export const titleHeight = 20
const wide = 34

export const widthOf = (row: Row): number => Math.ceil(row.text.length * (row.kind === 'title' ? letter.title : letter.small))
export const heightOf = (row: Row): number => (row.kind === 'title' ? titleHeight : rowHeight)

/** Breaks between words when the line grows too long; a single long word stays whole. */
function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= wide) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(lines.length === 0 ? word : `  ${word}`)
  }
  return lines
}

const rows = (kind: Row['kind'], text: string, edge?: string): Row[] =>
  wrap(text).map(line => ({ kind, text: line, ...(edge !== undefined && { edge }) }))

export const wordsOf = (edge: ChartEdge): string => (edge.guard === undefined ? edge.label : `${edge.label} [${edge.guard}]`)

/** Lines of an arrow's label. */
export const labelRows = (edge: ChartEdge): Row[] => [
  ...rows('label', wordsOf(edge), edge.id),
  ...(edge.actions.length === 0 ? [] : rows('actions', `/ ${edge.actions.join(', ')}`, edge.id)),
]

/** As in UML. */
export const historySign = ({ isDeep }: ChartState): string => (isDeep === true ? 'H*' : 'H')

/** Lines of a state's box. A move without a target stands in the box, as in UML: it goes nowhere. */
export function stateRows(chart: Chart, id: string): Row[] {
  const family = familyOf(chart)
  const state = family.state(id)
  if (state.type === 'history') return [{ kind: 'title', text: historySign(state) }]
  const edges = family.edgesOf(id)
  const inner = edges.filter(edge => edge.targets.length === 0)
  const timers = timersOf(chart, id)
  const entry = withoutTimers(state.entry, 'raise', timers)
  const exit = withoutTimers(state.exit, 'cancel', timers)
  return [
    { kind: 'title', text: state.key },
    ...(state.tags.length === 0 ? [] : rows('tags', state.tags.map(tag => `#${tag}`).join(' '))),
    ...state.invoke.flatMap(({ id: actor, src }) => rows('invoke', actor === src ? `invoke ${src}` : `invoke ${actor}: ${src}`)),
    ...(entry.length === 0 ? [] : rows('entry', `entry / ${entry.join(', ')}`)),
    ...(exit.length === 0 ? [] : rows('exit', `exit / ${exit.join(', ')}`)),
    ...inner.flatMap(edge =>
      rows('move', edge.actions.length === 0 ? `${wordsOf(edge)} (ignored)` : `${wordsOf(edge)} / ${edge.actions.join(', ')}`, edge.id),
    ),
  ]
}

/** Different delays a state waits for. */
export const timersOf = (chart: Chart, id: string): number =>
  new Set(
    familyOf(chart)
      .edgesOf(id)
      .filter(({ kind }) => kind === 'after')
      .map(({ label }) => label),
  ).size

/** XState sets and clears the timers of `after` by actions it adds at the end; the arrows already say that. */
export function withoutTimers(actions: readonly string[], name: string, timers: number): readonly string[] {
  const own = actions.length - timers
  const areTimers = own >= 0 && actions.slice(own).every(action => action.replace('xstate.', '') === name)
  return areTimers ? actions.slice(0, own) : actions
}
