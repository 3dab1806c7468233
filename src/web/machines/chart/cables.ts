import type { Chart, ChartEdge } from '../../../inspect/record.ts'
import { familyOf } from './family.ts'
import { grouped } from './grouped.ts'

/**
 * One drawn arrow. Edges of one kind between the same two states share it, each with its own lines on the label: a chart stays readable
 * and each edge can still be lit alone.
 */
export interface Cable {
  readonly id: string
  readonly source: string
  readonly target: string
  readonly kind: ChartEdge['kind'] | 'initial'
  readonly edges: readonly ChartEdge[]
}

/** Id of the dot an initial arrow starts from. */
export const dotOf = (id: string): string => `${id}|initial`

export function cablesOf(chart: Chart): Cable[] {
  const family = familyOf(chart)
  const ends = chart.edges.flatMap(edge => edge.targets.filter(family.has).map(target => ({ edge, target })))
  const shared = grouped(ends, ({ edge, target }) => `${edge.source}→${target}→${edge.kind}`)
  const initial = chart.states.flatMap((state): Cable[] =>
    state.type === 'compound' && state.initial !== undefined && family.has(state.initial)
      ? [{ id: dotOf(state.id), source: dotOf(state.id), target: state.initial, kind: 'initial', edges: [] }]
      : [],
  )
  return [
    ...initial,
    ...[...shared].flatMap(([id, [first, ...others]]): Cable[] =>
      first === undefined
        ? []
        : [
            {
              id,
              source: first.edge.source,
              target: first.target,
              kind: first.edge.kind,
              edges: [first, ...others].map(({ edge }) => edge),
            },
          ],
    ),
  ]
}
