import { type AddressInfo, createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { names as namesOf } from '../../src/names.ts'
import { type RedisServer, redisAvailable } from '../support/redis.ts'
import { type SentinelGroup, startSentinel, startSentinelGroup } from '../support/redis-sentinel.ts'
import { busContract } from './bus.contract.ts'
import { type Ears, goesBack, listen, pair, pump, takeOver } from './enduring.ts'
import { followingContract } from './following.contract.ts'
import { leaseContract } from './lease.contract.ts'
import { ledgerContract } from './ledger.contract.ts'
import { type Connected, connect, start } from './redis-subject.ts'
import { eventually, lead, type Subject } from './subject.ts'
import { visitsContract } from './visits.contract.ts'
import { wantsContract } from './wants.contract.ts'

describe.skipIf(!redisAvailable)('redis sentinel', () => {
  describe('as any Redis', () => {
    let group: SentinelGroup
    let opened = 0
    beforeAll(async () => {
      group = await startSentinelGroup()
    }, 60_000)
    afterAll(async () => group.stop())

    const open = async (): Promise<Subject> => {
      opened += 1
      const prefix = `t${opened}:`
      const names = namesOf(prefix)
      const master = group.servers[0]
      return {
        names,
        join: options => connect(group.url, { ...options, prefix }),
        loseEverything: async () => void (await master?.command('FLUSHALL')),
        cutFollowings: async () => void (await master?.command('CLIENT KILL TYPE pubsub')),
        write: async (key, text) => void (await master?.command(`SET ${key} "${text.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`)),
        list: async instance => void (await master?.command(`ZADD ${names.demands} ${Date.now() + 60_000} ${instance}`)),
        dispose: async () => void (await master?.command('FLUSHALL')),
      }
    }
    busContract(open)
    followingContract(open)
    wantsContract(open)
    visitsContract(open)
    leaseContract(open)
    ledgerContract(open)

    test('a sentinel that is gone does not matter, a group nobody watches is named', async () => {
      const alive = group.sentinels[2]?.port
      const oneAlive = `redis+sentinel://127.0.0.1:1,127.0.0.1:${alive}/prices`
      expect((await connect(oneAlive)).notes).toEqual([{ kind: 'connected' }])
      const unknown = await connect(`redis+sentinel://127.0.0.1:${alive}/nothing`)
      expect(unknown.notes).toEqual([{ kind: 'lost', cause: 'the sentinels do not know the Sentinel group nothing' }])
      // Cut off from the others, it still names what is only a replica now.
      const port = String(group.servers[1]?.port)
      const liar = createServer(socket => socket.on('data', () => socket.write(`*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`)))
      await new Promise<void>(resolve => liar.listen(0, '127.0.0.1', resolve))
      const { port: liarPort } = liar.address() as AddressInfo
      for (let round = 0; round < 4; round += 1) {
        const misled = await connect(`redis+sentinel://127.0.0.1:${liarPort},127.0.0.1:${alive}/prices`)
        await eventually(() => misled.notes.at(-1)?.kind === 'connected')
        const ears = listen(misled.bus)
        const epoch = await lead(misled)
        await eventually(async () => {
          await misled.bus.publish(epoch, [{ pair, payload: `${epoch} 1` }])
          return ears.live.length > 0
        })
        ears.stop()
        await misled.lease.release({ id: 'first' })
      }
      liar.close()
      const nobody = await connect('redis+sentinel://127.0.0.1:1,127.0.0.1:2/prices')
      expect(nobody.notes).toEqual([{ kind: 'lost', cause: 'nothing listens at the Sentinel group prices (connection refused)' }])
    })
  })

  test('sentinels may ask for the same password as the master', async () => {
    const master = await start({ password: 's3cret' })
    const sentinel = await startSentinel(master.port, { password: 's3cret' })
    try {
      const member = await connect(`redis+sentinel://:s3cret@127.0.0.1:${sentinel.port}/prices`)
      expect(member.notes).toEqual([{ kind: 'connected' }])
      await lead(member)
      const wrong = await connect(`redis+sentinel://:wr0ng@127.0.0.1:${sentinel.port}/prices`)
      expect(wrong.notes).toEqual([
        { kind: 'lost', cause: 'Redis at the Sentinel group prices does not accept the user name or password in REDIS_URL (WRONGPASS)' },
      ])
    } finally {
      await sentinel.stop()
    }
  })

  /** The times are those of the facts about Redis, with `down-after-milliseconds 2000`: killed 5 s, paused 7 s, planned 2 s. */
  describe('when the master changes', () => {
    let group: SentinelGroup
    let leader: Connected
    let other: Connected
    let ears: Ears
    beforeEach(async () => {
      group = await startSentinelGroup({ downAfterMs: 2000 })
      leader = await connect(group.url)
      other = await connect(group.url)
      ears = listen(other.bus)
    }, 60_000)
    afterEach(async () => {
      ears.stop()
      await group.stop()
    })

    const survive = async (change: () => Promise<unknown>, withinMs: number) => {
      const epoch = await lead(leader)
      const prices = pump(leader.bus, epoch)
      await eventually(() => ears.live.length > 20)
      const old = await group.master()
      const changedAt = performance.now()
      await change()
      await eventually(async () => (await group.master()) !== old, 20_000)
      const master = await group.master()
      await eventually(async () => (await followersOn(master)) === 1 && leader.notes.at(-1)?.kind === 'connected', 20_000)
      await eventually(() => leader.notes.length > 2)
      const movedMs = performance.now() - changedAt
      const before = prices.accepted.at(-1) ?? 0
      await eventually(() => (prices.accepted.at(-1) ?? 0) > before + 20 && (ears.live.at(-1)?.number ?? 0) > before + 20, 20_000)
      expect(prices.isFenced()).toBe(false)
      // On a machine that tests share the sentinels themselves are late.
      expect(prices.gapMs()).toBeLessThan(withinMs * 1.5)
      return { epoch, prices, old, movedMs }
    }

    /** A new term on the new master; whatever the old one does, it moves no price. */
    const succeed = async (epoch: number): Promise<void> => {
      const fresh = await takeOver(leader, other)
      expect(fresh).toBeGreaterThan(epoch)
      expect(await leader.bus.publish(epoch, [{ pair, payload: `${epoch} 999999` }])).toEqual({ kind: 'fenced' })
      await other.bus.publish(fresh, [{ pair, payload: `${fresh} 1` }])
      await eventually(() => ears.live.at(-1)?.epoch === fresh)
      expect(goesBack(ears)).toBeUndefined()
    }

    test('killed: its replica is found', async () => {
      const { epoch, prices } = await survive(async () => (await group.master()).kill(), 5000)
      await prices.stop()
      await succeed(epoch)
    }, 60_000)

    test('failed over on purpose: nobody stays behind on the old master', async () => {
      const { epoch, prices, old, movedMs } = await survive(() => group.failOver(), 2000)
      // Measured: 1.5 s. Who waits for Redis to end the old connections stays for eleven, publishing what will be lost.
      expect(movedMs).toBeLessThan(6000)
      await prices.stop()
      const last = prices.accepted.at(-1)
      // Once the leader is on the new master, what that one stores is what was last confirmed.
      expect(await other.bus.last([pair])).toEqual({ kind: 'read', payloads: new Map([[pair, Buffer.from(`${epoch} ${last}`)]]) })
      await eventually(async () => (await followersOn(old)) === 0)
      await succeed(epoch)
    }, 60_000)

    test('paused, replaced, and back: what it still says is not believed', async () => {
      const { epoch, prices, old } = await survive(async () => (await group.master()).pause(), 7000)
      await prices.stop()
      const confirmed = prices.accepted.at(-1)
      old.resume()
      await eventually(async () => (await old.command('SET x 1').catch(() => '')).startsWith('-READONLY'), 20_000)
      expect(await other.bus.last([pair])).toEqual({ kind: 'read', payloads: new Map([[pair, Buffer.from(`${epoch} ${confirmed}`)]]) })
      await succeed(epoch)
    }, 60_000)

    test('a master without replicas that count refuses writes, and prices are not taken for published', async () => {
      const epoch = await lead(leader)
      const master = await group.master()
      await master.command('CONFIG SET min-replicas-to-write 3')
      expect(await leader.bus.publish(epoch, [{ pair, payload: `${epoch} 1` }])).toEqual({
        kind: 'unreachable',
        cause: 'Redis at the Sentinel group prices has too few replicas to accept writes (NOREPLICAS)',
      })
      expect(ears.live).toEqual([])
    }, 60_000)
  })
})

/** 0 or 1: whether anybody follows prices on this server. */
const followersOn = async (server: RedisServer): Promise<number> => {
  const reply = await server.command('PUBSUB CHANNELS prices:heartbeat').catch(() => '*0')
  return Number(reply.slice(1))
}
