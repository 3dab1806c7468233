import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../support/root.ts'
import { measure, measurements } from './measurements.ts'

/** `npm run measure`: how long the faults last, over many rounds. */

const help = `Measures what faults cost, each over many rounds on a fleet of its own, and prints median and maximum.

  npm run measure                     20 rounds of each
  npm run measure -- --rounds N       so many
  npm run measure -- --only NAME      of this one: ${measurements.map(({ name }) => name).join(', ')}

Writes .cache/measure.json. What else runs on the machine is part of every figure.`

interface Row {
  readonly name: string
  readonly what: string
  readonly unit: string
  readonly count: number
  readonly p50: number
  readonly max: number
}

const middle = (figures: readonly number[]): number => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, only: { type: 'string' }, help: { type: 'boolean' } } })
  if (values.help) return console.log(help)
  const rounds = Number(values.rounds ?? 20)
  const chosen = measurements.filter(({ name }) => values.only === undefined || name === values.only)
  if (!(rounds >= 1) || chosen.length === 0) throw new Error('--rounds wants a number, --only one of the names in --help')
  const rows: Row[] = []
  for (const one of chosen) {
    const figures = await measure(one, rounds, done => process.stderr.write(`\r${one.name} ${done}/${rounds} `))
    process.stderr.write('\r\x1b[K')
    const { name, what, unit } = one
    const row = { name, what, unit, count: figures.length, p50: Math.round(middle(figures)), max: Math.round(Math.max(...figures)) }
    rows.push(row)
    console.log(
      `${name.padEnd(20)} p50 ${String(row.p50).padStart(6)}  max ${String(row.max).padStart(6)} ${unit.padEnd(6)}  of ${row.count}: ${what}`,
    )
  }
  mkdirSync(join(root, '.cache'), { recursive: true })
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version }
  writeFileSync(join(root, '.cache/measure.json'), `${JSON.stringify({ at: new Date().toISOString(), machine, rounds, rows }, null, 2)}\n`)
  process.exit(0)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
