import { expect, it } from 'vitest'
import { connectionMachine } from '../../machines/connection.ts'
import { fallbackMachine } from '../../machines/fallback.ts'
import { gatewayMachine } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { relayMachine } from '../../machines/relay.ts'
import { coverageTable, createCollector, gapsOf, inventoryOf, writeCoverage } from '../support/coverage.ts'
import { planOf, play } from './run.ts'

const machines = [connectionMachine, leadershipMachine, relayMachine, fallbackMachine, gatewayMachine]
const seeds = 150

it('worlds under faults take at least 95 % of the arrows of all machines', async () => {
  const collector = createCollector()
  for (let at = 0; at < seeds; at += 1) {
    const seed = `coverage/${at}`
    const { troubles } = await play(seed, planOf(seed), instance => void collector.observe(instance.gateway.system))
    expect(troubles, `npm run simulate -- --seed ${seed}`).toEqual([])
  }
  console.log(coverageTable(machines, collector.coverage, { title: 'simulation' }))
  writeCoverage('simulation', collector.coverage)
  const all = machines.flatMap(machine => inventoryOf(machine).edges).length
  const missed = machines.flatMap(machine => gapsOf(machine, collector.coverage[machine.id])).filter(gap => gap.includes(': edge '))
  expect(missed.length / all, missed.join('\n')).toBeLessThanOrEqual(0.05)
}, 300_000)
