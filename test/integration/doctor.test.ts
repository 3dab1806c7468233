import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { endAll, startProcess } from '../support/instance.ts'
import { type RedisServer, redisAvailable, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

let exchange: SimulatedExchange | undefined
const servers: RedisServer[] = []
afterEach(async () => {
  endAll()
  await exchange?.close()
  exchange = undefined
  for (const server of servers.splice(0)) await server.stop()
})

const start = async (options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> => {
  const server = await startRedis(options)
  servers.push(server)
  return server
}

/** What the doctor says of Redis, and its exit code. */
async function examine(environment: Readonly<Record<string, string>>): Promise<readonly [string, number]> {
  exchange ??= await startExchange({ clock: systemClock })
  const doctor = await startProcess(['doctor'], { TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl, ...environment }, { isServer: false })
  const code = await doctor.exited(20_000)
  await until('it has said all', () => doctor.said.length > 0)
  return [doctor.said.find(line => line.includes('Redis: ') || line.startsWith('REDIS_URL')) ?? doctor.said.join(' '), code]
}

describe.skipIf(!redisAvailable)('the doctor says what is wrong with Redis in a sentence', () => {
  it('nothing', async () => {
    const server = await start()
    expect(await examine({ REDIS_URL: server.url })).toEqual(['ok   Redis: answers, and allows what an instance does', 0])
    expect(await server.command('DBSIZE')).toBe(':0')
  })

  it('a read-only replica', async () => {
    const master = await start()
    const replica = await start({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    expect(await examine({ REDIS_URL: replica.url })).toEqual([
      `fail Redis: Redis at 127.0.0.1:${replica.port} is a read-only replica (READONLY)`,
      1,
    ])
  })

  it('a permission that is missing, named', async () => {
    const server = await start()
    for (const [missing, name] of [
      ['-subscribe', 'subscribe'],
      ['-publish', 'publish'],
      ['-mget', 'mget'],
    ] as const) {
      await server.command(`ACL SETUSER u reset on >pw ~* &* +@all ${missing}`)
      const [line, code] = await examine({ REDIS_URL: `redis://u:pw@127.0.0.1:${server.port}` })
      expect(line).toMatch(new RegExp(`^fail Redis: the Redis user in REDIS_URL lacks a permission: .*(${name}|script)`))
      expect(code).toBe(1)
    }
    await server.command('ACL SETUSER u reset on >pw ~prices:demand* &* +@all')
    const [line] = await examine({ REDIS_URL: `redis://u:pw@127.0.0.1:${server.port}` })
    expect(line).toMatch(/^fail Redis: the Redis user in REDIS_URL lacks a permission: NOPERM/)
  }, 60_000)

  it('TLS where there is none, a Cluster that is none, and one without a hash tag', async () => {
    const server = await start()
    const at = `127.0.0.1:${server.port}`
    expect((await examine({ REDIS_URL: `rediss://${at}` }))[0]).toBe(
      `fail Redis: Redis at ${at} does not answer in TLS: is it frozen, or is this not its TLS port (redis:// is without TLS)?`,
    )
    expect((await examine({ REDIS_URL: `redis+cluster://${at}`, TICKCAST_PREFIX: '{t}:' }))[0]).toBe(
      'fail Redis: REDIS_URL names a Redis Cluster, but its server is none: use redis:// instead of redis+cluster://',
    )
    expect(await examine({ REDIS_URL: `redis+cluster://${at}` })).toEqual([
      'REDIS_URL names a Redis Cluster, where one server must hold everything of Tickcast: TICKCAST_PREFIX needs a hash tag ({tickcast}: has one).',
      1,
    ])
  })
})
