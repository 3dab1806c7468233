import { afterEach, describe, expect, it } from 'vitest'
import { type Fleet, reaches, startFleet } from '../support/fleet.ts'
import type { Process } from '../support/instance.ts'
import { comparePositions, openReader, type Reader } from '../support/reader.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

let fleet: Fleet
afterEach(() => fleet.end())

/** No price of a pair stands at or before the one shown before it. */
function expectNoneOlder(reader: Reader, pair: string): void {
  const ids = reader.prices(pair).map(({ id }) => id)
  ids.forEach((id, at) => {
    if (at > 0) expect(comparePositions(id, ids[at - 1] ?? '')).toBeGreaterThan(0)
  })
}

const flows = (reader: Reader, pair: string, more = 3): Promise<unknown> => {
  const had = reader.prices(pair).length
  return until(`${pair} flows`, () => reader.prices(pair).length >= had + more)
}

describe.skipIf(!redisAvailable)('the four ways it used to break', () => {
  it('streams a pair asked for later, on any instance, on the socket that is open', async () => {
    fleet = await startFleet()
    const one = await fleet.start({ TICKCAST_PAIRS: '' })
    await fleet.leader([one])
    const two = await fleet.start({ TICKCAST_PAIRS: '' })
    await until('connected', () => fleet.exchange.stats().connections.now === 1)
    const first = await openReader(`${one.url}/v1/stream?pairs=BTC/USD`)
    await flows(first, 'BTC/USD')
    const asked = performance.now()
    const second = await openReader(`${two.url}/v1/stream?pairs=ETH/USD`)
    await until('ETH/USD streams', () => second.prices('ETH/USD').find(({ data }) => data.source === 'websocket'))
    expect(performance.now() - asked).toBeLessThan(1500)
    await flows(first, 'BTC/USD')
    expect(fleet.exchange.stats().connections).toMatchObject({ now: 1, ever: 1 })
    expect(fleet.exchange.stats().violations).toEqual({})
    expectNoneOlder(first, 'BTC/USD')
  })

  it('has one connection whoever stops and comes back, and connects again by itself', async () => {
    fleet = await startFleet()
    const one = await fleet.start()
    await fleet.leader([one])
    const two = await fleet.start()
    await reaches(two, 'live')
    expect(await two.status()).toMatchObject({ role: 'follower', connection: 'idle' })
    expect(fleet.exchange.stats().connections.now).toBe(1)
    one.signal('SIGTERM')
    expect(await one.exited()).toBe(0)
    await fleet.leader([two])
    await reaches(two, 'live')
    expect(fleet.exchange.stats().connections.now).toBe(1)
    const again = await fleet.start()
    await reaches(again, 'live')
    expect(await again.status()).toMatchObject({ role: 'follower' })
    expect(await two.status()).toMatchObject({ role: 'leader', connection: 'connected' })
    expect(fleet.exchange.stats().connections).toMatchObject({ now: 1, ever: 2 })
  })

  it('disconnects on purpose when it loses leadership, and connects when it has it again', async () => {
    fleet = await startFleet()
    const one = await fleet.start({ TICKCAST_INSTANCE_ID: 'one' })
    await fleet.leader([one])
    await reaches(one, 'live')
    const before = (await one.status()).epoch
    const ours = `return redis.call('GET', 'prices:leader'):find('^one%-') and #redis.call('KEYS', 'prices:demand:one-*')`
    expect(await fleet.redis.command(`EVAL "${ours}" 0`)).toBe(':1')
    await fleet.redis.command('SET prices:leader somebody-else PX 1500')
    await until('it let go', async () => (await one.status()).connection === 'intentionally-disconnected')
    await until('nobody is connected', () => fleet.exchange.stats().connections.now === 0)
    await fleet.leader([one])
    await until('it connected again', async () => (await one.status()).connection === 'connected')
    expect((await one.status()).epoch).toBeGreaterThan(before)
  })

  it.each([
    ['stopped', 'SIGTERM'],
    ['killed', 'SIGKILL'],
  ] as const)('serves readers of a follower through Redis, also when the leader is %s', async (_, signal) => {
    fleet = await startFleet()
    const one = await fleet.start()
    await fleet.leader([one])
    const two = await fleet.start()
    await reaches(two, 'live')
    const reader = await openReader(`${two.url}/v1/stream?pairs=BTC/USD`)
    await flows(reader, 'BTC/USD')
    one.signal(signal)
    await one.exited()
    const late = await openReader(`${two.url}/v1/stream?pairs=BTC/USD`)
    await until('a reader who comes now is served', () => late.prices('BTC/USD').length > 0, 1000)
    await fleet.leader([two])
    await flows(reader, 'BTC/USD', 5)
    await reaches(two, 'live')
    expect(reader.isOver).toBe(false)
    expectNoneOlder(reader, 'BTC/USD')
  })

  it('goes down every level when the socket, REST, Redis and time are taken away, and up again', async () => {
    fleet = await startFleet()
    const { faults } = fleet.exchange
    const one = await fleet.start({ TICKCAST_STALE_AFTER_MS: '12000' })
    await fleet.leader([one])
    await reaches(one, 'live')
    const reader = await openReader(`${one.url}/v1/stream?pairs=BTC/USD`)

    faults.upgradeStatus = 503
    faults.kill()
    await reaches(one, 'polling')
    await until('prices come over REST', () => reader.prices().at(-1)?.data.source === 'rest')
    expect(await until('a status', () => reader.named('status').at(-1))).toMatchObject({
      data: { level: 'polling', pairs: { 'BTC/USD': 'polling' } },
    })

    faults.restDown = true
    await reaches(one, 'shared-cache')
    await expectServed(one, { level: 'shared-cache', cached: true })

    await fleet.redis.kill()
    await reaches(one, 'local-cache')
    await expectServed(one, { level: 'local-cache', cached: true })

    await reaches(one, 'stale', 15_000)
    await expectServed(one, { level: 'stale', cached: true })
    expect((await fetch(`${one.url}/health/ready`)).status).toBe(503)

    faults.restDown = false
    await reaches(one, 'polling')
    faults.clear()
    await reaches(one, 'live', 20_000)
    await flows(reader, 'BTC/USD')
    const told = reader.named('status').map(({ data }) => data.level)
    expect(told.filter((level, at) => level !== told[at - 1])).toEqual([
      'live',
      'polling',
      'shared-cache',
      'local-cache',
      'stale',
      'polling',
      'live',
    ])
    expect(reader.isOver).toBe(false)
    expectNoneOlder(reader, 'BTC/USD')
  }, 60_000)
})

async function expectServed(one: Process, expected: object): Promise<void> {
  const answer = await fetch(`${one.url}/v1/prices/BTC/USD`)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject(expected)
  const reader = await openReader(`${one.url}/v1/stream?pairs=BTC/USD`)
  await until('the last price at once', () => reader.prices()[0]?.data, 1000).then(data => expect(data).toMatchObject(expected))
  reader.close()
}
