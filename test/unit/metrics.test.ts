import { expect, test } from 'vitest'
import { connectionMachine } from '../../machines/connection.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { relayMachine } from '../../machines/relay.ts'
import { systemClock } from '../../src/clock.ts'
import { connections, counter, gauge, processMetrics, relays, roles, writeMetrics } from '../../src/metrics.ts'
import { readScrape } from '../support/prometheus.ts'

test('a metric is a line of help, a line of kind and a line for each value', () => {
  expect(writeMetrics([counter('x_total', 'How\nmany.', 3), gauge('y', 'Where.', { place: { here: 1, 'far "away"\\\n': 0.5 } })])).toBe(
    [
      '# HELP tickcast_x_total How many.',
      '# TYPE tickcast_x_total counter',
      'tickcast_x_total 3',
      '# HELP tickcast_y Where.',
      '# TYPE tickcast_y gauge',
      'tickcast_y{place="here"} 1',
      'tickcast_y{place="far \\"away\\"\\\\\\n"} 0.5',
      '',
    ].join('\n'),
  )
})

test('what is no finite number, or a very large one, is written as Prometheus reads it', () => {
  const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1_795_359_980_845_000, 1e-9, 5e21]
  const written = writeMetrics(values.map((value, index) => gauge(`v${index}`, 'Some.', value)))
  expect(written.match(/(?<=^tickcast_v\d ).*$/gm)).toEqual(['+Inf', '-Inf', 'NaN', '1795359980845000', '1e-9', '5e+21'])
  const scrape = readScrape(written)
  expect(values.map((_, index) => scrape.of(`tickcast_v${index}`))).toEqual(values)
})

test('the words of roles and states are those of the machines', () => {
  expect([...connections].sort()).toEqual(Object.keys(connectionMachine.states).sort())
  expect([...roles].sort()).toEqual(Object.keys(leadershipMachine.states).sort())
  expect([...relays].sort()).toEqual(Object.keys(relayMachine.states).sort())
})

test('the process tells its time, memory and start', () => {
  const scrape = readScrape(writeMetrics(processMetrics(systemClock)))
  expect(scrape.of('process_resident_memory_bytes')).toBeGreaterThan(scrape.of('tickcast_heap_bytes') / 2)
  expect(scrape.of('process_cpu_seconds_total')).toBeGreaterThan(0)
  expect(scrape.of('process_start_time_seconds')).toBeLessThan(Date.now() / 1000)
  expect(scrape.of('process_start_time_seconds')).toBeGreaterThan(Date.now() / 1000 - 3600)
})
