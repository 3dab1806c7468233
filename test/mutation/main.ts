import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'
import { type Copy, createCopy } from './copy.ts'
import { type Mutation, mutations } from './mutations.ts'
import { killEverythingStarted } from './process.ts'
import { type Killer, runBaseline, runSuite, type Suite } from './suites.ts'

/** `npm run mutate`: plants known bugs one by one, and shows which test or seed kills each. */

const help = `Plants ${mutations.length} known bugs one by one in a copy of the project, and shows which test or seed kills each.

  npm run mutate                    all of them; ends with 1 if any survives
  npm run mutate -- --only WORD     those whose name, file or suite contains the word
  npm run mutate -- --list          what there is
  npm run mutate -- --seeds N       worlds of the simulation for each bug (default: 60)
  npm run mutate -- --workers W     so many at a time, 1 or 2 (default: 2)`

interface Verdict {
  readonly mutation: Mutation
  readonly killer: Killer
  readonly seconds: number
}

interface Flags {
  readonly chosen: readonly Mutation[]
  readonly seeds: number
  readonly workers: number
}

const project = fileURLToPath(new URL('../../../', import.meta.url))

async function execute({ folder, plant }: Copy, mutation: Mutation, seeds: number): Promise<Verdict> {
  const restore = await plant(mutation)
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  try {
    for (const suite of mutation.suites) {
      const killer = await runSuite(folder, suite, seeds)
      if (killer !== undefined) return { mutation, killer, seconds: seconds() }
    }
    return { mutation, killer: undefined, seconds: seconds() }
  } finally {
    restore()
  }
}

const short = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`)

function lineOf({ mutation, killer, seconds }: Verdict): string {
  const how = killer === undefined ? styleText('red', 'SURVIVES') : styleText('green', short(killer.replaceAll('\n', ' '), 110))
  return `${short(mutation.name, 78).padEnd(78)}  ${seconds.toFixed(1).padStart(6)}  ${how}`
}

async function executeAll(copies: readonly Copy[], { chosen, seeds }: Flags): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const queue = [...chosen]
  const work = async (copy: Copy): Promise<void> => {
    for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
      const verdict = await execute(copy, mutation, seeds)
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
  if (survivors.length > 0) process.exitCode = 1
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
  const { values } = parseArgs({ options: { only: text, seeds: text, workers: text, list: flag, help: flag } })
  if (values.help === true) return console.log(help)
  const chosen = select(values.only)
  if (values.list === true) {
    for (const { name, file, suites } of chosen) console.log(`${name}\n    ${file}  by ${suites.join(', ')}`)
    return console.log(`\n${chosen.length} bugs`)
  }
  await mutate({ chosen, seeds: wholeOf('seeds', values.seeds, 60, 100_000), workers: wholeOf('workers', values.workers, 2, 2) })
}

main().catch((error: unknown) => {
  console.error(styleText('red', error instanceof Error ? error.message : String(error)))
  process.exit(2)
})
