import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { names as namesOf } from '../../src/names.ts'
import { redisAvailable } from '../support/redis.ts'
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts'
import { goesBack, listen, pair, pump, takeOver } from './enduring.ts'
import { connect, start } from './redis-subject.ts'
import { eventually, lead } from './subject.ts'

describe.skipIf(!redisAvailable)('a Redis Cluster that changes', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startRedisCluster({ replicas: true })
  }, 60_000)
  afterAll(async () => cluster.stop())

  test('our slot moves to another server while prices flow: none is lost, none goes back', async () => {
    const prefix = '{moving}:'
    const { epoch: key } = namesOf(prefix)
    const [leader, other] = [await connect(cluster.url, { prefix }), await connect(cluster.url, { prefix })]
    const epoch = await lead(leader)
    const ears = listen(other.bus)
    const prices = pump(leader.bus, epoch)
    await eventually(() => ears.live.length > 20)
    const from = await cluster.ownerOf(key)
    const to = cluster.nodes.slice(0, 3).find(node => node !== from)
    if (to === undefined) throw new Error('nowhere to go')
    await cluster.moveSlot(key, to)
    const moved = prices.accepted.length
    await eventually(() => prices.accepted.length > moved + 50 && (ears.live.at(-1)?.number ?? 0) > moved + 50, 15_000)
    await prices.stop()
    await eventually(() => ears.live.at(-1)?.number === prices.accepted.at(-1))
    ears.stop()
    expect(await cluster.ownerOf(key)).toBe(to)
    expect(ears.losses.length).toBeGreaterThan(0)
    expect(goesBack(ears)).toBeUndefined()
    // A connection that had nothing to ask meanwhile finds out by itself.
    await eventually(async () => (await other.bus.last([pair])).kind === 'read')
    expect(await other.bus.last([pair])).toEqual({
      kind: 'read',
      payloads: new Map([[pair, Buffer.from(`${epoch} ${prices.accepted.at(-1)}`)]]),
    })
    expect(leader.notes.at(-1)).toEqual({ kind: 'connected' })
  })

  test('the master of our slot dies: its replica is found, and the dead one moves no price when it comes back', async () => {
    const prefix = '{dying}:'
    const { epoch: key } = namesOf(prefix)
    const [leader, other] = [await connect(cluster.url, { prefix }), await connect(cluster.url, { prefix })]
    const epoch = await lead(leader)
    const ears = listen(other.bus)
    const prices = pump(leader.bus, epoch)
    await eventually(() => ears.live.length > 20)
    const dead = await cluster.ownerOf(key)
    // Replication is asynchronous: a replica that had not heard of the epoch would fence it.
    const replication = async (field: RegExp): Promise<number> => Number(field.exec(await dead.hand.info('replication'))?.[1] ?? -1)
    const written = await replication(/master_repl_offset:(\d+)/)
    await eventually(async () => (await replication(/state=online,offset=(\d+)/)) >= written, 20_000)
    await dead.server.kill()
    const before = prices.accepted.length
    await eventually(() => prices.isFenced() || prices.accepted.length > before + 50, 20_000)
    expect(prices.isFenced()).toBe(false)
    await eventually(() => (ears.live.at(-1)?.number ?? 0) > before + 50, 10_000)
    const fresh = await takeOver(leader, other)
    await eventually(() => prices.isFenced())
    const later = pump(other.bus, fresh)
    await eventually(() => ears.live.at(-1)?.epoch === fresh)
    await dead.server.restart()
    await eventually(async () => (await dead.hand.info('replication').catch(() => '')).includes('role:slave'), 15_000)
    expect(await leader.bus.publish(epoch, [{ pair, payload: `${epoch} 999999` }])).toEqual({ kind: 'fenced' })
    await later.stop()
    await eventually(() => ears.live.at(-1)?.number === later.accepted.at(-1))
    ears.stop()
    expect(goesBack(ears)).toBeUndefined()
    expect(prices.gapMs()).toBeLessThan(10_000)
  }, 60_000)

  test('a cluster without a server for our slot is down, and says so', async () => {
    const lonely = await start({ args: ['--cluster-enabled', 'yes'] })
    const { notes } = await connect(`redis+cluster://127.0.0.1:${lonely.port}`, { prefix: '{t}:' })
    expect(notes).toEqual([
      { kind: 'lost', cause: `the Redis Cluster at 127.0.0.1:${lonely.port} is down: not every slot has a server (CLUSTERDOWN)` },
    ])
  })

  test('one Redis is no cluster', async () => {
    const single = await start()
    const { notes } = await connect(`redis+cluster://127.0.0.1:${single.port}`, { prefix: '{t}:' })
    expect(notes).toEqual([
      { kind: 'lost', cause: 'REDIS_URL names a Redis Cluster, but its server is none: use redis:// instead of redis+cluster://' },
    ])
  })
})
