import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { names as namesOf } from '../../src/names.ts'
import { redisAvailable } from '../support/redis.ts'
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts'
import { busContract } from './bus.contract.ts'
import { followingContract } from './following.contract.ts'
import { leaseContract } from './lease.contract.ts'
import { ledgerContract } from './ledger.contract.ts'
import { connect, follow, price } from './redis-subject.ts'
import { eventually, lead, type Subject } from './subject.ts'
import { visitsContract } from './visits.contract.ts'
import { wantsContract } from './wants.contract.ts'

describe.skipIf(!redisAvailable)('redis cluster', () => {
  let cluster: RedisCluster
  let opened = 0
  beforeAll(async () => {
    cluster = await startRedisCluster()
  }, 60_000)
  afterAll(async () => cluster.stop())

  // Each subject has a tag of its own, so a slot of its own: all three servers get their turn.
  const open = async (): Promise<Subject> => {
    opened += 1
    const prefix = `{t${opened}}:`
    const names = namesOf(prefix)
    return {
      names,
      join: options => connect(cluster.url, { ...options, prefix }),
      loseEverything: () => cluster.everywhere('FLUSHALL'),
      cutFollowings: () => cluster.everywhere('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      write: async (key, text) => void (await cluster.hand.set(key, text)),
      list: async instance => void (await cluster.hand.zadd(names.demands, Date.now() + 60_000, instance)),
      dispose: () => cluster.everywhere('FLUSHALL'),
    }
  }
  busContract(open)
  followingContract(open)
  wantsContract(open)
  visitsContract(open)
  leaseContract(open)
  ledgerContract(open)

  test('prices are told in the slot of their server, and not to the whole cluster', async () => {
    const prefix = '{sharded}:'
    const names = namesOf(prefix)
    const leader = await connect(cluster.url, { prefix })
    const epoch = await lead(leader)
    const follower = await follow(leader, ['BTC/USD'])
    const heard: string[] = []
    for (const { hand } of cluster.nodes) {
      const ears = hand.duplicate()
      await ears.subscribe(names.channel('BTC/USD'))
      ears.on('message', (_channel, text) => void heard.push(text))
      try {
        await leader.bus.publish(epoch, [price('one')])
        await eventually(() => follower.prices.length > 0)
        await hand.publish(names.channel('BTC/USD'), 'by hand')
        await eventually(() => heard.length > 0)
        expect(heard).toEqual(['by hand'])
      } finally {
        ears.disconnect()
        heard.length = 0
      }
    }
    expect(follower.texts('BTC/USD')).toEqual(['one', 'one', 'one'])
  })

  test('one server of a cluster is not one Redis, and says so', async () => {
    const owner = await cluster.ownerOf('{tag}:prices:epoch')
    const other = cluster.nodes.find(node => node !== owner)
    const astray = await connect(`redis://127.0.0.1:${other?.server.port}`, { prefix: '{tag}:' })
    expect(await astray.bus.publish(1, [])).toEqual({
      kind: 'unreachable',
      cause: `Redis at 127.0.0.1:${other?.server.port} is a server of a Cluster: use redis+cluster:// instead of redis://`,
    })
  })
})
