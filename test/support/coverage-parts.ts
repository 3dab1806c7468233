import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { AnyStateMachine } from 'xstate'
import { connectionMachine } from '../../machines/connection.ts'
import { fallbackMachine } from '../../machines/fallback.ts'
import { gatewayMachine } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { relayMachine } from '../../machines/relay.ts'
import { type Coverage, coverageTable, writeCoverage } from './coverage.ts'

export const allMachines: readonly AnyStateMachine[] = [
  connectionMachine,
  leadershipMachine,
  relayMachine,
  fallbackMachine,
  gatewayMachine,
] as const

type Counts = Record<string, number>

function add(into: Counts, from: Counts): void {
  for (const [name, times] of Object.entries(from)) into[name] = (into[name] ?? 0) + times
}

export function addCoverage(into: Coverage, from: Coverage): void {
  for (const [machine, taken] of Object.entries(from)) {
    into[machine] ??= { states: {}, edges: {}, guards: {}, pairs: {} }
    const mine = into[machine]
    add(mine.states, taken.states)
    add(mine.edges, taken.edges)
    add(mine.pairs, taken.pairs)
    for (const [guard, said] of Object.entries(taken.guards)) {
      const outcomes = mine.guards[guard] ?? { true: 0, false: 0 }
      mine.guards[guard] = { true: outcomes.true + said.true, false: outcomes.false + said.false }
    }
  }
}

/**
 * Several files of tests, in processes of their own, fill one form: each writes its part, the sum of all parts that are there is
 * `.cache/coverage/<suite>.json`. Prints the rows of the machines that this part is about, of its own and of the sum.
 */
export function reportPart(suite: string, part: string, coverage: Coverage, machines: readonly AnyStateMachine[] = allMachines): void {
  const folder = new URL(`../../.cache/coverage/${suite}/`, import.meta.url)
  mkdirSync(folder, { recursive: true })
  // In one step: another process may be summing up just now.
  writeFileSync(new URL(`${part}.unfinished`, folder), `${JSON.stringify(coverage)}\n`)
  renameSync(new URL(`${part}.unfinished`, folder), new URL(`${part}.json`, folder))
  const sum: Coverage = {}
  for (const file of readdirSync(folder))
    if (file.endsWith('.json')) addCoverage(sum, JSON.parse(readFileSync(new URL(file, folder), 'utf8')))
  writeCoverage(suite, sum)
  const isColoured = process.env.NO_COLOR === undefined
  const own = coverageTable(machines, coverage, { title: part, isColoured })
  process.stdout.write(`\n${own}\n${coverageTable(machines, sum, { title: `${suite}, all`, isColoured })}\n\n`)
}
