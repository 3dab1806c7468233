import type { Chart, ChartEdge, Moment } from '../../../inspect/record.ts'
import { edgesFrom, eventTypeOf, hears } from '../chart/edges.ts'
import { type Answers, chosen, initialOf, walk } from './walk.ts'

/** `open`: would be taken now. `closed`: its guard says no. `covered`: an edge asked before it is taken instead. */
export type Verdict = 'open' | 'closed' | 'covered'

export interface Possibility {
  readonly edge: ChartEdge
  readonly verdict: Verdict
  /** Whether the guard's answer is given by hand, because only a running system knows it. */
  readonly isAsked: boolean
}

export type PlayEvent = { readonly type: string; readonly [field: string]: unknown }

/** Where one can try what an actor would do, away from the actor. */
export interface Play {
  /** Before anything happened. */
  start(): Moment
  possibilities(moment: Moment, answers: Answers, eventFor: (edge: ChartEdge) => PlayEvent): readonly Possibility[]
  /** @throws what the machine throws. */
  send(moment: Moment, event: PlayEvent, answers: Answers): { readonly moment: Moment; readonly edges: readonly string[] }
}

/** By the chart alone; guards are answered by hand, the context never changes. */
export function playChart(chart: Chart): Play {
  return {
    start: () => ({ active: initialOf(chart, new Map()).active, status: 'active' }),
    possibilities: ({ active }, answers, eventFor) =>
      edgesFrom(chart, active).map(edge => ({
        edge,
        isAsked: edge.guard !== undefined,
        verdict: verdictOf(chart, active, edge, answers, eventFor(edge).type),
      })),
    send: (moment, { type }, answers) => {
      const { active, edges } = walk(chart, moment.active, type, answers)
      const { value: _, ...rest } = moment
      return { moment: { ...rest, active }, edges }
    },
  }
}

function verdictOf(chart: Chart, active: readonly string[], edge: ChartEdge, answers: Answers, type: string): Verdict {
  if (edge.guard !== undefined && answers.get(edge.guard) !== true) return 'closed'
  const isMeant = (one: ChartEdge): boolean =>
    edge.kind === 'always' ? one.kind === 'always' : one.kind !== 'always' && hears(eventTypeOf(one), type)
  return chosen(chart, active, isMeant, answers).includes(edge) ? 'open' : 'covered'
}
