import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fault, readPlan } from './faults.ts'

/** A world that showed a bug: played in every test run without it, and by `npm run mutate` with the bug put back. */
export interface Regression {
  /** What the program did wrong: the name of the mutation. */
  readonly bug: string
  readonly seed: string
  readonly faults: readonly Fault[]
  /** What was seen. */
  readonly trouble: string
}

const fileOf = (bug: string): string => `${bug.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.json`

/** @param folder test/simulation/regressions */
export function readRegressions(folder: string): readonly Regression[] {
  return readdirSync(folder)
    .filter(file => file.endsWith('.json'))
    .sort()
    .map(file => {
      const text = readFileSync(join(folder, file), 'utf8')
      const { bug, seed, trouble } = JSON.parse(text) as Regression
      if (fileOf(bug) !== file) throw new Error(`${file} is the world of another bug: ${bug}`)
      return { bug, seed, faults: readPlan(text), trouble }
    })
}

export function writeRegression(folder: string, { bug, seed, faults, trouble }: Regression): void {
  mkdirSync(folder, { recursive: true })
  const wordsOf = (fault: Fault): string =>
    Object.entries(fault)
      .map(([key, value]) => `"${key}": ${JSON.stringify(value)}`)
      .join(', ')
  const plan = faults.map(fault => `    { ${wordsOf(fault)} }`).join(',\n')
  const head = [`  "bug": ${JSON.stringify(bug)}`, `  "seed": ${JSON.stringify(seed)}`, `  "trouble": ${JSON.stringify(trouble)}`]
  writeFileSync(join(folder, fileOf(bug)), `{\n${head.join(',\n')},\n  "faults": [\n${plan}\n  ]\n}\n`)
}
