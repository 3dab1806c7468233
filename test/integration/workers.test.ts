import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { isNewer, parsePosition } from '../../src/price.ts'
import { type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { endAll, type Process, startProcess } from '../support/instance.ts'
import { readScrape } from '../support/prometheus.ts'
import { openReader, type Reader } from '../support/reader.ts'
import { redisAvailable, startRedis } from '../support/redis.ts'
import { until as untilWithin } from '../support/until.ts'

/** Real worker processes, killed for real. */

/** Every process started here has to load the program first, on a machine that may be busy with other tests. */
const patience = 30_000
const until: typeof untilWithin = (what, look) => untilWithin(what, look, patience)

let exchange: SimulatedExchange
beforeAll(async () => {
  exchange = await startExchange({ clock: systemClock, rate: 5, symbols: 20 })
})
afterEach(endAll)
afterAll(() => exchange.close())

const start = (environment: Readonly<Record<string, string>> = {}): Promise<Process> =>
  startProcess(['serve'], {
    TICKCAST_WORKERS: '2',
    TICKCAST_PAIRS: 'BTC/USD',
    TICKCAST_LINGER_MS: '0',
    TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl,
    TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl,
    ...environment,
  })

interface WorkerView {
  readonly pid: number
  readonly readers: number
  readonly silentMs: number
}
const workersOf = async (instance: Process): Promise<readonly WorkerView[]> => (await instance.status()).workers
/** What is asked may have gone to a worker that stands still: then nothing is known. */
const asked = (instance: Process): Promise<readonly WorkerView[]> => workersOf(instance).catch(() => [])
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const open = (instance: Process, count: number, query = 'pairs=BTC/USD'): Promise<Reader[]> =>
  Promise.all(Array.from({ length: count }, () => openReader(`${instance.url}/v1/stream?${query}`)))

/** Ids of one reader, or of one that came again: each newer than the one before. */
function expectInOrder(...streams: readonly Reader[]): void {
  const ids = streams.flatMap(stream => stream.prices('BTC/USD').map(({ id }) => parsePosition(id)))
  const wrong = ids.filter(
    (id, index) => index > 0 && !isNewer(id ?? { epoch: 0, sequence: 0 }, ids[index - 1] ?? { epoch: 0, sequence: 0 }),
  )
  expect(wrong).toEqual([])
}

describe('an instance with worker processes', { timeout: 3 * patience }, () => {
  it('spreads its readers, counts them together, and streams what only they want', async () => {
    const instance = await start()
    await until('both are ready', () => instance.logged('worker ready').length === 2)
    const readers = await open(instance, 20)
    const [wanting] = await open(instance, 1, 'pairs=ETH/USD,NO/USD')
    await until('all have prices', () => readers.every(reader => reader.prices().length > 3) && (wanting?.prices().length ?? 0) > 1)
    const told = wanting?.events.find(({ name }) => name === 'pair-error')
    expect(told?.data).toMatchObject({ pair: 'NO/USD', code: 'unknown-pair' })
    await until('they are counted', async () => (await instance.status()).readers === 21)
    for (const { readers: count } of await workersOf(instance)) expect([10, 11]).toContain(count)
    const scrape = readScrape(await (await fetch(`${instance.url}/metrics`)).text())
    expect(scrape.of('tickcast_readers')).toBe(21)
    expect(scrape.of('tickcast_readers_joined_total')).toBe(21)
    expect(scrape.of('tickcast_prices_delivered_total')).toBeGreaterThan(60)
    expect(readers[0]?.named('status').at(-1)?.data).toMatchObject({ role: 'leader', level: 'live', pairs: { 'BTC/USD': 'live' } })
    expect((await instance.status()).pairs['ETH/USD']).toBeDefined()
    wanting?.close()
    await until('nobody wants it any more', async () => (await instance.status()).pairs['ETH/USD'] === undefined)
    for (const reader of readers) expectInOrder(reader)
    for (const path of ['/', '/docs', '/v1/prices/BTC/USD', '/v1/pairs?search=btc', '/health/ready', '/machines', '/openapi.json'])
      expect([path, (await fetch(`${instance.url}${path}`)).status]).toEqual([path, 200])
    expect((await fetch(`${instance.url}/metrics`, { method: 'HEAD' })).headers.get('content-type')).toMatch(/^text\/plain/)
    expect((await fetch(`${instance.url}/admin/hand-over`, { method: 'POST' })).status).toBe(403)
  })

  it('replaces a worker that dies; its readers go on where they were, the others notice nothing', async () => {
    const instance = await start()
    await until('both are ready', () => instance.logged('worker ready').length === 2)
    const readers = await open(instance, 10, 'pairs=BTC/USD&mode=every')
    await until('all have prices', () => readers.every(reader => reader.prices().length > 3))
    const [victim] = await until('all are counted', async () => {
      const workers = await workersOf(instance)
      return workers.every(one => one.readers === 5) && workers
    })
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    const lost = await until('its readers notice', () => {
      const over = readers.filter(reader => reader.isOver)
      return over.length === 5 && over
    })
    const before = (await instance.status()).readers
    const again = await Promise.all(
      lost.map(reader =>
        openReader(`${instance.url}/v1/stream?pairs=BTC/USD&mode=every`, { 'Last-Event-ID': reader.prices().at(-1)?.id ?? '' }),
      ),
    )
    await until('they have prices again', () => again.every(reader => reader.prices().length > 3))
    for (const [index, reader] of again.entries()) expectInOrder(lost[index] as Reader, reader)
    const stayed = readers.filter(reader => !lost.includes(reader))
    expect(stayed.map(reader => [reader.isOver, reader.named('gap').length])).toEqual(Array(5).fill([false, 0]))
    for (const reader of stayed) expectInOrder(reader)
    const workers = await until('there are two again', async () => {
      const now = await workersOf(instance)
      return now.length === 2 && now.reduce((sum, one) => sum + one.readers, 0) === 10 && now
    })
    expect(workers.map(({ pid }) => pid)).not.toContain(victim?.pid)
    expect(before).toBeLessThanOrEqual(10)
    expect(instance.logged('a worker ended; replacing it')).toMatchObject([{ worker: victim?.pid, how: 'SIGKILL' }])
    // What the dead one had counted is not forgotten: a counter only grows.
    const scrape = readScrape(await (await fetch(`${instance.url}/metrics`)).text())
    expect(scrape.of('tickcast_readers_joined_total')).toBe(15)
  })

  it('gives new readers to the others while one stands still, and serves again when all had died', async () => {
    const instance = await start()
    await until('both are ready', () => instance.logged('worker ready').length === 2)
    const [still, other] = await workersOf(instance)
    process.kill(still?.pid ?? 0, 'SIGSTOP')
    await until('that is noticed', async () => (await asked(instance)).some(({ silentMs }) => silentMs > 2100))
    const readers = await open(instance, 6)
    await until('all have prices', () => readers.every(reader => reader.prices().length > 0))
    for (const pid of [still?.pid, other?.pid]) process.kill(pid ?? 0, 'SIGKILL')
    // What was on its way to one of them is lost with it; what comes later waits for the next.
    const late = await until('a reader comes through', () => open(instance, 1).catch(() => undefined))
    await until('it has a price', () => (late[0]?.prices().length ?? 0) > 0)
    await until('it leads as before', async () => (await instance.status().catch(() => undefined))?.role === 'leader')
  })

  it('stops in order: every reader told, every process gone; and no worker outlives an instance that is killed', async () => {
    const instance = await start()
    await until('both are ready', () => instance.logged('worker ready').length === 2)
    const readers = await open(instance, 50)
    await until('all have prices', () => readers.every(reader => reader.prices().length > 0))
    const workers = await workersOf(instance)
    instance.signal('SIGTERM')
    await until('all streams are over', () => readers.every(reader => reader.isOver))
    for (const reader of readers) expect(reader.events.at(-1)?.name).toBe('reconnect')
    expect(await instance.exited(patience)).toBe(0)
    expect(workers.filter(({ pid }) => isAlive(pid))).toEqual([])

    const second = await start()
    const [one] = await workersOf(second)
    const [, , , home = ''] = readFileSync(`/proc/${one?.pid}/cmdline`, 'utf8').split('\0')
    expect(existsSync(home)).toBe(true)
    second.signal('SIGKILL')
    await until('the worker is gone', () => !isAlive(one?.pid ?? 0))
    await until('and their place on the disk', () => !existsSync(dirname(home)))
  })
})

describe.skipIf(!redisAvailable)('over Redis', { timeout: 3 * patience }, () => {
  it('workers of a follower get every price, and are told when it takes the lead', async () => {
    const redis = await startRedis()
    const shared = { REDIS_URL: redis.url, TICKCAST_LEASE_TTL_MS: '1000' }
    const leader = await start({ ...shared, TICKCAST_WORKERS: '0' })
    const follower = await start(shared)
    await until('it is live', async () => (await follower.status()).level === 'live')
    const [reader] = await open(follower, 1, 'pairs=BTC/USD&mode=every')
    await until('prices came', () => (reader?.prices().length ?? 0) > 20)
    expect(reader?.named('status').at(-1)?.data.role).toBe('follower')
    expect(reader?.named('gap')).toEqual([])
    const trades = reader?.prices().map(({ data }) => data.tradeId) ?? []
    expect(trades.slice(1).map((id, index) => id - trades[index])).toEqual(Array(trades.length - 1).fill(1))
    leader.signal('SIGKILL')
    await until('it leads, and says so', () => reader?.named('status').at(-1)?.data.role === 'leader')
    const soFar = reader?.prices().length ?? 0
    await until('prices go on', () => (reader?.prices().length ?? 0) > soFar + 5)
    expectInOrder(reader as Reader)
    endAll()
    await redis.stop()
  })
})
