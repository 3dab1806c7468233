import { computed } from '@preact/signals'
import type { Chart } from '../../../inspect/record.ts'
import { familyOf, withAncestors } from '../chart/family.ts'
import { type Counts, degreeOf, noCounts } from '../record/heat.ts'
import { momentAt } from '../record/track.ts'
import type { Lamps } from '../view/lamps.ts'
import { chart, crowdOf, foreignHeat, isCrowd, isHot, track, trail } from './choice.ts'
import { sandbox, shownMoment } from './sandbox.ts'
import { history, now, version } from './session.ts'

/** How often each state and edge of the chosen machine was taken. */
export const countsNow = computed((): Counts => {
  version.value
  const machine = chart.value?.machine ?? ''
  return (foreignHeat.value ?? history.value.heat.counts).get(machine) ?? noCounts()
})

/** States and edges never taken, of all there are. The root is entered by being there. */
export const untaken = computed(() => {
  const { value: of } = chart
  if (of === undefined) return { states: 0, edges: 0 }
  const { states, edges } = countsNow.value
  return {
    states: of.states.filter(({ id, parent }) => parent !== undefined && !states.has(id)).length,
    edges: of.edges.filter(({ id }) => !edges.has(id)).length,
  }
})

/** How many actors are in each state, for the machine's crowd. */
function census(of: Chart, at: number): ReadonlyMap<string, number> {
  const family = familyOf(of)
  const counts = new Map<string, number>()
  for (const one of crowdOf(of.machine, at))
    for (const id of withAncestors(family, momentAt(one, at)?.active ?? [])) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

export const lampsNow = computed((): Lamps => {
  const { value: copy } = sandbox
  const of = copy?.chart ?? chart.value
  if (of === undefined) return { states: new Set(), taken: new Map(), badges: new Map() }
  const family = familyOf(of)
  const heat = isHot.value ? heatOf(of) : undefined
  if (copy !== undefined) return { states: withAncestors(family, shownMoment.value?.active ?? []), taken: copiedTrail(), badges: new Map() }
  if (isCrowd.value) {
    const counts = census(of, now.value)
    const badges = new Map([...counts].map(([id, count]) => [id, String(count)]))
    return { states: new Set(counts.keys()), taken: new Map(), badges, ...(heat !== undefined && { heat }) }
  }
  const isThere = track.value !== undefined
  return {
    states: withAncestors(family, isThere ? (shownMoment.value?.active ?? []) : []),
    taken: agesOf(trail.value.map(({ edges }) => edges)),
    badges: heat === undefined ? new Map() : timesOf(of),
    ...(heat !== undefined && { heat }),
  }
})

const copiedTrail = (): ReadonlyMap<string, number> =>
  agesOf(
    (sandbox.value?.steps ?? [])
      .slice(-4)
      .reverse()
      .map(({ edges }) => edges),
  )

/** Edge → steps ago, newest first. */
function agesOf(steps: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  const ages = new Map<string, number>()
  steps.forEach((edges, age) => {
    for (const edge of edges) if (!ages.has(edge)) ages.set(edge, age)
  })
  return ages
}

function heatOf(of: Chart): ReadonlyMap<string, number> {
  const { states, edges } = countsNow.value
  const most = (counts: ReadonlyMap<string, number>): number => Math.max(1, ...counts.values())
  const [mostStates, mostEdges] = [most(states), most(edges)]
  return new Map([
    ...of.states.map(({ id, parent }): [string, number] => [id, parent === undefined ? 1 : degreeOf(states.get(id) ?? 0, mostStates)]),
    ...of.edges.map(({ id }): [string, number] => [id, degreeOf(edges.get(id) ?? 0, mostEdges)]),
  ])
}

const timesOf = (of: Chart): ReadonlyMap<string, string> =>
  new Map(of.states.filter(({ parent }) => parent !== undefined).map(({ id }) => [id, `${countsNow.value.states.get(id) ?? 0}×`]))
