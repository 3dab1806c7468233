import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'
import { readRegressions, writeRegression } from '../simulation/regressions.ts'
import { type Copy, createCopy } from './copy.ts'
import { type Mutation, mutations } from './mutations.ts'
import { killEverythingStarted } from './process.ts'
import type { SeedsTask } from './seeds.ts'
import { type Killer, playSeeds, runBaseline, runTest, type Suite } from './suites.ts'

/** `npm run mutate`: plants known bugs one by one, and shows which test or seed kills each. */

const help = `Plants ${mutations.length} known bugs one by one in a copy of the project, and shows which test or seed kills each.

  npm run mutate                    all of them; ends with 1 if any survives
  npm run mutate -- --only WORD     those whose name, file or suite contains the word
  npm run mutate -- --list          what there is
  npm run mutate -- --seeds N       worlds of the simulation for each bug (default: 60)
  npm run mutate -- --workers W     so many at a time, 1 or 2 (default: 2)
  npm run mutate -- --keep          looks for a world that shows each, and keeps it, shrunk, in test/simulation/regressions

A bug with a world kept is shown that one first; if it shows the bug no more, that is said, and the command fails.`

interface Verdict {
  readonly mutation: Mutation
  readonly killer: Killer
  readonly seconds: number
  /** The world that was kept of it shows it no more. */
  readonly isOutworn: boolean
}

interface Flags {
  readonly chosen: readonly Mutation[]
  readonly seeds: number
  readonly workers: number
  readonly isToKeep: boolean
}

const project = fileURLToPath(new URL('../../../', import.meta.url))

const worldsFolder = join(project, 'test/simulation/regressions')
const worlds = new Map(readRegressions(worldsFolder).map(world => [world.bug, world]))

async function execute({ folder, plant }: Copy, mutation: Mutation, { seeds, isToKeep }: Flags): Promise<Verdict> {
  const restore = await plant(mutation)
  const started = performance.now()
  const before = worlds.get(mutation.name)
  const find = async (): Promise<Killer> => {
    for (const suite of isToKeep ? (['simulation', ...mutation.suites] as const) : mutation.suites) {
      const killer =
        suite === 'simulation' ? await killerOf(folder, mutation, { count: seeds, isToShrink: isToKeep }) : await runTest(folder, suite)
      if (killer !== undefined) return killer
    }
    return undefined
  }
  try {
    const shown = before === undefined ? undefined : await killerOf(folder, mutation, { count: 0, before })
    const killer = shown ?? (await find())
    const isOutworn = before !== undefined && shown === undefined && !isToKeep
    return { mutation, killer, isOutworn, seconds: (performance.now() - started) / 1000 }
  } finally {
    restore()
  }
}

/** Plays worlds of the simulation with the bug in it, and keeps what was found if that is wished. */
async function killerOf(folder: string, { name }: Mutation, task: SeedsTask): Promise<Killer> {
  const outcome = await playSeeds(folder, task)
  if (typeof outcome === 'string') return outcome
  const { found } = outcome
  if (found === undefined) return undefined
  if (task.isToShrink === true) writeRegression(worldsFolder, { bug: name, ...found })
  return `${found.isFromBefore ? 'its world' : `seed ${found.seed}`}: ${found.trouble}`
}

const short = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)

function lineOf({ mutation, killer, seconds }: Verdict): string {
  const how = killer === undefined ? styleText('red', 'SURVIVES') : styleText('green', short(killer.replaceAll('\n', ' '), 110))
  return `${short(mutation.name, 78).padEnd(78)}  ${seconds.toFixed(1).padStart(6)}  ${how}`
}

async function executeAll(copies: readonly Copy[], flags: Flags): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const { chosen } = flags
  const queue = [...chosen]
  const work = async (copy: Copy): Promise<void> => {
    for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
      const verdict = await execute(copy, mutation, flags)
      verdicts.push(verdict)
      console.log(`${String(verdicts.length).padStart(3)}/${chosen.length}  ${lineOf(verdict)}`)
    }
  }
  await Promise.all(copies.map(work))
  return verdicts.sort((a, b) => chosen.indexOf(a.mutation) - chosen.indexOf(b.mutation))
}

/** Copies beside each other; what lies beside the project lies beside them, too. */
async function copyProject(folder: string, count: number): Promise<Copy[]> {
  const shared = join(project, '../shared')
  if (existsSync(shared)) symlinkSync(shared, join(folder, 'shared'))
  return Array.from({ length: count }, (_, at) => createCopy(project, join(folder, `copy-${at}`)))
}

async function passBaseline(copy: Copy, { chosen, seeds }: Flags): Promise<void> {
  const suites: Suite[] = [...new Set(chosen.flatMap(mutation => mutation.suites))]
  console.log(`without any bug: ${suites.length} suites …`)
  await copy.compile()
  const troubles = await runBaseline(copy.folder, suites, seeds)
  if (troubles.length > 0) throw new Error(`without any bug this fails already:\n  ${troubles.join('\n  ')}`)
  console.log(styleText('green', 'without any bug all pass'))
}

function summarize(verdicts: readonly Verdict[]): void {
  const survivors = verdicts.filter(({ killer }) => killer === undefined)
  console.log(`\n${styleText('bold', 'bug'.padEnd(78))}  ${styleText('bold', 'seconds')}  ${styleText('bold', 'killed by')}`)
  for (const verdict of verdicts) console.log(lineOf(verdict))
  const all = `${verdicts.length - survivors.length} of ${verdicts.length} bugs are killed`
  console.log(`\n${survivors.length === 0 ? styleText('green', all) : styleText('red', `${all}; the others survive`)}`)
  const outworn = verdicts.filter(({ isOutworn }) => isOutworn)
  for (const { mutation } of outworn) console.log(styleText('red', `its world shows it no more; --keep finds another: ${mutation.name}`))
  if (survivors.length + outworn.length > 0) process.exitCode = 1
}

async function mutate(flags: Flags): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-mutation-'))
  const clear = (): void => {
    killEverythingStarted()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.on('exit', clear)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
  const copies = await copyProject(folder, Math.min(flags.workers, flags.chosen.length))
  const [first] = copies
  if (first === undefined) throw new Error('nothing to do: no bug is called so')
  first.check(flags.chosen)
  await passBaseline(first, flags)
  summarize(await executeAll(copies, flags))
}

/** A whole number from 1 to `max`. */
function wholeOf(name: string, given: string | undefined, fallback: number, max: number): number {
  if (given === undefined) return fallback
  const number = Number(given)
  if (!Number.isInteger(number) || number < 1 || number > max) throw new Error(`--${name} ${given} is no number from 1 to ${max}`)
  return number
}

function select(word: string | undefined): readonly Mutation[] {
  if (word === undefined) return mutations
  const wanted = word.toLowerCase()
  return mutations.filter(({ name, file, suites }) => [name, file, ...suites].some(text => text.toLowerCase().includes(wanted)))
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({ options: { only: text, seeds: text, workers: text, keep: flag, list: flag, help: flag } })
  if (values.help === true) return console.log(help)
  const chosen = select(values.only)
  if (values.list === true) {
    for (const { name, file, suites } of chosen) console.log(`${name}\n    ${file}  by ${suites.join(', ')}`)
    return console.log(`\n${chosen.length} bugs`)
  }
  const seeds = wholeOf('seeds', values.seeds, 60, 100_000)
  await mutate({ chosen, seeds, workers: wholeOf('workers', values.workers, 2, 2), isToKeep: values.keep === true })
}

main().catch((error: unknown) => {
  console.error(styleText('red', error instanceof Error ? error.message : String(error)))
  process.exit(2)
})
