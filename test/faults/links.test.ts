import { describe, expect, it } from 'vitest'
import { canIsolate, openNamespace } from '../support/namespace.ts'
import { redisAvailable } from '../support/redis.ts'
import { allLiveSince, allTold, lateMs, linesSince, missedTrades, playScene, sleep } from '../support/scene.ts'
import { until } from '../support/until.ts'

const ttlMs = 3000
const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN

describe.skipIf(!redisAvailable)('the links', { concurrent: true, timeout: 600_000 }, () => {
  it('13: bytes between one follower and Redis vanish: it notices, and its readers have live prices another way', () =>
    playScene({}, async scene => {
      const [one] = await scene.followers()
      if (one === undefined) throw new Error('nobody follows')
      const own = scene.readersOf(one)
      const forbid = scene.connections.allow(2)
      const cutAt = Date.now()
      one.net.blackhole()
      await until('it noticed', () => linesSince(one, cutAt, /^(relay behind|Redis lost)/).length > 0)
      expect(Date.now() - cutAt).toBeLessThan(3500 + lateMs())
      expect(await allLiveSince(own, cutAt + 500)).toBeLessThan(3500 + lateMs())
      await sleep(2000)
      one.net.heal()
      await until('it follows', async () => (await one.process.status()).role === 'follower')
      await scene.converged()
      forbid()
    }))

  // In addition, and only where the machine allows it: the proxy above plays the same everywhere.
  if (canIsolate) {
    it('13, in a network of its own: answers of Redis to one follower are dropped by the kernel', () =>
      playScene({ instances: 2, readers: 20 }, async scene => {
        const namespace = await openNamespace({ redis: scene.fleet.redis.port, exchange: scene.fleet.exchange.port })
        try {
          const far = await scene.fleet.start(namespace.environment, { within: namespace.command })
          await until('it follows', async () => (await far.status()).bus.state === 'current' && (await far.status()).role === 'follower')
          const forbid = scene.connections.allow(2)
          const cutAt = performance.now()
          namespace.dropAnswers()
          await until('it noticed', async () => (await far.status()).bus.state !== 'current')
          expect(performance.now() - cutAt).toBeLessThan(3500 + lateMs())
          await until(
            'it has live prices',
            async () => (await far.status()).connection === 'connected' && (await far.status()).level === 'live',
          )
          namespace.restore()
          await until('it follows again', async () => (await far.status()).role === 'follower')
          far.signal('SIGTERM')
          expect(await far.exited()).toBe(0)
          await scene.converged()
          forbid()
        } finally {
          await namespace.close()
        }
      }))
  }

  it('14: a follower does not read for long: the newest price at once, and what is missing is said', () =>
    playScene(
      { isDirect: true, readers: 9, rate: 100, redisArgs: ['--client-output-buffer-limit', 'pubsub 256kb 64kb 1'] },
      async scene => {
        const [one] = await scene.followers()
        if (one === undefined) throw new Error('nobody follows')
        const own = scene.readersOf(one)
        one.process.signal('SIGSTOP')
        await sleep(12_000)
        const wokenAt = Date.now()
        one.process.signal('SIGCONT')
        expect(await allLiveSince(own, wokenAt)).toBeLessThan(1000 + lateMs())
        await sleep(2000)
        for (const reader of own) {
          // Redis had given up on it; what readers of every trade lack they are told by `event: gap`, which is checked everywhere.
          expect(missedTrades(reader)).toBeGreaterThan(1000)
          const late = reader.log.filter(({ wallAt, receivedAt }) => wallAt >= wokenAt && receivedAt < wokenAt - 1000)
          if (reader.mode === 'latest') expect(late.length).toBeLessThan(100)
        }
      },
    ))

  it('15: the connection breaks between SUBSCRIBE and its answer, and in the middle of it', () =>
    playScene({}, async scene => {
      const [one] = await scene.followers()
      if (one === undefined) throw new Error('nobody follows')
      const subscribing = new WeakSet<object>()
      let unanswered = 2
      let half = 2
      let lastAt = 0
      one.net.tap((bytes, way, connection) => {
        if (way === 'up') {
          if (/subscribe/i.test(bytes.toString('latin1'))) subscribing.add(connection)
          return bytes
        }
        if (!subscribing.has(connection) || (unanswered === 0 && half === 0)) return bytes
        lastAt = performance.now()
        if (unanswered > 0) {
          unanswered -= 1
          return undefined
        }
        half -= 1
        // The first confirmation of several, and then nothing more.
        setTimeout(() => one.net.reset(), 20)
        return bytes.subarray(0, bytes.indexOf('>3', 4))
      })
      const brokenAt = Date.now()
      one.net.reset()
      await until('all four breaks happened', () => unanswered === 0 && half === 0)
      await until('it is current', async () => (await one.process.status()).bus.state === 'current')
      expect(performance.now() - lastAt).toBeLessThan(2000 + lateMs())
      one.net.tap(undefined)
      expect(await allLiveSince(scene.readersOf(one), Date.now())).toBeLessThan(1000 + lateMs())
      expect(linesSince(one, brokenAt, /^leadership/)).toEqual([])
    }))

  it('16: SUBSCRIBE is refused: readers are told, the log says it once, and all is well soon after it is allowed', () =>
    playScene({}, async scene => {
      const { redis } = scene.fleet
      const followers = await scene.followers()
      const readers = followers.flatMap(scene.readersOf)
      const refusedAt = { mono: performance.now(), wall: Date.now() }
      await redis.command('ACL SETUSER default -subscribe')
      await redis.command('CLIENT KILL TYPE pubsub')
      expect(await allTold(readers, refusedAt.mono, ['polling', 'shared-cache'])).toBeLessThan(4000 + lateMs())
      await sleep(3000)
      for (const one of followers) {
        const said = linesSince(one, refusedAt.wall, /^relay behind/).filter(({ cause }) => /lacks a permission/.test(String(cause)))
        expect(said).toHaveLength(1)
      }
      await redis.command('ACL SETUSER default +subscribe')
      const allowedAt = Date.now()
      expect(await allLiveSince(readers, allowedAt)).toBeLessThan(2000 + lateMs())
    }))

  it('17: the way to Redis is slow and uneven: nobody loses the lease', () =>
    playScene({}, async scene => {
      const terms = scene.watch.epochs.length
      // There and back 200 ms give or take 100, and now and then a lost packet.
      const weather = { delayMs: 100, jitterMs: 50, stallPercent: 1, stallMs: 200 }
      const slowAt = { mono: performance.now(), wall: Date.now() }
      for (const { net } of scene.subjects) net.weather(weather)
      await sleep(20_000)
      expect(scene.watch.epochs).toHaveLength(terms)
      for (const one of scene.subjects) expect(linesSince(one, slowAt.wall, /^leadership/)).toEqual([])
      const followers = await scene.followers()
      const late = (mode: 'latest' | 'every'): number[] =>
        followers
          .flatMap(scene.readersOf)
          .filter(reader => reader.mode === mode)
          .flatMap(({ log }) => log.filter(({ at }) => at > slowAt.mono + 2000).map(({ wallAt, receivedAt }) => wallAt - receivedAt))
      expect(percentile(late('latest'), 0.99)).toBeLessThan(2 * 300 + 2 * 200 + lateMs())
      // Where a lost packet costs a connection, trades are missed: what follows them waits two seconds at most until they are there.
      expect(percentile(late('every'), 0.99)).toBeLessThan(2 * 300 + 2 * 200 + 2000 + lateMs())
      for (const { net } of scene.subjects) net.heal()
    }))

  it('18: clocks jump, and the lease ends early or never', () =>
    playScene({}, async scene => {
      const one = await scene.leader()
      const followers = await scene.followers()
      const hour = 3_600_000
      for (const jumpMs of [hour, -hour, 0]) {
        for (const subject of [one, ...followers]) {
          subject.process.order({ jumpMs })
          const jumpedAt = performance.now()
          await sleep(800)
          for (const reader of scene.readersOf(subject)) expect(reader.log.at(-1)?.at).toBeGreaterThan(jumpedAt + 300)
          for (const { process } of scene.subjects) {
            const { pairs, level } = await process.status()
            expect(level).toBe('live')
            for (const { ageMs } of Object.values(pairs) as { ageMs: number }[]) expect(ageMs).toBeGreaterThanOrEqual(0)
          }
        }
      }
      expect(scene.watch.epochs).toHaveLength(1)
      // Until it asks the next time, the leader does not know.
      const forbid = scene.connections.allow(2)
      await scene.fleet.redis.command('PEXPIRE prices:leader 1')
      await until('a second term publishes', () => scene.watch.epochs.length === 2, ttlMs + lateMs())
      await scene.converged()
      forbid()
      const dying = await scene.leader()
      await scene.fleet.redis.command('PERSIST prices:leader')
      const killed = scene.end(dying, 'SIGKILL')
      await scene.fleet.redis.command('PERSIST prices:leader')
      await killed
      await until('a third term publishes', () => scene.watch.epochs.length === 3, 2 * ttlMs + 1000 + lateMs())
    }))
})
