import type { AnyStateMachine } from 'xstate'
import { type Coverage, gapsOf } from '../support/coverage.ts'
import type { Exploration } from '../support/explore.ts'

/** States, edges and guard outcomes of the machine that the exploration does not reach. */
export function unreached(machine: AnyStateMachine, { spots, steps }: Exploration): string[] {
  const taken: Coverage[string] = { states: {}, edges: {}, guards: {}, pairs: {} }
  for (const spot of spots.values()) for (const state of spot.states) taken.states[state] = 1
  for (const step of steps) {
    for (const edge of step.edges) taken.edges[edge] = 1
    for (const { name, said } of step.guards) taken.guards[name] = { ...(taken.guards[name] ?? { true: 0, false: 0 }), [`${said}`]: 1 }
  }
  return gapsOf(machine, taken)
}
