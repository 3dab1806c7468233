import type { Fault } from '../simulation/faults.ts'
import { planOf, play, shrink } from '../simulation/run.ts'

/** Run by main.ts inside a copy with a bug in it: plays worlds until one is in trouble, and says which. */

export interface SeedsTask {
  /** So many seeds, after the world that showed this bug before. */
  readonly count: number
  readonly before?: World | undefined
  /** Shrinks what is found to the fewest faults that still show it. */
  readonly isToShrink?: boolean
}

interface World {
  readonly seed: string
  readonly faults: readonly Fault[]
}

export interface SeedsOutcome {
  readonly found?: World & { readonly trouble: string; readonly isFromBefore: boolean }
}

async function playUntilTrouble({ count, before, isToShrink = false }: SeedsTask): Promise<SeedsOutcome> {
  for (let at = before === undefined ? 0 : -1; at < count; at += 1) {
    const seed = at < 0 ? (before?.seed ?? '') : `mutant/${at}`
    const faults = at < 0 ? (before?.faults ?? []) : planOf(seed)
    const outcome = await play(seed, faults)
    const [trouble] = outcome.troubles
    if (trouble === undefined) continue
    const isFromBefore = at < 0
    if (!isToShrink || isFromBefore) return { found: { seed, faults, trouble, isFromBefore } }
    const shrunk = await shrink(seed, faults, outcome)
    return { found: { seed, faults: shrunk.faults, trouble: shrunk.outcome.troubles[0] ?? trouble, isFromBefore } }
  }
  return {}
}

console.log(JSON.stringify(await playUntilTrouble(JSON.parse(process.argv[2] ?? '') as SeedsTask)))
