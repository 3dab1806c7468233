import { play } from '../simulation/run.ts'

/** Run by main.ts inside a copy with a bug in it: plays fixed seeds until one is in trouble, and says which. */

export interface SeedsOutcome {
  readonly played: number
  readonly seed?: string
  readonly trouble?: string
}

async function playUntilTrouble(count: number): Promise<SeedsOutcome> {
  for (let at = 0; at < count; at += 1) {
    const seed = `mutant/${at}`
    const { troubles } = await play(seed)
    const [trouble] = troubles
    if (trouble !== undefined) return { played: at + 1, seed, trouble }
  }
  return { played: count }
}

console.log(JSON.stringify(await playUntilTrouble(Number(process.argv[2]))))
