import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { endAll, startProcess } from '../support/instance.ts'
import { openReader } from '../support/reader.ts'
import { redisAvailable, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

let exchange: SimulatedExchange | undefined
afterEach(async () => {
  endAll()
  await exchange?.close()
  exchange = undefined
})

const hosts = async (): Promise<Record<string, string>> => {
  exchange = await startExchange({ clock: systemClock })
  return { TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl, TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl }
}

describe('bad input is answered by one clear sentence', () => {
  it('each bad setting stops the start with a sentence of its own', async () => {
    const one = await startProcess(
      ['serve'],
      { TICKCAST_PAIRS: 'BTC', TICKCAST_LEASE_TTL_MS: 'soon', TICKCAST_PAIR: 'BTC/USD', PORT: '99999' },
      { isServer: false },
    )
    expect(await one.exited()).toBe(1)
    expect(one.said).toHaveLength(4)
    expect(one.said).toEqual(
      expect.arrayContaining([
        expect.stringContaining('TICKCAST_PAIRS'),
        expect.stringContaining('TICKCAST_LEASE_TTL_MS'),
        expect.stringContaining('TICKCAST_PAIR is no setting'),
        expect.stringContaining('PORT'),
      ]),
    )
  })

  it('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await until('listening', () => taken.listening)
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const one = await startProcess(['serve'], { ...(await hosts()), PORT: String(port) }, { isServer: false })
    expect(await one.exited()).toBe(1)
    expect(one.said).toEqual([`Port ${port} of 127.0.0.1 is in use; set PORT to another one.`])
    taken.close()
  })

  it('a demo that no second port is left for', async () => {
    const one = await startProcess(['demo'], { PORT: '65535' }, { isServer: false })
    expect(await one.exited()).toBe(1)
    expect(one.said).toEqual(['PORT=65535 leaves none for the second instance, which takes the next one.'])
  })

  it('an unknown command', async () => {
    const one = await startProcess(['fly'], {}, { isServer: false })
    expect(await one.exited()).toBe(1)
    expect(one.said).toEqual(['There is no command "fly". Try: tickcast --help'])
  })

  it('an exchange that does not resolve: it serves, says why and what to try, and goes on trying', async () => {
    const one = await startProcess(['serve'], {
      TICKCAST_EXCHANGE_WS_URLS: 'ws://exchange.invalid',
      TICKCAST_EXCHANGE_REST_URLS: 'http://exchange.invalid',
    })
    const [line] = await until('it says so', () => {
      const lines = one.logged(/the exchange cannot be reached/)
      return lines.length > 0 && lines
    })
    expect(line).toMatchObject({
      cause: 'the name of http://exchange.invalid does not resolve',
      msg: expect.stringContaining('npm run demo'),
    })
    expect((await fetch(`${one.url}/health/live`)).status).toBe(200)
    const ready = await fetch(`${one.url}/health/ready`)
    expect(ready.status).toBe(503)
    expect(await ready.json()).toMatchObject({ reasons: [expect.any(String)] })
    const reader = await openReader(`${one.url}/v1/stream?pairs=BTC/USD`)
    await until('status is told', () => reader.named('status')[0])
    expect(await one.status()).toMatchObject({
      role: 'leader',
      level: 'stale',
      connection: 'reconnecting',
      lastError: { message: expect.stringContaining('does not resolve') },
    })
  })

  it('pairs that are unknown, not trading or malformed disturb no other', async () => {
    const one = await startProcess(['serve'], await hosts())
    const ready = async (): Promise<boolean> => (await fetch(`${one.url}/health/ready`)).status === 200
    await until('ready', ready)
    const reader = await openReader(`${one.url}/v1/stream?pairs=BTC/USD,NOPE/USD,BCC/BTC`)
    await until('BTC/USD streams', () => reader.prices('BTC/USD').length > 2)
    expect(reader.named('pair-error').map(({ data }) => [data.pair, data.code])).toEqual([
      ['NOPE/USD', 'unknown-pair'],
      ['BCC/BTC', 'not-trading'],
    ])
    const many = Array.from({ length: 500 }, (_, at) => `A${at}/USD`).join(',')
    for (const [query, status] of [
      [`pairs=${many}`, 400],
      ['pairs=BTC/USD,?', 400],
      ['pairs=NOPE/USD', 404],
      ['', 400],
    ] as const) {
      const answer = await fetch(`${one.url}/v1/stream?${query}`)
      expect(answer.status).toBe(status)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(await answer.json()).toMatchObject({ detail: expect.stringMatching(/^[^\n]{10,200}$/) })
    }
    const had = reader.prices().length
    await until('BTC/USD goes on', () => reader.prices().length > had)
  })

  it.skipIf(!redisAvailable)('a Redis that refuses the password: said once, and readers are served without it', async () => {
    const redis = await startRedis({ password: 'right' })
    const one = await startProcess(['serve'], { ...(await hosts()), REDIS_URL: `redis://:wrong@127.0.0.1:${redis.port}` })
    await until('it says so', () => one.logged('Redis lost; still trying')[0])
    const reader = await openReader(`${one.url}/v1/stream?pairs=BTC/USD`)
    await until('prices flow', () => reader.prices().length > 2)
    expect(await one.status()).toMatchObject({ role: 'solo', level: 'live' })
    expect(one.logged('Redis lost; still trying')).toHaveLength(1)
    expect(JSON.stringify(one.lines)).not.toContain('wrong@')
    expect(JSON.stringify(one.logged('Redis lost; still trying')[0])).toMatch(/password/)
    await redis.stop()
  })
})
