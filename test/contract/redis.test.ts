import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe } from 'vitest'
import { names as namesOf } from '../../src/names.ts'
import { type RedisServer, redisAvailable, startRedis } from '../support/redis.ts'
import { busContract } from './bus.contract.ts'
import { followingContract } from './following.contract.ts'
import { handOverContract } from './hand-over.contract.ts'
import { leaseContract } from './lease.contract.ts'
import { ledgerContract } from './ledger.contract.ts'
import { connect } from './redis-subject.ts'
import type { Subject } from './subject.ts'
import { visitsContract } from './visits.contract.ts'
import { wantsContract } from './wants.contract.ts'

describe.skipIf(!redisAvailable)('redis', () => {
  let server: RedisServer
  let raw: Redis
  let opened = 0
  beforeAll(async () => {
    server = await startRedis()
    raw = new Redis(server.url)
  })
  afterAll(async () => {
    raw.disconnect()
    await server.stop()
  })

  const open = async (): Promise<Subject> => {
    opened += 1
    const prefix = `t${opened}:`
    const names = namesOf(prefix)
    return {
      names,
      join: options => connect(server.url, { ...options, prefix }),
      loseEverything: async () => void (await raw.flushall()),
      cutFollowings: async () => void (await raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub')),
      write: async (key, text) => void (await raw.set(key, text)),
      list: async instance => void (await raw.zadd(names.demands, Date.now() + 60_000, instance)),
      dispose: async () => void (await raw.flushall()),
    }
  }
  busContract(open)
  followingContract(open)
  wantsContract(open)
  visitsContract(open)
  leaseContract(open)
  handOverContract(open)
  ledgerContract(open)
})
