import { createChance } from './chance.ts'
import { drawPlan, type Fault } from './faults.ts'
import { type Outcome, World, type WorldOptions } from './world.ts'

/** What every seed plays unless told otherwise. */
export const standard = { processes: 3, lengthMs: 75_000, calmMs: 45_000, faultsMax: 16 }

export const planOf = (seed: string): Fault[] => drawPlan(createChance(`${seed}/plan`), standard)

/** Plays one world to its end or its first trouble. */
export async function play(seed: string, faults: readonly Fault[] = planOf(seed), observed?: WorldOptions['observed']): Promise<Outcome> {
  const world = new World({ seed, faults, ...standard, ...(observed !== undefined && { observed }) })
  return world.run()
}

export interface Shrunk {
  readonly faults: readonly Fault[]
  readonly outcome: Outcome
  readonly runs: number
}

/** The shortest plan found that still makes trouble: drops halves, quarters, … single faults, as long as the trouble stays. */
export async function shrink(seed: string, faults: readonly Fault[], first: Outcome, runsMax = 300): Promise<Shrunk> {
  let best = { faults, outcome: first }
  let runs = 0
  for (let size = Math.ceil(faults.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.faults.length && runs < runsMax; ) {
      const fewer = [...best.faults.slice(0, from), ...best.faults.slice(from + size)]
      const outcome = await play(seed, fewer)
      runs += 1
      if (outcome.troubles.length > 0) best = { faults: fewer, outcome }
      else from += size
    }
  }
  return { ...best, runs }
}

/** Plays a seed twice; a world that is not the same twice proves nothing. */
export async function isRepeatable(seed: string, faults: readonly Fault[]): Promise<boolean> {
  const first = await play(seed, faults)
  const second = await play(seed, faults)
  return first.hash === second.hash
}
