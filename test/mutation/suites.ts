import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run } from './process.ts'
import type { SeedsOutcome } from './seeds.ts'

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
const simulationMaxMs = 240_000

export function runSuite(folder: string, suite: Suite, seeds: number): Promise<Killer> {
  return suite === 'simulation' ? playSeeds(folder, seeds) : runTest(folder, suite)
}

async function playSeeds(folder: string, seeds: number): Promise<Killer> {
  const { code, output } = await run('node', ['dist/test/mutation/seeds.js', String(seeds)], { folder, withinMs: simulationMaxMs })
  if (code === undefined) return `simulation: no end of ${seeds} seeds within ${simulationMaxMs / 1000} s`
  if (code !== 0) return `simulation: ended with ${code}: ${output.trim().slice(0, 200)}`
  const outcome: SeedsOutcome = JSON.parse(output.trim().split('\n').at(-1) ?? '{}')
  return outcome.seed === undefined ? undefined : `seed ${outcome.seed}: ${outcome.trouble}`
}

async function runTest(folder: string, file: Suite): Promise<Killer> {
  const report = await runTests(folder, [file], testsMaxMs, ['--bail=1'])
  if (typeof report === 'string') return `${file}: ${report}`
  return failuresOf(folder, report)[0]
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
  const seed = suites.includes('simulation') ? await playSeeds(folder, seeds) : undefined
  return seed === undefined ? troubles : [...troubles, seed]
}
