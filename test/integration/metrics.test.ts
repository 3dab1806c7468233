import { afterEach, expect, test } from 'vitest'
import { endAll, startProcess } from '../support/instance.ts'
import { readScrape, type Scrape } from '../support/prometheus.ts'
import { openReader } from '../support/reader.ts'
import { until } from '../support/until.ts'

afterEach(endAll)

const scrape = async (url: string): Promise<Scrape> => {
  const answer = await fetch(`${url}/metrics`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  return readScrape(await answer.text())
}

test('what an instance tells of itself is what its readers and the exchange see', async () => {
  const { url } = await startProcess(['demo'], {})
  const before = await until('prices are live', async () => {
    const now = await scrape(url)
    return now.word('tickcast_level') === 'live' && now.of('tickcast_exchange_streams_confirmed') > 0 && now
  })
  expect(before.of('tickcast_readers')).toBe(0)
  expect(before.of('tickcast_prices_delivered_total')).toBe(0)
  const readers = await Promise.all([openReader(`${url}/v1/stream?pairs=BTC/USD&mode=every`), openReader(`${url}/v1/stream?pairs=ETH/USD`)])
  await until('prices came', () => readers.every(reader => reader.prices().length > 5))
  const after = await scrape(url)
  const status = await (await fetch(`${url}/v1/status`)).json()
  for (const reader of readers) reader.close()

  expect(after.of('tickcast_readers')).toBe(2)
  expect(after.of('tickcast_prices_delivered_total')).toBeGreaterThan(5)
  expect(after.word('tickcast_role')).toBe('leader')
  expect(after.word('tickcast_connection')).toBe('connected')
  expect(after.word('tickcast_relay')).toBe('current')
  expect(after.word('tickcast_bus')).toBe('embedded')
  expect(after.of('tickcast_ready')).toBe(1)
  expect(after.of('tickcast_epoch')).toBe(status.epoch)
  expect(after.of('tickcast_pairs', 'level="live"')).toBe(2)
  expect(after.of('tickcast_prices_published_total')).toBeGreaterThan(before.of('tickcast_prices_published_total'))
  expect(after.of('tickcast_exchange_ticks_total')).toBeGreaterThan(before.of('tickcast_exchange_ticks_total'))
  expect(after.of('tickcast_exchange_attempts_total')).toBe(1)
  expect(after.of('tickcast_exchange_opened_total')).toBe(1)
  expect(after.of('tickcast_exchange_symbols')).toBe(status.exchange.symbols)
  // exchangeInfo weighs 20, and the first prices of two symbols 2.
  expect(after.of('tickcast_exchange_weight')).toBeGreaterThanOrEqual(22)
  expect(after.of('tickcast_exchange_requests_total', 'outcome="answered"')).toBeGreaterThanOrEqual(2)
  for (const [name, kind] of after.kinds) expect([name, name.endsWith('_total')]).toEqual([name, kind === 'counter'])
})
