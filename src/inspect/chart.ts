import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, AnyTransitionDefinition, InspectionEvent } from 'xstate'
import { actionName, guardText } from './names.ts'
import type { Chart, ChartEdge, ChartState } from './record.ts'

/**
 * Any XState 5 machine as a picture needs it, and what a running one took of it, under the same names.
 *
 * A machine is read through the nodes XState makes of it, not through its configuration: there each target is resolved, each shorthand
 * written out, and the transition a microstep reports is the very object found here.
 */

/** A microstep carries the transitions taken; XState does not put that in its types. */
export type Microstep = Extract<InspectionEvent, { type: '@xstate.microstep' }> & {
  readonly _transitions?: readonly AnyTransitionDefinition[]
}

const charts = new WeakMap<object, Chart>()
/** By its object, which lives as long as its machine: a step costs one look-up per edge. */
const idOfTransition = new WeakMap<object, string>()

/** Throws for nothing that XState itself takes. The same chart object for the same machine object. */
export function chartOf(machine: AnyStateMachine): Chart {
  const known = charts.get(machine.root)
  if (known !== undefined) return known
  const nodes = nodesOf(machine.root)
  const states = nodes.map(stateOf)
  const edges = nodes.flatMap(node => [...transitionsOf(node).map(edgeOf), ...fallbackOf(node)])
  const chart: Chart = { machine: machine.id, hash: hashOf(JSON.stringify([machine.id, states, edges])), states, edges }
  charts.set(machine.root, chart)
  return chart
}

/** The edges of one microstep in the order taken. What enters an initial state is no edge. */
export function edgesOf({ _transitions: taken = [] }: Microstep): string[] {
  const ids: string[] = []
  for (const transition of taken) {
    const id = idOf(transition)
    if (id !== undefined) ids.push(id)
  }
  return ids
}

/** The active states that have no active state inside. */
export function activeOf(snapshot: AnyMachineSnapshot): string[] {
  return (snapshot._nodes as AnyStateNode[])
    .filter(node => node.type === 'atomic' || node.type === 'final')
    .sort((a, b) => a.order - b.order)
    .map(node => node.id)
}

/** Which states are active. The same object for the same states of the same machine, so that it is made and written once. */
export interface Standing {
  /** Ids of the leaves. */
  readonly active: readonly string[]
  readonly value: unknown
  /** Both as fields of a JSON object. */
  readonly json: string
}

const standings = new WeakMap<object, Map<string, Standing>>()
/** A machine of many parallel regions has more combinations than it pays to keep. */
const standingsMax = 500

export function standingOf(snapshot: AnyMachineSnapshot): Standing {
  const { machine, value } = snapshot
  let key = ''
  for (const node of snapshot._nodes as AnyStateNode[]) key += String.fromCharCode(node.order)
  const ofMachine = standings.get(machine) ?? new Map<string, Standing>()
  const known = ofMachine.get(key)
  if (known !== undefined) return known
  if (ofMachine.size >= standingsMax) ofMachine.clear()
  standings.set(machine, ofMachine)
  const active = activeOf(snapshot)
  const standing = { active, value, json: `"active":${JSON.stringify(active)},"value":${JSON.stringify(value)}` }
  ofMachine.set(key, standing)
  return standing
}

const nodesOf = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(nodesOf)]

/** In the order XState asks them: what has a name, then `always`. */
const transitionsOf = (node: AnyStateNode): AnyTransitionDefinition[] => [...[...node.transitions.values()].flat(), ...(node.always ?? [])]

function idOf(transition: AnyTransitionDefinition): string | undefined {
  const known = idOfTransition.get(transition)
  if (known !== undefined) return known
  const { source, eventType } = transition
  const index = (source.always?.includes(transition) ? source.always : source.transitions.get(eventType))?.indexOf(transition) ?? -1
  if (index < 0) return undefined
  const id = `${source.id}|${eventType}|${index}`
  idOfTransition.set(transition, id)
  return id
}

function stateOf(node: AnyStateNode): ChartState {
  const initial = node.type === 'compound' ? node.initial?.target[0]?.id : undefined
  return {
    id: node.id,
    key: node.key,
    ...(node.parent !== undefined && { parent: node.parent.id }),
    type: node.type,
    ...(node.history === 'deep' && { isDeep: true }),
    ...(initial !== undefined && { initial }),
    entry: node.entry.map(actionName),
    exit: node.exit.map(actionName),
    invoke: node.invoke.map(({ id, src }) => ({ id, src: typeof src === 'string' && !src.startsWith('xstate.invoke.') ? src : 'inline' })),
    tags: [...node.tags],
    ...(node.description !== undefined && { description: node.description }),
  }
}

function edgeOf(transition: AnyTransitionDefinition): ChartEdge {
  const { source, eventType, guard, actions, reenter } = transition
  return {
    id: idOf(transition) ?? `${source.id}|${eventType}|0`,
    source: source.id,
    targets: (transition.target ?? []).map(node => node.id),
    ...kindOf(source, eventType),
    ...(guard !== undefined && { guard: guardText(guard) }),
    actions: actions.map(actionName),
    reenter,
  }
}

/** Where a history state leads while there is no history. No microstep names it. */
function fallbackOf(node: AnyStateNode): ChartEdge[] {
  if (node.type !== 'history') return []
  const targets = resolveFallback(node)
  if (targets.length === 0) return []
  const id = `${node.id}||0`
  return [{ id, source: node.id, targets, kind: 'always', label: 'without history', actions: [], reenter: false }]
}

/** A history state's own target is a key beside it, or an id. */
function resolveFallback(node: AnyStateNode): string[] {
  const { target } = node.config as { readonly target?: string | readonly string[] }
  const names = target === undefined ? [] : [target].flat()
  return names.map(name => (name.startsWith('#') ? name.slice(1) : `${node.parent?.id ?? ''}.${name.replace(/^\./, '')}`))
}

const within = (text: string, prefix: string): string | undefined => (text.startsWith(prefix) ? text.slice(prefix.length) : undefined)

/** What XState calls an event, in the words of whoever wrote the machine. */
function kindOf({ id }: AnyStateNode, type: string): Pick<ChartEdge, 'kind' | 'label'> {
  if (type === '') return { kind: 'always', label: 'always' }
  const delay = within(type, 'xstate.after.')
  if (delay?.endsWith(`.${id}`)) {
    const name = delay.slice(0, -id.length - 1)
    return { kind: 'after', label: `after ${/^\d+$/.test(name) ? `${name} ms` : name}` }
  }
  const done = within(type, 'xstate.done.actor.')
  if (done !== undefined) return { kind: 'done', label: `${done} done` }
  if (type.startsWith('xstate.done.state.')) return { kind: 'done', label: 'done' }
  const failed = within(type, 'xstate.error.actor.')
  if (failed !== undefined) return { kind: 'error', label: `${failed} failed` }
  const changed = within(type, 'xstate.snapshot.')
  if (changed !== undefined) return { kind: 'event', label: `${changed} changed` }
  return { kind: 'event', label: type === '*' ? 'anything else' : type }
}

/** 64 bits of FNV-1a in two halves: enough to tell one version of a chart from the next. */
function hashOf(text: string): string {
  let low = 0x811c9dc5
  let high = 0x01000193
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code ^ (low >>> 16), 0x01000193)
  }
  return [low, high].map(half => (half >>> 0).toString(16).padStart(8, '0')).join('')
}
