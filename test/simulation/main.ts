import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs, styleText } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Fault, readPlan } from './faults.ts'
import { createWorldRecorder } from './record.ts'
import { isRepeatable, planOf, play, shrink } from './run.ts'
import type { Outcome } from './world.ts'

/** `npm run simulate`: plays many worlds, and of one that makes trouble says all that is needed to mend it. */

const help = `Plays whole clusters under faults on a virtual clock: three instances, their store, the exchange and readers.

  npm run simulate                         200 fresh seeds
  npm run simulate -- --runs N             so many
  npm run simulate -- --minutes M          for so long
  npm run simulate -- --seed S             this one; with --runs N: S/0, S/1, …
  npm run simulate -- --seed S --plan FILE this one with the faults of a file
  npm run simulate -- --seed S --trace FILE
                                           writes a recording of this one: npx tickcast inspect FILE
  npm run simulate -- --workers W          on so many threads (default: 2)

A seed that fails is played again, shrunk to the fewest faults that still fail, and its plan, its trace and a recording are written to .cache/simulation.`

interface Finding {
  readonly seed: string
  readonly virtualMs: number
  readonly steps: number
  readonly troubles: readonly string[]
}

const folder = new URL('../../../.cache/simulation/', import.meta.url)

async function work(seeds: readonly string[], tell: (finding: Finding) => void): Promise<void> {
  for (const seed of seeds) {
    const { virtualMs, steps, troubles } = await play(seed)
    tell({ seed, virtualMs, steps, troubles })
  }
}

/** Hands out seeds in small lots until the count or the time is up. */
async function playAll(
  seedOf: (at: number) => string,
  { runs, minutes, workers }: { runs: number; minutes: number | undefined; workers: number },
): Promise<Finding[]> {
  const findings: Finding[] = []
  const started = performance.now()
  const isTime = (): boolean => minutes !== undefined && performance.now() - started > minutes * 60_000
  let next = 0
  const lot = (): string[] => {
    const seeds: string[] = []
    while (seeds.length < 5 && next < runs && !isTime()) seeds.push(seedOf(next++))
    return seeds
  }
  const progress = (): void => {
    const virtual = findings.reduce((sum, { virtualMs }) => sum + virtualMs, 0)
    const failed = findings.filter(({ troubles }) => troubles.length > 0).length
    const rate = virtual / (performance.now() - started)
    if (process.stdout.isTTY)
      process.stdout.write(`\r${findings.length} worlds, ${failed} in trouble, ${Math.round(rate)} virtual seconds a second `)
  }
  const drive = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: 'play' })
      const feed = (): void => {
        const seeds = findings.some(({ troubles }) => troubles.length > 0) ? [] : lot()
        worker.postMessage(seeds)
      }
      worker.on('message', (message: Finding | 'done') => {
        if (message === 'done') return feed()
        findings.push(message)
        progress()
      })
      worker.on('error', reject)
      worker.on('exit', () => resolve())
      feed()
    })
  await Promise.all(Array.from({ length: workers }, drive))
  const virtual = findings.reduce((sum, { virtualMs }) => sum + virtualMs, 0)
  const seconds = (performance.now() - started) / 1000
  const steps = findings.reduce((sum, finding) => sum + finding.steps, 0)
  console.log(
    `\r${findings.length} worlds, ${(virtual / 3_600_000).toFixed(1)} virtual hours, ${steps} steps in ${seconds.toFixed(1)} s: ${Math.round(virtual / 1000 / seconds)} virtual seconds a second`,
  )
  return findings
}

function write(name: string, text: string): string {
  mkdirSync(folder, { recursive: true })
  const file = name.replace(/[^\w.-]/g, '_')
  writeFileSync(new URL(file, folder), text)
  return `.cache/simulation/${file}`
}

function writeTrace(name: string, { seed, hash, trace }: Outcome, faults: readonly Fault[]): string {
  const lines = [{ tickcast: 'simulation', seed, hash, faults }, ...trace].map(line => JSON.stringify(line))
  return write(name, `${lines.join('\n')}\n`)
}

/** Plays a world once more, with somebody looking. */
async function recordingOf(seed: string, faults: readonly Fault[]): Promise<string> {
  const recorder = createWorldRecorder()
  const outcome = await play(seed, faults, recorder.observed)
  return `${recorder.lines(outcome).join('\n')}\n`
}

async function explain(seed: string, faults: readonly Fault[]): Promise<void> {
  const first = await play(seed, faults)
  console.log(styleText('red', `\nseed ${seed} is in trouble:`))
  for (const trouble of first.troubles) console.log(`  ${trouble}`)
  if (first.troubles.length === 0)
    return console.log('  … but not when played again: it is not repeatable, and the simulator is what is broken')
  if (!(await isRepeatable(seed, faults)))
    console.log(styleText('red', '  played twice it is not the same: the simulator is what is broken'))
  const shrunk = await shrink(seed, faults, first)
  console.log(`\n${shrunk.faults.length} of ${faults.length} faults are enough (${shrunk.runs} runs):`)
  for (const fault of shrunk.faults) console.log(`  ${JSON.stringify(fault)}`)
  for (const trouble of shrunk.outcome.troubles) console.log(`  → ${trouble}`)
  console.log('\nwhat happened last:')
  for (const { at, who, what } of shrunk.outcome.trace.slice(-25))
    console.log(`  ${(at / 1000).toFixed(3).padStart(9)}  ${who.padEnd(16)} ${what}`)
  const plan = write(`${seed}.plan.json`, JSON.stringify(shrunk.faults, null, 1))
  console.log(`\ntrace   ${writeTrace(`${seed}.trace.jsonl`, shrunk.outcome, shrunk.faults)}`)
  const recording = write(`${seed}.recording.jsonl`, await recordingOf(seed, shrunk.faults))
  console.log(`look    npx tickcast inspect ${recording}`)
  console.log(`again   npm run simulate -- --seed ${seed} --plan ${plan}`)
}

function readFlags() {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { seed: text, runs: text, minutes: text, workers: text, plan: text, trace: text, help: { type: 'boolean' } },
  })
  const number = (name: 'runs' | 'minutes' | 'workers', fallback: number | undefined): number | undefined => {
    const given = values[name]
    if (given === undefined) return fallback
    if (!(Number(given) > 0)) throw new Error(`--${name} ${given} is no number above 0`)
    return Number(given)
  }
  return { ...values, runs: number('runs', undefined), minutes: number('minutes', undefined), workers: number('workers', 2) ?? 2 }
}

async function main(): Promise<void> {
  const flags = readFlags()
  if (flags.help === true) return console.log(help)
  const seed = flags.seed ?? Math.floor(Date.now() / 1000).toString(36)
  if (flags.plan !== undefined || (flags.seed !== undefined && flags.runs === undefined && flags.minutes === undefined)) {
    const faults = flags.plan === undefined ? planOf(seed) : readPlan(readFileSync(flags.plan, 'utf8'))
    const outcome = await play(seed, faults)
    if (flags.trace !== undefined) writeFileSync(flags.trace, await recordingOf(seed, faults))
    console.log(`seed ${seed}: ${faults.length} faults, ${outcome.steps} steps, trace ${outcome.hash}`)
    if (outcome.troubles.length === 0) return console.log(styleText('green', 'every promise held'))
    process.exitCode = 1
    return explain(seed, faults)
  }
  const runs = flags.runs ?? (flags.minutes === undefined ? 200 : Number.POSITIVE_INFINITY)
  console.log(`seeds ${seed}/0, ${seed}/1, …`)
  const findings = await playAll(at => `${seed}/${at}`, { runs, minutes: flags.minutes, workers: flags.workers })
  const failed = findings.find(({ troubles }) => troubles.length > 0)
  if (failed === undefined) return console.log(styleText('green', 'every promise held'))
  process.exitCode = 1
  await explain(failed.seed, planOf(failed.seed))
}

// Whoever reads along, such as head, has seen enough.
process.stdout.on('error', () => process.exit(1))

if (isMainThread)
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 2
  })
else if (workerData === 'play')
  parentPort?.on('message', (seeds: readonly string[]) => {
    if (seeds.length === 0) return parentPort?.close()
    void work(seeds, finding => parentPort?.postMessage(finding)).then(() => parentPort?.postMessage('done'))
  })
