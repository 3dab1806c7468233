import type { Chart, ChartEdge, ChartState } from '../../../inspect/record.ts'
import { grouped } from './grouped.ts'

/** Who is whose parent in a chart, asked for often. */
export interface Family {
  readonly root: string
  readonly has: (id: string) => boolean
  readonly state: (id: string) => ChartState
  readonly edge: (id: string) => ChartEdge | undefined
  readonly children: (id: string) => readonly string[]
  readonly edgesOf: (id: string) => readonly ChartEdge[]
  /** From the root down to the state itself. */
  readonly line: (id: string) => readonly string[]
  /** Document order. */
  readonly order: (id: string) => number
}

const families = new WeakMap<Chart, Family>()

/** Made once per chart. A chart with a state whose parent is missing is read as if that state were a child of the root. */
export function familyOf(chart: Chart): Family {
  const known = families.get(chart)
  if (known !== undefined) return known
  const made = makeFamily(chart)
  families.set(chart, made)
  return made
}

function makeFamily(chart: Chart): Family {
  const [first] = chart.states
  if (first === undefined) throw new Error(`the chart ${chart.machine} has no state`)
  const states = new Map(chart.states.map(state => [state.id, state]))
  const order = new Map(chart.states.map((state, at) => [state.id, at]))
  const edges = new Map(chart.edges.map(edge => [edge.id, edge]))
  const parentOf = (state: ChartState): string | undefined =>
    state.id === first.id ? undefined : state.parent !== undefined && states.has(state.parent) ? state.parent : first.id
  const children = grouped(chart.states, parentOf)
  const outgoing = grouped(chart.edges, ({ source }) => source)
  const line = (id: string): readonly string[] => {
    const found: string[] = []
    let at = states.get(id)
    while (at !== undefined && !found.includes(at.id)) {
      found.unshift(at.id)
      at = states.get(parentOf(at) ?? '')
    }
    return found
  }
  const lines = new Map<string, readonly string[]>()
  return {
    root: first.id,
    has: id => states.has(id),
    state: id => states.get(id) ?? first,
    edge: id => edges.get(id),
    children: id => (children.get(id) ?? []).map(state => state.id),
    edgesOf: id => outgoing.get(id) ?? [],
    line: id => {
      const known = lines.get(id) ?? line(id)
      lines.set(id, known)
      return known
    },
    order: id => order.get(id) ?? 0,
  }
}

/** Lowest state around both; one of the two when it is around the other. */
export function commonAncestor(family: Family, one: string, other: string): string {
  const line = family.line(other)
  return family.line(one).findLast(id => line.includes(id)) ?? family.root
}

/** The active states with all around them: what is lit. */
export function withAncestors(family: Family, active: readonly string[]): ReadonlySet<string> {
  return new Set(active.filter(family.has).flatMap(family.line))
}
