import { type AnyStateMachine, transition } from 'xstate'
import { getShortestPaths } from 'xstate/graph'

export interface Leg {
  readonly from: string
  readonly act: string
  readonly to: string
}

const actsOf = (machine: AnyStateMachine, state: string): string[] => machine.states[state]?.ownEvents ?? []

/** The shortest way from here to an arrow nobody has taken, that arrow included; empty when there is none. */
function wayToNew(machine: AnyStateMachine, here: string, taken: ReadonlySet<string>): Leg[] {
  const paths = getShortestPaths(machine, { fromState: machine.resolveState({ value: here, context: {} }) })
  const ways = paths.map(({ steps, state }) => {
    const legs: Leg[] = []
    let from = here
    for (const { event, state: reached } of steps.slice(1)) {
      legs.push({ from, act: event.type, to: String(reached.value) })
      from = String(reached.value)
    }
    return { legs, at: String(state.value) }
  })
  for (const { legs, at } of ways.sort((a, b) => a.legs.length - b.legs.length)) {
    const act = actsOf(machine, at).find(name => !taken.has(`${at} ${name}`))
    if (act !== undefined)
      return [
        ...legs,
        { from: at, act, to: String(transition(machine, machine.resolveState({ value: at, context: {} }), { type: act })[0].value) },
      ]
  }
  return []
}

/** One long walk that takes every arrow of a small flat machine: always to the nearest new one. */
export function walkOf(machine: AnyStateMachine, start: string): Leg[] {
  const taken = new Set<string>()
  const walk: Leg[] = []
  for (let way = wayToNew(machine, start, taken); way.length > 0; way = wayToNew(machine, walk.at(-1)?.to ?? start, taken)) {
    for (const leg of way) {
      taken.add(`${leg.from} ${leg.act}`)
      walk.push(leg)
    }
  }
  return walk
}
