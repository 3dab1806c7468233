import { describe, expect, it } from 'vitest'
import { openCrowd } from '../support/crowd.ts'
import { redisAvailable } from '../support/redis.ts'
import { lateMs, playScene, sleep } from '../support/scene.ts'
import type { SwarmReader } from '../support/swarm.ts'
import { until } from '../support/until.ts'

const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN

/** How late prices were that came between these moments (monotonic), ms. */
const lateness = (readers: readonly SwarmReader[], from: number, to: number): number[] =>
  readers.flatMap(({ log }) => log.filter(({ at }) => at >= from && at < to).map(({ wallAt, receivedAt }) => wallAt - receivedAt))

// One after the other: each takes all of two cores.
describe.skipIf(!redisAvailable)('the readers', { timeout: 600_000 }, () => {
  it('24: fifty of a thousand never read: they cost little, nobody else feels them, and they are cut', () =>
    playScene({ instances: 1, readers: 10, rate: 50, withinMs: 240_000 }, async scene => {
      const one = await scene.leader()
      const choose = (): string => one.process.url
      const calm = await openCrowd({ size: 930, path: '/v1/stream?pairs=BTC/USD,ETH/USD&interval=1000', choose })
      const calmFrom = performance.now()
      await sleep(5000)
      const calmTo = performance.now()
      const many = 'BTC ETH BNB SOL XRP ADA DOGE LTC TRX TON AVAX DOT LINK NEAR UNI ATOM PEPE SHIB SUI'
        .split(' ')
        .map(base => `${base}/USD`)
      const slow = await openCrowd({ size: 50, path: `/v1/stream?pairs=${many}`, choose })
      await sleep(5000)
      const before = await one.process.measure()
      slow.pause()
      const stuckFrom = performance.now()
      await sleep(20_000)
      expect((await one.process.status()).readers).toBe(990)
      const after = await one.process.measure()
      expect(after.rss - before.rss).toBeLessThan(50 * 64 * 1024 + 20 * 1024 * 1024)
      const [undisturbed, disturbed] = [lateness(scene.readers, calmFrom, calmTo), lateness(scene.readers, stuckFrom, performance.now())]
      expect(percentile(disturbed, 0.99)).toBeLessThan(1.2 * percentile(undisturbed, 0.99) + lateMs())
      await until('the slow ones are cut', async () => (await one.process.status()).readers === 940, 150_000)
      slow.close()
      calm.close()
    }))

  it('25: an instance dies with thousands of readers, and all come back at once', () =>
    playScene({ readers: 6 }, async scene => {
      const [one] = await scene.followers()
      if (one === undefined) throw new Error('nobody follows')
      const others = scene.subjects.filter(subject => subject !== one)
      const choose = (member: number): string => (one.isEnded ? others[member % 2] : one)?.process.url ?? ''
      const storm = await openCrowd({ size: 3000, path: '/v1/stream?pairs=BTC/USD&interval=5000', choose })
      await sleep(2000)
      for (const { process } of others) await process.measure()
      const counts = (): { sent: number; published: number } => ({
        sent: scene.fleet.exchange.stats().framesSent,
        published: scene.watch.prices.length,
      })
      const calm = counts()
      const diedAt = performance.now()
      await scene.end(one, 'SIGKILL')
      await until('all are away', () => storm.served === 0)
      await until('all are back', () => storm.served === storm.size, 20_000)
      expect(Math.max(...storm.firsts()) - diedAt).toBeLessThan(10_000)
      for (const { process } of others) {
        const { lateP99Ms } = await process.measure()
        expect(lateP99Ms).toBeLessThan(100 + lateMs())
      }
      // The exchange lives in this process, as the readers do: what the leader publishes is held against what it was sent.
      const busy = counts()
      expect(busy.published - calm.published).toBeGreaterThan(0.8 * (busy.sent - calm.sent))
      storm.close()
    }))
})
