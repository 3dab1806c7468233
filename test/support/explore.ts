import {
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type AnyTransitionDefinition,
  fromCallback,
  initialTransition,
  transition,
} from 'xstate'
import { edgeOf, stateOf } from './coverage.ts'

/**
 * Every state a machine can get into, breadth first, by `transition()` alone: nothing runs, no time passes. Timers are followed exactly
 * (which are set, cancelled, spent), and each of those that wait may be the next to fire: whatever the delays are, it is in here.
 */
export interface ExploreOptions {
  readonly machine: AnyStateMachine
  /** Each begins an exploration of its own. */
  readonly inputs?: readonly unknown[]
  /** All public events, with every payload that makes a difference. Each is tried in every state. */
  readonly events: readonly AnyEventObject[]
  /** Guards that are ports. */
  readonly guards?: Readonly<Record<string, (args: { context: AnyMachineSnapshot['context']; event: AnyEventObject }) => boolean>>
  /** The part of the context that later decisions read. States that differ elsewhere are one. */
  readonly reads?: (context: AnyMachineSnapshot['context']) => unknown
  readonly nodesMax?: number
}

export interface Spot {
  readonly key: string
  readonly snapshot: AnyMachineSnapshot
  /** Names of all active states, the root left out; the last is the innermost. */
  readonly states: readonly string[]
  readonly children: readonly string[]
  /** Events of the timers that wait. */
  readonly timers: readonly string[]
  /** How one gets here. */
  readonly trace: readonly string[]
}

export interface Step {
  readonly from: Spot
  readonly to: Spot
  readonly event: AnyEventObject
  /** Edges taken; none: the event is ignored here. */
  readonly edges: readonly string[]
  readonly guards: readonly { readonly name: string; readonly said: boolean }[]
  /** Types of the events told to the parent. */
  readonly told: readonly string[]
  /** Events sent to children, `child event`. */
  readonly sent: readonly string[]
  /** Children started under a name that was in use: the old one would run on, unknown. */
  readonly leaked: readonly string[]
}

export interface Exploration {
  /** The machine with inert ports, to be folded over. */
  readonly machine: AnyStateMachine
  readonly initial: readonly Spot[]
  /** What is told to the parent before any event. */
  readonly toldFirst: readonly string[]
  readonly spots: ReadonlyMap<string, Spot>
  readonly steps: readonly Step[]
}

type Action = ReturnType<typeof transition>[1][number]
interface Effects {
  timers: Set<string>
  told: string[]
  sent: string[]
  leaked: string[]
}

const keysOf = (record: object | undefined): string[] => Object.keys(record ?? {})
const record = <T>(names: readonly string[], make: (name: string, index: number) => T): Record<string, T> =>
  Object.fromEntries(names.map((name, index) => [name, make(name, index)]))

/** The machine's actions that tell its parent something, and what. */
function tellings(machine: AnyStateMachine): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, action] of Object.entries(machine.implementations.actions ?? {})) {
    const { to, event } = action as unknown as { to?: unknown; event?: { type?: string } }
    if (to === '#_parent' && typeof event?.type === 'string') found.set(name, event.type)
  }
  return found
}

/** Each delay of a machine as a number of its own, by which a timer can be recognised. */
export const delaysOf = (machine: AnyStateMachine): Record<string, number> =>
  record(keysOf(machine.implementations.delays), (_, index) => 1001 + index)

/** The same chart with ports that do nothing, and ears at its guards. `transition()` has no parent: telling it becomes a named action. */
function inert(options: ExploreOptions, heard: { name: string; said: boolean }[]): AnyStateMachine {
  const { machine, guards = {} } = options
  const { implementations } = machine
  const all = { ...implementations.guards, ...guards } as Record<string, (args: object, params: unknown) => boolean>
  const listening = record(keysOf(all), name => (args: object, params: unknown) => {
    const said = all[name]?.(args, params) === true
    heard.push({ name, said })
    return said
  })
  return machine.provide({
    actors: record(keysOf(implementations.actors), () => fromCallback(() => {})),
    delays: delaysOf(machine),
    guards: listening as never,
    actions: record([...tellings(machine).keys()], () => () => {}),
  })
}

const innermost = (snapshot: AnyMachineSnapshot): string[] =>
  (snapshot._nodes as AnyStateNode[])
    .filter(node => node !== snapshot.machine.root)
    .sort((a, b) => a.path.length - b.path.length)
    .map(stateOf)

/** What the actions of one step do to timers, parent and children. */
function effectsOf(actions: readonly Action[], before: Spot | undefined, fired: string, tells: ReadonlyMap<string, string>): Effects {
  const effects: Effects = { timers: new Set(before?.timers), told: [], sent: [], leaked: [] }
  const open = new Set(before?.children)
  effects.timers.delete(fired)
  for (const action of actions) {
    const params = action.params as Record<string, unknown> & { event?: AnyEventObject; id?: string }
    const told = tells.get(action.type)
    if (told !== undefined) effects.told.push(told)
    else if (action.type === 'xstate.raise') effects.timers.add(params.event?.type ?? '')
    else if (action.type === 'xstate.cancel') effects.timers.delete(String(params.sendId))
    else if (action.type === 'xstate.sendTo') effects.sent.push(`${(params.to as { id: string }).id} ${params.event?.type}`)
    else if (action.type === 'xstate.spawnChild') {
      const { id } = params.actorRef as { id: string }
      if (open.has(id)) effects.leaked.push(id)
      open.add(id)
    } else if (action.type === 'xstate.stopChild') open.delete((action.params as unknown as { id?: string } | undefined)?.id ?? '')
  }
  return effects
}

export function explore(options: ExploreOptions): Exploration {
  const { inputs = [undefined], events, reads = () => null, nodesMax = 3000 } = options
  const tells = tellings(options.machine)
  const heard: { name: string; said: boolean }[] = []
  const machine = inert(options, heard)
  const spots = new Map<string, Spot>()
  const steps: Step[] = []

  const spotOf = (snapshot: AnyMachineSnapshot, timers: ReadonlySet<string>, trace: readonly string[]): Spot => {
    if (snapshot.status === 'error') throw snapshot.error
    const parts = { timers: [...timers].sort(), children: Object.keys(snapshot.children).sort() }
    const key = JSON.stringify([snapshot.value, reads(snapshot.context), parts])
    const known = spots.get(key)
    if (known !== undefined) return known
    const spot = { key, snapshot, states: innermost(snapshot), trace, ...parts }
    spots.set(key, spot)
    if (spots.size > nodesMax) throw new Error(`${machine.id}: more than ${nodesMax} states; the last by ${trace.join(', ')}`)
    return spot
  }

  const step = (from: Spot, event: AnyEventObject): Step => {
    const selected = machine.getTransitionData(from.snapshot, event) as AnyTransitionDefinition[]
    heard.length = 0
    const [snapshot, actions] = transition(machine, from.snapshot, event)
    const { timers, ...rest } = effectsOf(actions, from, event.type, tells)
    const to = spotOf(snapshot, timers, [...from.trace, event.type])
    return { from, to, event, edges: selected.map(edgeOf), guards: [...heard], ...rest }
  }

  const toldFirst: string[] = []
  const initial = inputs.map(input => {
    const [snapshot, actions] = initialTransition(machine, input)
    const { timers, told } = effectsOf(actions, undefined, '', tells)
    toldFirst.push(...told)
    return spotOf(snapshot, timers, [])
  })
  // A Map goes on to what is added to it meanwhile.
  for (const spot of spots.values()) {
    if (spot.snapshot.status !== 'active') continue
    for (const event of [...events, ...spot.timers.map(type => ({ type }))]) steps.push(step(spot, event))
  }
  return { machine, initial, toldFirst, spots, steps }
}

function grouped(steps: readonly Step[], by: (step: Step) => Spot): Map<Spot, Step[]> {
  const groups = new Map<Spot, Step[]>()
  for (const step of steps) {
    const group = groups.get(by(step))
    if (group === undefined) groups.set(by(step), [step])
    else group.push(step)
  }
  return groups
}

interface Place {
  readonly spot: Spot
  /** The edge taken last. */
  readonly last: string
}

const pairOf = (last: string, { edges }: Step): string => `${last} then ${edges.join(' ')}`
const placeAfter = (place: Place, step: Step): Place => ({ spot: step.to, last: step.edges.length > 0 ? step.edges.join(' ') : place.last })

/** Few long walks that together take every step on which something happens, and every pair of edges. Each starts at an initial state. */
export function tour({ initial, steps }: Exploration): readonly (readonly Step[])[] {
  const useful = steps.filter(({ edges, from, to }) => edges.length > 0 || from !== to)
  const out = grouped(useful, step => step.from)
  const done = { steps: new Set<Step>(), pairs: new Set<string>() }
  const walks: Step[][] = []
  for (const spot of initial) {
    const start: Place = { spot, last: '' }
    for (let way = wayTo(out, done, start); way.length > 0; way = wayTo(out, done, start)) {
      const walk: Step[] = []
      let place = start
      for (let next = way; next.length > 0; next = wayTo(out, done, place)) {
        for (const step of next) {
          walk.push(step)
          done.steps.add(step)
          done.pairs.add(pairOf(place.last, step))
          place = placeAfter(place, step)
        }
      }
      walks.push(walk)
    }
  }
  return walks
}

/** The shortest way whose last step is new, or makes a new pair. */
function wayTo(out: ReadonlyMap<Spot, readonly Step[]>, done: { steps: Set<Step>; pairs: Set<string> }, start: Place): Step[] {
  const nameOf = ({ spot, last }: Place): string => `${spot.key} ${last}`
  const cameBy = new Map<string, { place: Place; before?: string; step?: Step }>([[nameOf(start), { place: start }]])
  for (const [name, { place }] of cameBy) {
    for (const step of out.get(place.spot) ?? []) {
      if (!done.steps.has(step) || (step.edges.length > 0 && place.last !== '' && !done.pairs.has(pairOf(place.last, step))))
        return [...backTo(cameBy, name), step]
      const next = placeAfter(place, step)
      if (!cameBy.has(nameOf(next))) cameBy.set(nameOf(next), { place: next, before: name, step })
    }
  }
  return []
}

function backTo(cameBy: ReadonlyMap<string, { before?: string; step?: Step }>, end: string): Step[] {
  const way: Step[] = []
  for (let at = cameBy.get(end); at?.step !== undefined; at = cameBy.get(at.before ?? '')) way.unshift(at.step)
  return way
}

/** States from which no way of the allowed steps leads to a good one, each by a way that gets there. */
export function stuck({ spots, steps }: Exploration, isGood: (spot: Spot) => boolean, isAllowed: (step: Step) => boolean): string[] {
  const good = new Set([...spots.values()].filter(isGood))
  const into = grouped(steps.filter(isAllowed), step => step.to)
  for (const spot of good) for (const step of into.get(spot) ?? []) good.add(step.from)
  return [...spots.values()].filter(spot => !good.has(spot)).map(spot => `${spot.states.at(-1)} by ${spot.trace.join(', ')}`)
}

/** Per innermost state the public events on which nothing ever happens there. */
export function silences({ spots, steps }: Exploration): Record<string, string[]> {
  const silent: Record<string, Set<string>> = {}
  const isPublic = (step: Step): boolean => !step.event.type.startsWith('xstate.')
  for (const spot of spots.values()) if (spot.snapshot.status === 'active') silent[spot.states.at(-1) ?? ''] = new Set()
  for (const step of steps) if (isPublic(step)) silent[step.from.states.at(-1) ?? '']?.add(step.event.type)
  for (const step of steps) if (step.edges.length > 0) silent[step.from.states.at(-1) ?? '']?.delete(step.event.type)
  return Object.fromEntries(Object.entries(silent).map(([state, types]) => [state, [...types].sort()]))
}

/** The pairs of edges that can follow each other. */
export function pairsOf({ spots, steps }: Exploration): Set<string> {
  const taken = steps.filter(({ edges }) => edges.length > 0)
  const arriving = new Map<Spot, Set<string>>([...spots.values()].map(spot => [spot, new Set<string>()]))
  for (const step of taken) arriving.get(step.to)?.add(step.edges.join(' '))
  // Steps without an edge can change the state too: a timer is spent. What arrived before them still came last.
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false
    for (const step of steps) {
      if (step.edges.length > 0 || step.from === step.to) continue
      for (const edge of arriving.get(step.from) ?? []) {
        if (arriving.get(step.to)?.has(edge) === true) continue
        arriving.get(step.to)?.add(edge)
        isGrowing = true
      }
    }
  }
  return new Set(taken.flatMap(step => [...(arriving.get(step.from) ?? [])].map(edge => `${edge} then ${step.edges.join(' ')}`)))
}
