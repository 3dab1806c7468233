import type { Chart, ChartEdge } from '../../../inspect/record.ts'
import { type Family, familyOf } from './family.ts'

/** What XState sends: `xstate.after.renewMs.leadership.leader.holding`; '' for an `always`. */
export const eventTypeOf = ({ id, source }: ChartEdge): string => id.slice(source.length + 1, id.lastIndexOf('|'))

/** Whether a transition written for `descriptor` hears an event of this type: `lease.*` hears `lease.held`. */
export const hears = (descriptor: string, type: string): boolean =>
  descriptor === type ||
  (descriptor === '*' && !type.startsWith('xstate.')) ||
  (descriptor.endsWith('.*') && `${type}.`.startsWith(descriptor.slice(0, -1)))

/** All edges that start at an active state, innermost states first: the order in which XState asks them. */
export function edgesFrom(chart: Chart, active: readonly string[]): readonly ChartEdge[] {
  const family: Family = familyOf(chart)
  const states = new Set(active.filter(family.has).flatMap(id => [...family.line(id)].reverse()))
  const byDepth = [...states].sort(
    (one, other) => family.line(other).length - family.line(one).length || family.order(one) - family.order(other),
  )
  return byDepth.flatMap(family.edgesOf)
}

/** XState's own events in words: `after renewMs`, `acquire done`; others as they are. */
export function eventWords(type: string, machine = ''): string {
  if (!type.startsWith('xstate.')) return type
  const after = /^xstate\.after\.(.+)$/.exec(type)?.[1]
  if (after !== undefined) {
    const end = machine === '' ? -1 : after.indexOf(`.${machine}`)
    return `after ${end < 0 ? after : after.slice(0, end)}`
  }
  const actor = /^xstate\.(done|error|snapshot)\.actor\.(.+)$/.exec(type) ?? /^xstate\.(snapshot)\.(.+)$/.exec(type)
  if (actor === null) return type
  const words = { done: 'done', error: 'failed', snapshot: 'changed' }[actor[1] ?? '']
  return `${actor[2]} ${words}`
}
