import { beforeEach, describe, expect, test } from 'vitest'
import { type RedisServer, redisAvailable } from '../support/redis.ts'
import { type Connected, connect, follow, price, start } from './redis-subject.ts'
import { eventually, lead, record } from './subject.ts'

describe.skipIf(!redisAvailable)('a Redis that fails', () => {
  describe('one server', () => {
    let server: RedisServer
    let leader: Connected
    beforeEach(async () => {
      server = await start()
      leader = await connect(server.url)
    })

    test('FLUSHALL while leading fences the old epoch, and the next one is higher', async () => {
      const old = await lead(leader)
      const follower = await follow(leader, ['BTC/USD'])
      await server.command('FLUSHALL')
      expect(await leader.bus.publish(old, [price('stale')])).toEqual({ kind: 'fenced' })
      const fresh = await lead(await connect(server.url), 'second')
      expect(fresh).toBeGreaterThan(old)
      expect(await leader.bus.publish(old, [price('stale')])).toEqual({ kind: 'fenced' })
      await leader.bus.publish(fresh, [price('fresh')])
      await eventually(() => follower.prices.length > 0)
      expect(follower.texts('BTC/USD')).toEqual(['fresh'])
    })

    test('a read-only replica answers unreachable and tells nobody', async () => {
      const epoch = await lead(leader)
      await leader.bus.publish(epoch, [price('stored')])
      const replica = await start({ args: ['--replicaof', '127.0.0.1', String(server.port)] })
      const astray = await connect(replica.url)
      await eventually(async () => {
        const last = await astray.bus.last(['BTC/USD'])
        return last.kind === 'read' && last.payloads.size === 1
      }, 10_000)
      const follower = await follow(astray, ['BTC/USD'])
      const readOnly = { kind: 'unreachable', cause: expect.stringMatching(/read-only replica/) }
      expect(await astray.bus.publish(epoch, [price('into the void')])).toEqual(readOnly)
      await eventually(async () => (await astray.bus.last(['BTC/USD'])).kind === 'read')
      expect(astray.notes.map(({ kind }) => kind)).toEqual(['connected', 'lost', 'connected'])
      expect(await astray.bus.beat(epoch, 'into the void')).toEqual(readOnly)
      await leader.bus.publish(epoch, [price('real')])
      await eventually(() => follower.texts('BTC/USD').includes('real'))
      expect(follower.texts('BTC/USD')).toEqual(['stored', 'real'])
      expect(follower.bulletins).toEqual([])
    })

    test('out of memory, prices are told but not stored, the leader stays and nobody is elected', async () => {
      const epoch = await lead(leader)
      const follower = await follow(leader, ['BTC/USD', 'ETH/USD'])
      expect(await server.command('CONFIG SET maxmemory 1')).toBe('+OK')
      const batch = [price('b1'), price('b2'), price('e', 'ETH/USD')]
      expect(await leader.bus.publish(epoch, batch)).toEqual({ kind: 'accepted', uncached: 2 })
      await eventually(() => follower.prices.length === 3)
      expect(await leader.bus.beat(epoch, 'alive')).toEqual({ kind: 'accepted', uncached: 0 })
      expect(await leader.lease.renew({ id: 'first', ttlMs: 60_000, epoch })).toEqual({ kind: 'held' })
      const hears = await leader.lease.acquire({ id: 'second', ttlMs: 1000, floorEpoch: 0 })
      expect(hears, 'a write that is refused is not a lease that nobody holds').toMatchObject({ kind: 'refused' })
      await leader.lease.release({ id: 'first' })
      const refused = await leader.lease.acquire({ id: 'second', ttlMs: 1000, floorEpoch: 0 })
      expect(refused).toEqual({ kind: 'unreachable', cause: expect.stringMatching(/out of memory/) })
      expect(await leader.bus.last(['BTC/USD'])).toEqual({ kind: 'read', payloads: new Map() })
    })

    test('a frozen server is unreachable within a moment, its followings are lost, and both recover', async () => {
      const epoch = await lead(leader)
      const follower = await follow(leader, ['BTC/USD'])
      server.pause()
      const pausedAt = performance.now()
      expect(await leader.bus.publish(epoch, [price('one')])).toMatchObject({
        kind: 'unreachable',
        cause: expect.stringMatching(/in time/),
      })
      expect(performance.now() - pausedAt).toBeLessThan(700)
      await eventually(() => follower.losses.length > 0)
      expect(performance.now() - pausedAt).toBeLessThan(3500)
      expect(follower.losses).toEqual([expect.stringMatching(/did not answer in time/)])
      const hopeful = record(leader.bus, ['BTC/USD'])
      await eventually(() => hopeful.losses.length > 0, 3000)
      server.resume()
      await eventually(async () => (await leader.bus.publish(epoch, [price('two')])).kind === 'accepted')
      await follow(leader, ['BTC/USD'])
    })

    test('a server killed and started again on its port is used again, and each change is noted once', async () => {
      const old = await lead(leader)
      const follower = await follow(leader, ['BTC/USD'])
      await server.kill()
      await eventually(() => follower.losses.length > 0 && leader.notes.length > 1)
      const failed = await leader.bus.publish(old, [price('one')])
      expect(failed.kind).toBe('unreachable')
      await eventually(() => leader.notes.length === 3)
      await server.restart()
      await eventually(async () => (await leader.bus.publish(old, [])).kind === 'fenced')
      expect(await lead(leader)).toBeGreaterThan(old)
      expect(leader.notes.map(({ kind }) => kind)).toEqual(['connected', 'lost', 'lost', 'connected'])
      expect(leader.notes[2]).toEqual({ kind: 'lost', cause: `nothing listens at 127.0.0.1:${server.port} (connection refused)` })
    })

    test('scripts that Redis forgot are sent again, and no price overtakes another', async () => {
      const epoch = await lead(leader)
      const follower = await follow(leader, ['BTC/USD'])
      const publications: Promise<unknown>[] = []
      for (let index = 0; index < 2000; index += 1) {
        if (index % 100 === 0) await server.command('SCRIPT FLUSH')
        publications.push(leader.bus.publish(epoch, [price(String(index))]))
        if (index % 7 === 0) await publications[index - 8]
      }
      for (const outcome of await Promise.all(publications)) expect(outcome).toEqual({ kind: 'accepted', uncached: 0 })
      await eventually(() => follower.prices.length === 2000)
      expect(follower.texts('BTC/USD').map(Number)).toEqual(Array.from({ length: 2000 }, (_, index) => index))
    })

    test('5,000 pairs are followed, and changed for 5,000 others', async () => {
      const pairsFrom = (first: number) => Array.from({ length: 5000 }, (_, index) => `P${first + index}/USD`)
      const epoch = await lead(leader)
      await leader.bus.publish(
        epoch,
        pairsFrom(0).map(pair => price('x', pair)),
      )
      const follower = await follow(leader, pairsFrom(0))
      expect(follower.prices).toHaveLength(5000)
      follower.following.want(new Set(pairsFrom(5000)))
      await eventually(async () => (await server.command('PUBSUB CHANNELS prices:dist:P0/USD:latest')) === '*0')
      await eventually(async () => {
        await leader.bus.publish(epoch, [price('y', 'P0/USD'), price('y', 'P9999/USD')])
        return follower.prices.length > 5000
      })
      expect(follower.prices[5000]?.pair).toBe('P9999/USD')
      expect(follower.losses).toEqual([])
    })

    test('demands leave nothing behind in Redis', async () => {
      const listed = () => server.command('ZCARD prices:demands')
      const noted = { kind: 'noted' }
      expect(await leader.ledger.announce('leaving', ['BTC/USD'], { ttlMs: 60_000, tell: false })).toEqual(noted)
      expect(await leader.ledger.announce('dying', ['BTC/USD'], { ttlMs: 50, tell: false })).toEqual(noted)
      expect(await listed()).toBe(':2')
      await leader.ledger.withdraw('leaving')
      expect(await listed()).toBe(':1')
      expect(await server.command('EXISTS prices:demand:leaving')).toBe(':0')
      await eventually(async () => (await server.command('EXISTS prices:demand:dying')) === ':0')
      await eventually(async () => (await leader.ledger.union()).kind === 'read' && (await listed()) === ':0')
    })

    test('a lease that somebody made everlasting still ends', async () => {
      await lead(leader)
      await server.command('PERSIST prices:leader')
      expect(await leader.lease.acquire({ id: 'second', ttlMs: 100, floorEpoch: 0 })).toEqual({ kind: 'refused', remainingMs: 100 })
      await eventually(async () => (await leader.lease.acquire({ id: 'second', ttlMs: 5000, floorEpoch: 0 })).kind === 'granted')
    })

    test('a spoilt epoch does not keep anybody from leading', async () => {
      for (const spoilt of ['rubbish', '-1', '1e300', '9007199254740991', 'nan', String((Date.now() + 86_460_000) * 1000)]) {
        await server.command(`SET prices:epoch ${spoilt}`)
        const epoch = await lead(leader)
        expect(epoch).toBeLessThan(Date.now() * 1000 + 1_000_000)
        await leader.lease.release({ id: 'first' })
      }
    })

    test('a user with only the permissions Tickcast needs can do everything, and a missing one is named', async () => {
      const least =
        '-@all +hello +auth +ping +info +subscribe +unsubscribe +eval +evalsha +get +mget +set +del +pexpire +pttl +time +publish +zadd +zrem +zrevrangebyscore +zremrangebyscore'
      await server.command(`ACL SETUSER tickcast on >secret ~* &* ${least}`)
      const member = await connect(`redis://tickcast:secret@127.0.0.1:${server.port}`)
      const epoch = await lead(member)
      const follower = await follow(member, ['BTC/USD'])
      expect(await member.bus.publish(epoch, [price('one')])).toEqual({ kind: 'accepted', uncached: 0 })
      expect(await member.bus.beat(epoch, 'x')).toEqual({ kind: 'accepted', uncached: 0 })
      expect(await member.lease.renew({ id: 'first', ttlMs: 1000, epoch })).toEqual({ kind: 'held' })
      expect(await member.ledger.announce('a', ['BTC/USD'], { ttlMs: 1000, tell: true })).toEqual({ kind: 'noted' })
      expect(await member.ledger.union()).toEqual({ kind: 'read', wanted: new Map([['a', ['BTC/USD']]]) })
      expect(await member.ledger.withdraw('a')).toEqual({ kind: 'noted' })
      expect(await member.lease.release({ id: 'first' })).toEqual({ kind: 'released' })
      await eventually(() => follower.prices.length > 0)
      await server.command('ACL SETUSER tickcast -subscribe -evalsha')
      const deaf = record(member.bus, ['BTC/USD'])
      await eventually(() => deaf.losses.length > 0)
      expect(deaf.losses).toEqual([expect.stringMatching(/lacks a permission: .*subscribe/)])
      expect(await member.bus.publish(epoch, [price('two')])).toMatchObject({
        cause: expect.stringMatching(/lacks a permission: .*evalsha/),
      })
    })
  })

  test('a wrong password is one clear sentence, without the password', async () => {
    const server = await start({ password: 'right' })
    const cases = [
      [`redis://:wr0ng-s3cret@127.0.0.1:${server.port}`, 'does not accept the user name or password in REDIS_URL (WRONGPASS)'],
      [`redis://nobody:wr0ng-s3cret@127.0.0.1:${server.port}`, 'does not accept the user name or password in REDIS_URL (WRONGPASS)'],
      [`redis://127.0.0.1:${server.port}`, 'asks for a password and REDIS_URL has none (NOAUTH)'],
    ] as const
    for (const [url, sentence] of cases) {
      const cause = `Redis at 127.0.0.1:${server.port} ${sentence}`
      const { notes, bus } = await connect(url)
      expect(notes).toEqual([{ kind: 'lost', cause }])
      expect(await bus.publish(1, [])).toEqual({ kind: 'unreachable', cause })
      const follower = record(bus, ['BTC/USD'])
      await eventually(() => follower.losses.length > 0)
      expect(follower.losses).toEqual([cause])
      await eventually(async () => (await bus.publish(1, [])).kind === 'unreachable')
      expect(notes).toHaveLength(1)
    }
    expect((await connect(server.url)).notes).toEqual([{ kind: 'connected' }])
  })
})
