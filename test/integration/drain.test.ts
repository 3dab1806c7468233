import { afterEach, expect, test } from 'vitest'
import { endAll, startProcess } from '../support/instance.ts'
import { openReader } from '../support/reader.ts'
import { until } from '../support/until.ts'

afterEach(endAll)

test('an instance told to stop says first that it is not ready, then sends its readers away over a while, none without a word', async () => {
  const instance = await startProcess(['demo'], { TICKCAST_UNREADY_MS: '700' })
  const readers = await Promise.all(Array.from({ length: 300 }, () => openReader(`${instance.url}/v1/stream?pairs=BTC/USD`)))
  await until('all have a price', () => readers.every(reader => reader.prices().length > 0))
  instance.signal('SIGTERM')
  await until('it is not ready', async () => (await fetch(`${instance.url}/health/ready`)).status === 503)
  const late = await openReader(`${instance.url}/v1/stream?pairs=BTC/USD`)
  await until('who comes now has a price', () => late.prices().length > 0)
  readers.push(late)
  expect(readers.filter(reader => reader.isOver)).toHaveLength(0)
  const endedAt = new Map<number, number>()
  await until('all streams are over', () => {
    for (const [index, reader] of readers.entries()) if (reader.isOver && !endedAt.has(index)) endedAt.set(index, performance.now())
    return endedAt.size === readers.length
  })
  const times = [...endedAt.values()]
  // 300 goodbyes take 300 ms; a machine under load may take longer, never less.
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(150)
  for (const reader of readers) {
    expect(reader.events.at(-1)).toMatchObject({ name: 'reconnect' })
    expect(reader.events.at(-1)?.data.afterMs).toBeGreaterThanOrEqual(250)
  }
  expect(await instance.exited()).toBe(0)
})
