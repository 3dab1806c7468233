import type { Chart, StepRecord } from '../../../inspect/record.ts'
import { familyOf, withAncestors } from '../chart/family.ts'

/** How often each state was entered and each edge taken, by id. */
export interface Counts {
  readonly states: Map<string, number>
  readonly edges: Map<string, number>
}

export interface Heat {
  /** By machine. */
  readonly counts: Map<string, Counts>
  /** Counts one step that found these leaf states active. */
  count(chart: Chart, before: readonly string[], step: Pick<StepRecord, 'edges' | 'moment'>): void
}

export const noCounts = (): Counts => ({ states: new Map(), edges: new Map() })

const more = (counts: Map<string, number>, id: string, times = 1): void => void counts.set(id, (counts.get(id) ?? 0) + times)

export function createHeat(): Heat {
  const counts = new Map<string, Counts>()
  return {
    counts,
    count: (chart, before, { edges, moment }) => {
      const found = counts.get(chart.machine) ?? noCounts()
      counts.set(chart.machine, found)
      for (const edge of edges) more(found.edges, edge)
      if (edges.length === 0) return
      const family = familyOf(chart)
      const old = withAncestors(family, before)
      for (const id of withAncestors(family, moment.active)) if (!old.has(id)) more(found.states, id)
    },
  }
}

/** A coverage file, by machine; undefined: it is none. */
export type CoverageFile = Readonly<
  Record<string, { readonly states: Readonly<Record<string, number>>; readonly edges: Readonly<Record<string, number>> }>
>

export function readCoverage(text: string): CoverageFile | undefined {
  try {
    const file: unknown = JSON.parse(text)
    if (typeof file !== 'object' || file === null || Array.isArray(file)) return undefined
    const machines = Object.values(file)
    const isCoverage = machines.length > 0 && machines.every(one => typeof one?.states === 'object' && typeof one?.edges === 'object')
    return isCoverage ? (file as CoverageFile) : undefined
  } catch {
    return undefined
  }
}

/** The counts of a file under the ids of a chart. What the chart does not have is left out: the file is of another version. */
export function countsFromCoverage(chart: Chart, file: CoverageFile, edgeIdOf: (chart: Chart, name: string) => string | undefined): Counts {
  const counts = noCounts()
  const taken = file[chart.machine]
  for (const [name, times] of Object.entries(taken?.states ?? {})) more(counts.states, `${chart.machine}.${name}`, times)
  for (const [name, times] of Object.entries(taken?.edges ?? {})) {
    const id = edgeIdOf(chart, name)
    if (id !== undefined) more(counts.edges, id, times)
  }
  return counts
}

/** 0: never; 1 to 5 by the logarithm, 5 being the most frequent. */
export function degreeOf(times: number, most: number): number {
  if (times === 0) return 0
  return most <= 1 ? 5 : 1 + Math.round((4 * Math.log(times)) / Math.log(most))
}
