import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run } from './process.ts'
import type { SeedsOutcome, SeedsTask } from './seeds.ts'

/** A test file, or worlds of the simulation. */
export type Suite = 'simulation' | `test/${string}.test.ts`

/** What failed, in words; undefined: nothing did. */
export type Killer = string | undefined

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

const testsMaxMs = 150_000
const baselineMaxMs = 400_000
const worldMaxMs = 4000
const startMaxMs = 60_000

export async function runTest(folder: string, file: Suite): Promise<Killer> {
  const report = await runTests(folder, [file], testsMaxMs, ['--bail=1'])
  if (typeof report === 'string') return `${file}: ${report}`
  return failuresOf(folder, report)[0]
}

/** What the worlds came to; words: they did not come to their end, which kills as well. */
export async function playSeeds(folder: string, task: SeedsTask): Promise<SeedsOutcome | string> {
  const withinMs = startMaxMs + task.count * worldMaxMs
  const { code, output } = await run('node', ['dist/test/mutation/seeds.js', JSON.stringify(task)], { folder, withinMs })
  if (code === undefined) return `simulation: no end of ${task.count} worlds within ${withinMs / 1000} s`
  if (code !== 0) return `simulation: ended with ${code}: ${output.trim().slice(0, 200)}`
  return JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as SeedsOutcome
}

/** Runs test files; words instead of a report: there is none. */
async function runTests(
  folder: string,
  files: readonly string[],
  withinMs: number,
  more: readonly string[] = [],
): Promise<Report | string> {
  const path = join(folder, 'report.json')
  rmSync(path, { force: true })
  const options = ['--config', 'test/vitest.config.ts', '--reporter=json', `--outputFile=${path}`, ...more]
  const { code, output } = await run('node', ['node_modules/vitest/vitest.mjs', 'run', ...options, ...files], { folder, withinMs })
  if (code === undefined) return `no end within ${withinMs / 1000} s`
  if (!existsSync(path)) return `ended with ${code} and no report: ${output.trim().slice(-300)}`
  const report: Report = JSON.parse(readFileSync(path, 'utf8'))
  if (code !== 0 && failuresOf(folder, report).length === 0) return `an error outside of the tests: ${output.trim().slice(0, 300)}`
  return report
}

function failuresOf(folder: string, { testResults }: Report): string[] {
  return testResults.flatMap(({ name, status, message = '', assertionResults }) => {
    const failed = assertionResults.filter(test => test.status === 'failed').map(test => `${relative(folder, name)}: ${test.fullName}`)
    if (failed.length > 0 || status !== 'failed') return failed
    return [`${relative(folder, name)}: ${message.split('\n')[0] || 'cannot be run'}`]
  })
}

/** Everything that shall kill must pass where there is no bug; what is skipped could kill nothing. */
export async function runBaseline(folder: string, suites: readonly Suite[], seeds: number): Promise<readonly string[]> {
  const files = suites.filter(suite => suite !== 'simulation')
  const troubles: string[] = []
  if (files.length > 0) {
    const report = await runTests(folder, files, baselineMaxMs)
    if (typeof report === 'string') return [report]
    const passed = new Set(
      report.testResults.filter(one => one.assertionResults.some(test => test.status === 'passed')).map(one => relative(folder, one.name)),
    )
    troubles.push(...failuresOf(folder, report), ...files.filter(file => !passed.has(file)).map(file => `${file}: nothing in it was run`))
  }
  const worlds = suites.includes('simulation') ? await playSeeds(folder, { count: seeds }) : {}
  if (typeof worlds === 'string') return [...troubles, worlds]
  return worlds.found === undefined ? troubles : [...troubles, `seed ${worlds.found.seed}: ${worlds.found.trouble}`]
}
