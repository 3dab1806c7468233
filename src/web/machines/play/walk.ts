import type { Chart, ChartEdge } from '../../../inspect/record.ts'
import { edgesFrom, eventTypeOf, hears } from '../chart/edges.ts'
import { commonAncestor, type Family, familyOf } from '../chart/family.ts'

/**
 * Moves through a chart of which we have the picture and not the code: every guard is answered by hand, no action runs. Enough to see
 * where an event leads. History states lead to their default, because nobody remembers.
 */
export interface Walked {
  readonly active: readonly string[]
  readonly edges: readonly string[]
}

export type Answers = ReadonlyMap<string, boolean>

const stepsMax = 100

/** The states active at the beginning. */
export function initialOf(chart: Chart, answers: Answers): Walked {
  const family = familyOf(chart)
  return settle(chart, leaves(family, family.root, []), answers)
}

/** What the event does; no edges: it is ignored. An `always` is asked after any event, as XState does. */
export function walk(chart: Chart, active: readonly string[], type: string, answers: Answers): Walked {
  const taken = chosen(chart, active, edge => edge.kind !== 'always' && hears(eventTypeOf(edge), type), answers)
  const moved = taken.reduce((now, edge) => move(chart, now, edge), active)
  const rest = settle(chart, moved, answers)
  return { active: rest.active, edges: [...taken.map(({ id }) => id), ...rest.edges] }
}

/** One edge per parallel region: the innermost whose guard says yes; an inner one wins over those of the states around it. */
export function chosen(chart: Chart, active: readonly string[], isMeant: (edge: ChartEdge) => boolean, answers: Answers): ChartEdge[] {
  const taken: ChartEdge[] = []
  for (const leaf of active) {
    const edge = edgesFrom(chart, [leaf]).find(one => isMeant(one) && (one.guard === undefined || answers.get(one.guard) === true))
    if (edge !== undefined && !taken.includes(edge)) taken.push(edge)
  }
  const family = familyOf(chart)
  return taken.filter(edge => !taken.some(other => other !== edge && family.line(other.source).slice(0, -1).includes(edge.source)))
}

/** Takes `always` and `done` edges until nothing moves. */
function settle(chart: Chart, from: readonly string[], answers: Answers): Walked {
  let active = from
  const edges: string[] = []
  for (let step = 0; step < stepsMax; step += 1) {
    const [edge] = chosen(chart, active, one => one.kind === 'always' || isDone(chart, active, one), answers)
    if (edge === undefined) break
    active = move(chart, active, edge)
    edges.push(edge.id)
  }
  return { active, edges }
}

/** Whether the state this edge waits for has reached its end. */
function isDone(chart: Chart, active: readonly string[], edge: ChartEdge): boolean {
  const type = eventTypeOf(edge)
  if (!type.startsWith('xstate.done.state.')) return false
  const family = familyOf(chart)
  const over = type.slice('xstate.done.state.'.length)
  const isOver = (id: string): boolean =>
    family.state(id).type === 'parallel'
      ? family.children(id).every(isOver)
      : family.children(id).some(child => family.state(child).type === 'final' && active.includes(child))
  return family.has(over) && isOver(over)
}

export function move(chart: Chart, active: readonly string[], edge: ChartEdge): readonly string[] {
  const family = familyOf(chart)
  const targets = edge.targets.filter(family.has)
  if (targets.length === 0) return active
  const around = domainOf(family, edge, targets)
  const kept = active.filter(leaf => !family.line(leaf).includes(around))
  const entered = leaves(family, around, targets)
  return [...new Set([...kept, ...entered])].sort((one, other) => family.order(one) - family.order(other))
}

/** The state inside which everything is left and entered again. */
function domainOf(family: Family, { source, reenter }: ChartEdge, targets: readonly string[]): string {
  const areInside = targets.every(target => family.line(target).includes(source))
  if (areInside && !reenter) return source
  const around = targets.reduce((found, target) => commonAncestor(family, found, target), source)
  return around === source || targets.includes(around) ? (family.line(around).at(-2) ?? around) : around
}

/** The leaf states entered in `id` on the way to the targets; where no target shows the way, the initial state is. */
function leaves(family: Family, id: string, targets: readonly string[]): readonly string[] {
  const { type, initial } = family.state(id)
  const children = family.children(id)
  const leads = (child: string): boolean => targets.some(target => family.line(target).includes(child))
  if (type === 'history') {
    const [fallback] = family.edgesOf(id).flatMap(edge => edge.targets)
    const around = family.line(id).at(-2) ?? family.root
    return fallback === undefined ? leaves(family, around, []) : leaves(family, around, [fallback])
  }
  if (children.length === 0) return [id]
  if (type === 'parallel')
    return children.filter(child => family.state(child).type !== 'history').flatMap(child => leaves(family, child, targets))
  const next = children.find(leads) ?? initial ?? children[0]
  return next === undefined ? [id] : leaves(family, next, targets)
}
