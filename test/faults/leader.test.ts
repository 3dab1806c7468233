import { describe, expect, it } from 'vitest'
import { redisAvailable } from '../support/redis.ts'
import { allLiveSince, lateMs, longestSilence, missedTrades, playScene, type Scene, type Subject, sleep } from '../support/scene.ts'
import { until } from '../support/until.ts'

const ttlMs = 3000
/** A leader that stood still is succeeded; when it wakes it lets go of its socket, and nothing it still says counts. */
async function standsStill(scene: Scene, stop: (one: Subject) => void, wake: (one: Subject) => Promise<void>): Promise<void> {
  const one = await scene.leader()
  const [before = 0] = scene.watch.epochs
  const forbid = scene.connections.allow(2)
  const stoppedAt = Date.now()
  stop(one)
  const others = scene.readers.filter(reader => reader.instance !== one.name)
  expect(await allLiveSince(others, stoppedAt)).toBeLessThan(ttlMs + 500 + lateMs())
  await wake(one)
  const wokenAt = performance.now()
  await until('it let go of its socket', () => scene.fleet.exchange.stats().connections.now === 1, 5000)
  forbid()
  expect(performance.now() - wokenAt).toBeLessThan(250 + lateMs())
  await until('it follows', async () => (await one.process.status()).role === 'follower', 5000)
  expect(scene.watch.epochs.at(-1)).toBeGreaterThan(before)
  const own = scene.readersOf(one)
  expect(await allLiveSince(own, Date.now())).toBeLessThan(3000)
}

describe.skipIf(!redisAvailable)('the leader', { concurrent: true, timeout: 600_000 }, () => {
  it('1: is killed, and the readers of the others have live prices again when its lease is over', () =>
    playScene({}, async scene => {
      const one = await scene.leader()
      const others = scene.readers.filter(reader => reader.instance !== one.name)
      const killedAt = Date.now()
      await scene.end(one, 'SIGKILL')
      expect(await allLiveSince(others, killedAt)).toBeLessThan(ttlMs + 500 + lateMs())
    }))

  it('2: is stopped, hands over, and no reader is cut off unprepared', () =>
    playScene({}, async scene => {
      const one = await scene.leader()
      const own = scene.readersOf(one)
      // The successor may hold its socket already.
      scene.connections.allow(2)
      const stoppedAt = performance.now()
      const ended = scene.end(one, 'SIGTERM')
      expect(await ended).toBe(0)
      expect(performance.now() - stoppedAt).toBeLessThan(5000)
      await scene.leader(1000)
      await sleep(500)
      expect(longestSilence(scene.watch, stoppedAt, performance.now())).toBeLessThan(300 + lateMs())
      for (const reader of own) expect(reader.partings).toMatchObject([{ how: 'ended', wasToldToReconnect: true }])
    }))

  it('3: stands still past its lease and wakes', () =>
    playScene({}, scene =>
      standsStill(
        scene,
        one => one.process.signal('SIGSTOP'),
        async one => {
          await sleep(2000)
          one.process.signal('SIGCONT')
        },
      ),
    ))

  it('4: is busy past its lease', () =>
    playScene({}, scene =>
      standsStill(
        scene,
        one => one.process.order({ blockMs: 5500 }),
        // It answers when it is free again.
        async one => void (await one.process.measure()),
      ),
    ))

  it('5: has its bytes to Redis held by the network and delivered past its lease: none of them counts', () =>
    playScene({}, async scene => {
      const one = await scene.leader()
      const forbid = scene.connections.allow(2)
      const heldAt = Date.now()
      one.net.hold('up')
      const others = scene.readers.filter(reader => reader.instance !== one.name)
      await allLiveSince(others, heldAt)
      await sleep(2000)
      const epochs = scene.watch.epochs.length
      one.net.heal()
      // They did arrive, prices among them, after the newer epoch was in force.
      expect(one.net.deliveredLate.text).toContain('prices:dist:BTC/USD:latest')
      await until('it follows', async () => (await one.process.status()).role === 'follower')
      await until('one connection', () => scene.fleet.exchange.stats().connections.now === 1)
      forbid()
      expect(scene.watch.epochs.length).toBe(epochs)
      expect(scene.watch.stale).toEqual([])
    }))

  it('6: is cut off from Redis alone: steps down, keeps prices for its own readers, and follows when it is back', () =>
    playScene({}, async scene => {
      const one = await scene.leader()
      const own = scene.readersOf(one)
      const forbid = scene.connections.allow(2)
      const cutAt = performance.now()
      one.net.blackhole()
      await until('it stepped down', async () => (await one.process.status()).role !== 'leader', ttlMs + lateMs())
      await sleep(Math.max(0, cutAt + 6000 - performance.now()))
      for (const reader of own.filter(({ mode }) => mode === 'every')) expect(missedTrades(reader, cutAt)).toBe(0)
      for (const reader of own) expect(performance.now() - (reader.log.at(-1)?.at ?? 0)).toBeLessThan(1000)
      one.net.heal()
      const healedAt = performance.now()
      await until('it follows', async () => (await one.process.status()).role === 'follower')
      expect(performance.now() - healedAt).toBeLessThan(2000 + lateMs())
      await until('one connection', () => scene.fleet.exchange.stats().connections.now === 1)
      forbid()
    }))
})
