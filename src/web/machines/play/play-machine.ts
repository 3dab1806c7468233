import { type AnyMachineSnapshot, type AnyStateMachine, initialTransition, transition } from 'xstate'
import { decidingOnly } from '../../../inspect/deciding.ts'
import type { Chart, ChartEdge, Moment } from '../../../inspect/record.ts'
import { edgesFrom } from '../chart/edges.ts'
import type { Play, PlayEvent, Possibility, Verdict } from './play.ts'
import type { Answers } from './walk.ts'

/**
 * By the machine itself, which is pure: what its context decides is decided by its context. What only a running system knows (guards that
 * are ports) is answered by hand; timers never end by themselves, and what would be sent to others is sent nowhere.
 */
export function playMachine(machine: AnyStateMachine, chart: Chart, input: unknown): Play {
  const verdictOf = (logic: AnyStateMachine, snapshot: AnyMachineSnapshot, edge: ChartEdge, event: PlayEvent): Verdict => {
    if (!isOpen(logic, snapshot, edge, event)) return 'closed'
    return taken(logic, snapshot, event).includes(edge.id) ? 'open' : 'covered'
  }
  return {
    start: () => momentOf(initialTransition(detached(machine, new Map()), input)[0]),
    possibilities: (moment, answers, eventFor) => {
      const logic = detached(machine, answers)
      const snapshot = restored(logic, moment)
      return edgesFrom(chart, moment.active).map(
        (edge): Possibility => ({
          edge,
          isAsked: edge.guard !== undefined && isPort(machine, snapshot, edge.guard, eventFor(edge)),
          verdict: verdictOf(logic, snapshot, edge, eventFor(edge)),
        }),
      )
    },
    send: (moment, event, answers) => {
      const logic = detached(machine, answers)
      const snapshot = restored(logic, moment)
      const edges = taken(logic, snapshot, event)
      return { moment: momentOf(transition(logic, snapshot, event)[0]), edges }
    },
  }
}

const endless = 2 ** 31 - 1

type Guard = (args: { context: unknown; event: unknown }, params: unknown) => boolean
type Implementations = {
  readonly actions: Readonly<Record<string, unknown>>
  readonly delays: Readonly<Record<string, unknown>>
  readonly guards: Readonly<Record<string, Guard>>
}

const implementationsOf = (machine: AnyStateMachine): Implementations => machine.implementations as unknown as Implementations

/** The machine without a world: no timer ends, no message leaves, and a guard that is a port says what was answered, else no. */
function detached(machine: AnyStateMachine, answers: Answers): AnyStateMachine {
  const { actions, delays, guards } = implementationsOf(machine)
  const answered = (name: string, guard: Guard): Guard => {
    return (args, params) => answers.get(name) ?? attempt(guard, args, params) ?? false
  }
  return machine.provide({
    delays: Object.fromEntries(Object.keys(delays).map(name => [name, endless])),
    actions: Object.fromEntries(Object.entries(actions).map(([name, action]) => [name, decidingOnly(action)])),
    guards: Object.fromEntries(Object.entries(guards).map(([name, guard]) => [name, answered(name, guard)])),
  } as never)
}

/** Undefined: it needs what only a running system has. */
function attempt(guard: Guard, args: Parameters<Guard>[0], params: unknown): boolean | undefined {
  try {
    return guard(args, params)
  } catch {
    return undefined
  }
}

function isPort(machine: AnyStateMachine, { context }: AnyMachineSnapshot, name: string, event: PlayEvent): boolean {
  const guard = implementationsOf(machine).guards[name]
  return guard !== undefined && attempt(guard, { context, event }, undefined) === undefined
}

function isOpen(logic: AnyStateMachine, { context }: AnyMachineSnapshot, { guard: name }: ChartEdge, event: PlayEvent): boolean {
  if (name === undefined) return true
  const guard = implementationsOf(logic).guards[name]
  return guard !== undefined && attempt(guard, { context, event }, undefined) === true
}

/** Ids of the edges this event takes first. */
function taken(logic: AnyStateMachine, snapshot: AnyMachineSnapshot, event: PlayEvent): string[] {
  return (logic.getTransitionData(snapshot, event) ?? []).map(one => {
    const index = one.source.transitions.get(one.eventType)?.indexOf(one) ?? 0
    return `${one.source.id}|${one.eventType}|${index}`
  })
}

const restored = (logic: AnyStateMachine, { value, context, active }: Moment): AnyMachineSnapshot =>
  logic.resolveState({ value: (value ?? valueFrom(logic, active)) as never, context }) as AnyMachineSnapshot

/** The value of the deepest states named, for records that leave it out. */
function valueFrom(logic: AnyStateMachine, [leaf = '']: readonly string[]): unknown {
  const path = leaf.slice(logic.id.length + 1).split('.')
  return path.reduceRight<unknown>((inner, key) => (inner === undefined ? key : { [key]: inner }), undefined)
}

function momentOf(snapshot: unknown): Moment {
  const { value, status, context, _nodes } = snapshot as AnyMachineSnapshot
  const active = _nodes.filter(({ type }) => type === 'atomic' || type === 'final').map(({ id }) => id)
  return { active, value, status, context }
}
