import type { Exploration, Spot, Step } from '../support/explore.ts'
import { silences } from '../support/explore.ts'

/** Sentences about an exploration that a test can hold against nothing: each answers with where it is broken. */

const way = ({ trace }: Spot): string => (trace.length === 0 ? 'at the start' : trace.join(', '))

export const isIn = (spot: Spot, ...states: readonly string[]): boolean => states.some(state => spot.states.includes(state))

/** Reached states of which this does not hold. */
export const broken = ({ spots }: Exploration, holds: (spot: Spot) => boolean): string[] =>
  [...spots.values()].filter(spot => !holds(spot)).map(spot => `${spot.states.at(-1)} by ${way(spot)}`)

/** Steps of which this does not hold. */
export const brokenSteps = ({ steps }: Exploration, holds: (step: Step) => boolean): string[] =>
  steps.filter(step => !holds(step)).map(step => `${JSON.stringify(step.event)} in ${step.from.states.at(-1)} by ${way(step.from)}`)

/** An event on which nothing happens changes nothing at all, a spent timer apart. */
export const disturbed = (exploration: Exploration): string[] =>
  brokenSteps(exploration, step => step.edges.length > 0 || step.event.type.startsWith('xstate.after.') || step.to === step.from)

export const leaks = (exploration: Exploration): string[] => brokenSteps(exploration, step => step.leaked.length === 0)

export const isTimer = (step: Step): boolean => step.event.type.startsWith('xstate.after.')

/** As silences(), with each list in the order of the alphabet. */
export const silent = (exploration: Exploration): Record<string, string[]> => silences(exploration)

export const sorted = (lists: Readonly<Record<string, readonly string[]>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(lists).map(([state, types]) => [state, [...types].sort()]))
