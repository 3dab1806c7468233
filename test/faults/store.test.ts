import { describe, expect, it } from 'vitest'
import { redisAvailable, startRedis } from '../support/redis.ts'
import { startSentinelGroup } from '../support/redis-sentinel.ts'
import { allLiveSince, lateMs, linesSince, longestSilence, missedTrades, playScene, type Subject, sleep } from '../support/scene.ts'
import { until } from '../support/until.ts'
import { openWatch } from '../support/watch.ts'

const ttlMs = 3000
describe.skipIf(!redisAvailable)('the store', { concurrent: true, timeout: 600_000 }, () => {
  it('7: is killed and comes back empty: nobody is without live prices for long, and the order of terms goes on', () =>
    playScene({}, async scene => {
      const { redis } = scene.fleet
      const one = await scene.leader()
      const own = scene.readersOf(one).filter(({ mode }) => mode === 'every')
      const others = scene.readers.filter(reader => reader.instance !== one.name)
      const before = scene.watch.epochs.at(-1) ?? 0
      const forbid = scene.connections.allow(3)
      const killedAt = { mono: performance.now(), wall: Date.now() }
      await redis.kill()
      expect(await allLiveSince(others, killedAt.wall)).toBeLessThan(2000 + lateMs())
      await sleep(Math.max(0, killedAt.mono + 6000 - performance.now()))
      const heard = scene.watch.prices.length
      await redis.restart()
      const upAt = performance.now()
      const first = await until('prices are published again', () => scene.watch.prices[heard])
      expect(first.at - upAt).toBeLessThan(1000 + lateMs())
      expect(first.epoch).toBeGreaterThan(before)
      await scene.converged()
      forbid()
      expect(own.length).toBeGreaterThan(5)
      for (const reader of own) expect(missedTrades(reader, killedAt.mono)).toBe(0)
    }))

  it('8: hangs with its connections open: every instance notices, and all is well soon after it wakes', () =>
    playScene({}, async scene => {
      const { redis } = scene.fleet
      const memoryBefore = await Promise.all(scene.subjects.map(({ process }) => process.measure()))
      const forbid = scene.connections.allow(3)
      const stoppedAt = Date.now()
      redis.pause()
      await sleep(9000)
      for (const one of scene.subjects) {
        const [noticed] = linesSince(one, stoppedAt, /^(relay behind|Redis lost)/)
        expect(Date.parse(String(noticed?.time)) - stoppedAt).toBeLessThan(2500 + lateMs())
      }
      const memoryAfter = await Promise.all(scene.subjects.map(({ process }) => process.measure()))
      memoryAfter.forEach(({ heapUsed }, at) => {
        expect(heapUsed - (memoryBefore[at]?.heapUsed ?? 0)).toBeLessThan(50 * 1024 * 1024)
      })
      const epochs = scene.watch.epochs.length
      redis.resume()
      const wokenAt = performance.now()
      const first = await until('a new term publishes', () => (scene.watch.epochs.length > epochs ? scene.watch.prices.at(-1) : undefined))
      // A campaign that Redis obeys only on waking takes the lease for nobody: one lease more.
      expect(first.at - wokenAt).toBeLessThan(ttlMs + 2000 + lateMs())
      await scene.converged()
      forbid()
    }))

  it('9: is emptied while it runs: the old epoch is refused, and there is one new term', () =>
    playScene({}, async scene => {
      const before = scene.watch.epochs.length
      // The one that is refused closes while its successor opens.
      const forbid = scene.connections.allow(2)
      const emptiedAt = { mono: performance.now(), wall: Date.now() }
      expect(await scene.fleet.redis.command('FLUSHALL')).toBe('+OK')
      const first = await until('a new term publishes', () =>
        scene.watch.prices.find(({ epoch }) => epoch > (scene.watch.epochs[before - 1] ?? 0)),
      )
      expect(first.at - emptiedAt.mono).toBeLessThan(ttlMs + lateMs())
      expect(await allLiveSince(scene.readers, emptiedAt.wall + first.at - emptiedAt.mono)).toBeLessThan(1000 + lateMs())
      await scene.converged()
      forbid()
      await sleep(2000)
      expect(scene.watch.epochs).toHaveLength(before + 1)
    }))

  it('10: is full: live prices flow, the leader stays, and that nobody else can be elected is to be seen', () =>
    playScene({}, async scene => {
      const one = await scene.leader()
      const terms = scene.watch.epochs.length
      expect(await scene.fleet.redis.command('CONFIG SET maxmemory 1')).toBe('+OK')
      const fullAt = Date.now()
      expect(await allLiveSince(scene.readers, fullAt)).toBeLessThan(1000 + lateMs())
      await sleep(ttlMs + 1000)
      expect((await one.process.status()).bus.uncached).toBeGreaterThan(0)
      const said = (line: RegExp): number => linesSince(one, fullAt, line).length
      expect(said(/^the bus is full/)).toBe(1)
      expect(await one.process.status()).toMatchObject({ role: 'leader', level: 'live' })
      expect(scene.watch.epochs).toHaveLength(terms)
      const forbid = scene.connections.allow(2)
      await scene.end(one, 'SIGKILL')
      for (const { process, isEnded } of scene.subjects) {
        if (isEnded) continue
        await until('it goes on alone', async () => (await process.status()).role === 'solo')
        const health = (await (await fetch(`${process.url}/health`)).json()) as { detail: object }
        expect(health.detail).toMatchObject({ role: 'solo', lastError: { message: expect.stringMatching(/out of memory \(OOM\)/) } })
      }
      expect(scene.watch.epochs).toHaveLength(terms)
      expect(await scene.fleet.redis.command('CONFIG SET maxmemory 0')).toBe('+OK')
      await scene.converged()
      forbid()
    }))

  it('11: becomes a read-only replica: nothing counts as published, and publishing goes on when it is writable', () =>
    playScene({}, async scene => {
      const { redis } = scene.fleet
      const other = await startRedis({ args: ['--replicaof', '127.0.0.1', String(redis.port)] })
      try {
        await until('the other has all', async () => (await other.command('EXISTS prices:epoch')) === ':1')
        const forbid = scene.connections.allow(3)
        await other.command('REPLICAOF NO ONE')
        await redis.command(`REPLICAOF 127.0.0.1 ${other.port}`)
        await until('it takes no writes', async () => (await redis.command('SET x 1')).startsWith('-READONLY'))
        await sleep(500)
        const heard = scene.watch.prices.length
        const counted = await publishedBy(scene.subjects)
        await sleep(ttlMs + 1000)
        expect(await publishedBy(scene.subjects)).toBe(counted)
        expect(scene.watch.prices.length).toBe(heard)
        for (const { process } of scene.subjects)
          expect(process.lines).toContainEqual(expect.objectContaining({ cause: expect.stringMatching(/read-only replica/) }))
        await redis.command('REPLICAOF NO ONE')
        const writableAt = performance.now()
        const first = await until('prices are published', () => scene.watch.prices[heard])
        expect(first.at - writableAt).toBeLessThan(3000)
        await scene.converged()
        forbid()
      } finally {
        await other.stop()
      }
    }))

  it('12: is a group under Sentinel: changed by plan, then its master hangs, then the next one is killed', async () => {
    const group = await startSentinelGroup({ downAfterMs: 2000 })
    const watches = group.servers.map(({ url }) => openWatch(url))
    try {
      await playScene({ redisUrl: group.url, watchAt: group.servers[0]?.url ?? '' }, async scene => {
        scene.connections.allow(3)
        const silenceAfter = async (fault: () => Promise<unknown>): Promise<number> => {
          const master = await group.master()
          const from = performance.now()
          await fault()
          await until('another node is master', async () => (await group.master()) !== master, 15_000)
          const since = performance.now()
          await until('prices flow again', () => watches.some(({ prices }) => (prices.at(-1)?.at ?? 0) > since + 500), 15_000)
          const to = performance.now()
          return Math.min(...watches.map(watch => longestSilence(watch, from, to)))
        }
        expect(await silenceAfter(group.failOver)).toBeLessThan(2000 + lateMs())
        await scene.converged()
        const hung = await group.master()
        expect(await silenceAfter(async () => hung.pause())).toBeLessThan(7000 + lateMs())
        await scene.converged()
        hung.resume()
        const isReplica = (): Promise<boolean> =>
          hung.command('SET x 1').then(
            reply => reply.startsWith('-READONLY'),
            () => false,
          )
        await until('the one that hung is a replica', isReplica, 30_000)
        await scene.converged()
        const killed = await group.master()
        expect(await silenceAfter(killed.kill)).toBeLessThan(5000 + lateMs())
        await scene.converged()
      })
      expect(watches.flatMap(({ stale }) => stale)).toEqual([])
    } finally {
      for (const watch of watches) watch.close()
      await group.stop()
    }
  })
})

/** How many prices all instances together believe to be published. */
async function publishedBy(subjects: readonly Subject[]): Promise<number> {
  const states = await Promise.all(subjects.map(({ process }) => process.status()))
  return states.reduce((sum, { bus }) => sum + bus.published, 0)
}
