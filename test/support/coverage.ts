import { mkdirSync, writeFileSync } from 'node:fs'
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, AnyTransitionDefinition, InspectionEvent } from 'xstate'

/**
 * Which states, edges, guard outcomes and pairs of edges of which machine were taken. Fed by what running actors tell their inspectors,
 * so a test, a simulation and a live system fill the same form; the visualizer shows the file as a heat map.
 */
export interface Taken {
  readonly states: Record<string, number>
  /** By {@link edgeOf}. */
  readonly edges: Record<string, number>
  readonly guards: Record<string, { true: number; false: number }>
  /** Two edges taken one after the other by one actor: `<edge> then <edge>`. */
  readonly pairs: Record<string, number>
}

/** By machine id. */
export type Coverage = Record<string, Taken>

/** Anything that lets itself be inspected: `actor.system`. */
interface Inspectable {
  inspect(look: (event: InspectionEvent) => void): { unsubscribe(): void }
}

export interface Collector {
  /** Follows a whole system until the returned function is called, or takes one inspection event. Never throws into an actor. */
  observe(source: Inspectable | InspectionEvent): () => void
  readonly coverage: Coverage
  /** What went wrong while observing. */
  readonly faults: readonly unknown[]
}

/** Microsteps carry the transitions taken; XState does not put that in its types. */
type Microstep = Extract<InspectionEvent, { type: '@xstate.microstep' }> & { readonly _transitions: readonly AnyTransitionDefinition[] }

const nodesOf = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(nodesOf)]
const transitionsOf = (node: AnyStateNode): AnyTransitionDefinition[] => [...[...node.transitions.values()].flat(), ...(node.always ?? [])]

/** A state's name inside its machine; the root keeps the machine's own. */
export const stateOf = (node: AnyStateNode): string => node.id.replace(`${node.machine.id}.`, '')

export function guardOf({ guard }: AnyTransitionDefinition): string {
  if (guard === undefined) return ''
  return typeof guard === 'string' ? guard : ((guard as { readonly type?: string }).type ?? 'inline')
}

/** `from|event|guard|to`, in the words of the machine's header; a move without a target ends with nothing. */
export function edgeOf(transition: AnyTransitionDefinition): string {
  const delay = /^xstate\.after\.(\w+)\./.exec(transition.eventType)
  const event = delay === null ? transition.eventType : `after ${delay[1]}`
  return [stateOf(transition.source), event, guardOf(transition), (transition.target ?? []).map(stateOf).join(' ')].join('|')
}

/** All there is to be taken. */
export function inventoryOf(machine: AnyStateMachine): { readonly states: string[]; readonly edges: string[]; readonly guards: string[] } {
  const nodes = nodesOf(machine.root)
  const transitions = nodes.flatMap(transitionsOf)
  return {
    states: nodes.filter(node => node !== machine.root).map(stateOf),
    edges: [...new Set(transitions.map(edgeOf))],
    guards: [...new Set(transitions.map(guardOf).filter(name => name !== ''))],
  }
}

/** What of a machine was never taken, as lines to read. */
export function gapsOf(machine: AnyStateMachine, taken: Taken | undefined): string[] {
  const { states, edges, guards } = inventoryOf(machine)
  return [
    ...states.filter(state => !taken?.states[state]).map(state => `${machine.id}: state ${state} never entered`),
    ...edges.filter(edge => !taken?.edges[edge]).map(edge => `${machine.id}: edge ${edge} never taken`),
    ...guards.flatMap(guard =>
      (['true', 'false'] as const).filter(said => !taken?.guards[guard]?.[said]).map(said => `${machine.id}: guard ${guard} never ${said}`),
    ),
  ]
}

const count = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1
}

const matches = (descriptor: string, type: string): boolean =>
  descriptor === type || descriptor === '*' || (descriptor.endsWith('.*') && type.startsWith(descriptor.slice(0, -1)))

/** The guards asked about an event, with what they said, known from the transitions that were taken in the end. */
function judgements(before: AnyMachineSnapshot, type: string, taken: readonly AnyTransitionDefinition[]): [guard: string, said: boolean][] {
  const inward = [...(before._nodes as AnyStateNode[])].sort((a, b) => b.path.length - a.path.length)
  const found: [string, boolean][] = []
  for (const node of inward) {
    for (const [descriptor, transitions] of node.transitions) {
      if (!matches(descriptor, type)) continue
      for (const transition of transitions) {
        const isTaken = taken.includes(transition)
        if (transition.guard !== undefined) found.push([guardOf(transition), isTaken])
        if (isTaken) return found
      }
    }
  }
  return found
}

export function createCollector(): Collector {
  const coverage: Coverage = {}
  const faults: unknown[] = []
  const last = new WeakMap<object, { snapshot: AnyMachineSnapshot; edge?: string }>()
  const takenOf = (snapshot: AnyMachineSnapshot): Taken => {
    coverage[snapshot.machine.id] ??= { states: {}, edges: {}, guards: {}, pairs: {} }
    return coverage[snapshot.machine.id] as Taken
  }

  const enter = (before: AnyMachineSnapshot | undefined, snapshot: AnyMachineSnapshot): void => {
    const old = new Set<string>(((before?._nodes ?? []) as AnyStateNode[]).map(stateOf))
    const nodes = (snapshot._nodes as AnyStateNode[]).filter(node => node !== snapshot.machine.root)
    for (const node of nodes) if (!old.has(stateOf(node))) count(takenOf(snapshot).states, stateOf(node))
  }

  const step = ({ actorRef, event, snapshot, _transitions }: Microstep): void => {
    const now = snapshot as AnyMachineSnapshot
    const taken = takenOf(now)
    const { snapshot: before, edge: lastEdge } = last.get(actorRef) ?? { snapshot: now }
    enter(last.has(actorRef) ? before : undefined, now)
    for (const [guard, said] of judgements(before, event.type, _transitions)) {
      const outcomes = taken.guards[guard] ?? { true: 0, false: 0 }
      outcomes[said ? 'true' : 'false'] += 1
      taken.guards[guard] = outcomes
    }
    let edge = lastEdge
    for (const transition of _transitions) {
      const next = edgeOf(transition)
      count(taken.edges, next)
      if (edge !== undefined) count(taken.pairs, `${edge} then ${next}`)
      edge = next
    }
    last.set(actorRef, { snapshot: now, ...(edge !== undefined && { edge }) })
  }

  const take = (event: InspectionEvent): void => {
    if (event.type === '@xstate.microstep') return step(event as Microstep)
    if (event.type !== '@xstate.snapshot' || event.event.type !== 'xstate.init' || !('machine' in event.snapshot)) return
    const snapshot = event.snapshot as AnyMachineSnapshot
    enter(undefined, snapshot)
    last.set(event.actorRef, { snapshot })
  }

  // An inspector that throws kills the actor it looks at.
  const takeSafely = (event: InspectionEvent): void => {
    try {
      take(event)
    } catch (fault) {
      faults.push(fault)
    }
  }

  return {
    coverage,
    faults,
    observe: source => {
      if ('inspect' in source) {
        const { unsubscribe } = source.inspect(takeSafely)
        return unsubscribe
      }
      takeSafely(source)
      return () => {}
    },
  }
}

/** Writes `.cache/coverage/<suite>.json` and returns where. */
export function writeCoverage(suite: string, coverage: Coverage): URL {
  const file = new URL(`../../.cache/coverage/${suite}.json`, import.meta.url)
  mkdirSync(new URL('.', file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(coverage, undefined, 2)}\n`)
  return file
}

export interface TableOptions {
  readonly title: string
  /** Pairs of edges that can follow each other, by machine; without them only those taken are counted. */
  readonly pairs?: Readonly<Record<string, number>>
  readonly isColoured?: boolean
}

/** Lines for the terminal: one machine each, taken of all there is. */
export function coverageTable(machines: readonly AnyStateMachine[], coverage: Coverage, options: TableOptions): string {
  const { title, pairs, isColoured = true } = options
  const paint = (text: string, isWhole: boolean): string => (isColoured ? `\u001b[${isWhole ? 32 : 31}m${text}\u001b[0m` : text)
  const cell = (taken: number, all: number): string => paint(`${taken}/${all}`.padStart(11), taken === all)
  const row = (machine: AnyStateMachine): string => {
    const { states, edges, guards } = inventoryOf(machine)
    const taken = coverage[machine.id]
    const outcomes = guards.flatMap(guard => [taken?.guards[guard]?.true ?? 0, taken?.guards[guard]?.false ?? 0])
    const found = Object.keys(taken?.pairs ?? {}).length
    return [
      machine.id.padEnd(12),
      cell(states.filter(state => taken?.states[state]).length, states.length),
      cell(edges.filter(edge => taken?.edges[edge]).length, edges.length),
      cell(outcomes.filter(times => times > 0).length, outcomes.length),
      pairs === undefined ? `${found}`.padStart(11) : cell(found, pairs[machine.id] ?? 0),
    ].join(' ')
  }
  const head = [title.padEnd(12), ...['states', 'edges', 'guards', 'pairs'].map(name => name.padStart(11))].join(' ')
  return [head, ...machines.map(row)].join('\n')
}
