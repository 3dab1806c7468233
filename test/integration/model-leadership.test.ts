import { afterAll, describe, expect, it } from 'vitest'
import { gatewayMachine } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { type Cluster, clockThatCuts, cutFollowings, forbid, type Member, permit, usurp, withCluster } from '../support/cluster.ts'
import type { Coverage } from '../support/coverage.ts'
import { reportPart } from '../support/coverage-parts.ts'
import { expectNoneOlder, flows } from '../support/expectations.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

const total: Coverage = {}
afterAll(() => reportPart('integration', 'leadership', total, [leadershipMachine, gatewayMachine]))

const sees = ({ exchange }: Cluster, now: number): Promise<unknown> =>
  until(`the exchange sees ${now} connections, not ${exchange.stats().connections.now}`, () => exchange.stats().connections.now === now)

const epochOf = async ({ hand }: Cluster): Promise<number> => Number(await hand.get('prices:epoch'))

/** Leads in the words of everybody: its own, Redis's and the exchange's. */
async function expectLeads(cluster: Cluster, member: Member): Promise<number> {
  await member.reaches('leadership', 'leader')
  await sees(cluster, 1)
  const epoch = await epochOf(cluster)
  await until('all say the same', async () => {
    const { role, connection, epoch: said } = await member.status()
    return role === 'leader' && connection === 'connected' && said === epoch
  })
  expect(await cluster.hand.get('prices:leader')).toContain(`${member.name}-`)
  return epoch
}

/** A leader and a follower of it. */
async function startTwo(cluster: Cluster, environment: Record<string, string> = {}): Promise<{ one: Member; two: Member }> {
  const one = await cluster.start({ name: 'one', environment })
  await expectLeads(cluster, one)
  const two = await cluster.start({ name: 'two', environment })
  await two.reaches('relay', 'current')
  await until('two is refused', () => cluster.taken('leadership', 'follower.campaigning|lease.refused||follower.watching') > 0)
  return { one, two }
}

describe.skipIf(!redisAvailable)('leadership, by real leases', { timeout: 60_000 }, () => {
  it.concurrent('is handed over at once by a leader that leaves, and stays where it went', () =>
    withCluster(total, async cluster => {
      const { one, two } = await startTwo(cluster, { TICKCAST_LEASE_TTL_MS: '20000' })
      const reader = await two.read()
      await flows(reader)
      const before = await epochOf(cluster)
      await one.stop()
      expect(one.at('gateway')).toBe('stopped')
      // Twenty seconds of lease were left: only being told makes it this quick.
      await two.reaches('leadership', 'leader', 3000)
      expect(await expectLeads(cluster, two)).toBeGreaterThan(before)
      await flows(reader)
      expectNoneOlder(reader)
    }))

  it.concurrent('ends when somebody else holds the lease, and comes back with a higher epoch when it expires', () =>
    withCluster(total, async cluster => {
      const { one, two } = await startTwo(cluster)
      const reader = await one.read()
      const before = await epochOf(cluster)
      await usurp(cluster, 2500)
      await one.reaches('leadership', 'follower')
      // By an answer, at once; not because the lease ran out in silence.
      expect(cluster.taken('leadership', 'leader.renewing|lease.lost||follower')).toBeGreaterThan(0)
      await sees(cluster, 0)
      expect([(await one.status()).connection, (await two.status()).connection]).toEqual(['intentionally-disconnected', 'idle'])
      await until('one of them leads', () => [one, two].some(member => member.at('leadership').startsWith('leader')))
      await sees(cluster, 1)
      expect(await epochOf(cluster)).toBeGreaterThan(before)
      await flows(reader)
      expectNoneOlder(reader)
    }))

  it.concurrent('ends when a newer epoch is in force: nothing of the old one is stored, and the next one is above it', () =>
    withCluster(total, async cluster => {
      await startTwo(cluster, { TICKCAST_LEASE_TTL_MS: '6000' })
      const raised = (await epochOf(cluster)) + 60_000_000
      await cluster.hand.set('prices:epoch', raised)
      const stored = await cluster.hand.get('price:BTC/USD:latest')
      await until('it was fenced', () => cluster.taken('leadership', 'leader|lease.fenced||follower') > 0)
      // It still holds the lease, so it may lead again at once, but only above.
      await until('somebody leads above it', async () => (await epochOf(cluster)) > raised)
      await sees(cluster, 1)
      await until('a price is stored', async () => (await cluster.hand.get('price:BTC/USD:latest')) !== stored)
      expect(Number(/"id":"(\d+)-/.exec((await cluster.hand.get('price:BTC/USD:latest')) ?? '')?.[1])).toBeGreaterThan(raised)
    }))

  it.concurrent('gives way to solo while Redis stands still, and to one leader when it is back', () =>
    withCluster(total, async cluster => {
      const { one, two } = await startTwo(cluster)
      const readers = await Promise.all([one.read(), two.read()])
      const before = await epochOf(cluster)
      cluster.redis.pause()
      await one.reaches('leadership', 'solo')
      await two.reaches('leadership', 'solo')
      await sees(cluster, 2)
      await Promise.all(readers.map(reader => flows(reader)))
      expect([(await one.status()).role, (await two.status()).role]).toEqual(['solo', 'solo'])
      cluster.redis.resume()
      await until('one leads and one follows', () => {
        const roles = [one, two].map(member => member.at('leadership').split('.')[0]).sort()
        return roles.join(' ') === 'follower leader'
      })
      await sees(cluster, 1)
      expect(await epochOf(cluster)).toBeGreaterThan(before)
      await Promise.all(readers.map(reader => flows(reader)))
      readers.forEach(expectNoneOlder)
    }))

  it.concurrent('with redisLoss=cache ends in silence, without a connection of anybody, and is somebody’s again afterwards', () =>
    withCluster(total, async cluster => {
      const { one, two } = await startTwo(cluster, { TICKCAST_REDIS_LOSS: 'cache' })
      const reader = await two.read()
      await flows(reader)
      cluster.redis.pause()
      await one.reaches('leadership', 'follower')
      await sees(cluster, 0)
      await Promise.all([one, two].map(member => member.reaches('fallback', 'local-cache')))
      expect(await (await fetch(`${two.url}/v1/prices/BTC/USD`)).json()).toMatchObject({ level: 'local-cache', cached: true })
      cluster.redis.resume()
      await until('one leads', () => [one, two].some(member => member.at('leadership').startsWith('leader')))
      await sees(cluster, 1)
      await flows(reader)
      expectNoneOlder(reader)
    }))

  it.concurrent('is left at once by a solo that is asked to leave, and never sought by who may not have it', () =>
    withCluster(total, async cluster => {
      const clock = clockThatCuts({ 30000: 500 })
      const one = await cluster.start({ name: 'one', clock })
      const humble = await cluster.start({ name: 'humble', environment: { TICKCAST_LEADER_ELIGIBLE: 'false' } })
      await expectLeads(cluster, one)
      cluster.redis.pause()
      await one.reaches('leadership', 'solo')
      expect(humble.at('leadership')).toBe('follower.watching')
      await one.stop()
      await sees(cluster, 0)
      cluster.redis.resume()
      await humble.reaches('relay', 'current')
      expect([humble.at('leadership'), await cluster.hand.exists('prices:leader')]).toEqual(['follower.watching', 0])
    }))

  it.concurrent('keeps nobody from leaving: not before the doors are open, not while Redis does not take the lease back', () =>
    withCluster(total, async cluster => {
      const early = await cluster.start({ name: 'early' })
      await early.stop()
      expect(cluster.taken('gateway', 'starting|gateway.drain||draining')).toBe(1)
      const one = await cluster.start({ name: 'one', environment: { TICKCAST_LEASE_TTL_MS: '300' } })
      await expectLeads(cluster, one)
      cluster.redis.pause()
      const asked = performance.now()
      await one.stop()
      expect(performance.now() - asked).toBeLessThan(5000)
      expect(one.at('gateway')).toBe('stopped')
      await sees(cluster, 0)
    }))

  it.concurrent('is not given up by a solo for a leader it cannot hear', () =>
    withCluster(total, async cluster => {
      const one = await cluster.start({ name: 'one', clock: clockThatCuts({ 5000: 800 }) })
      await expectLeads(cluster, one)
      const reader = await one.read()
      await forbid(cluster, 'evalsha', 'eval', 'subscribe')
      await cutFollowings(cluster)
      await one.reaches('leadership', 'solo')
      await usurp(cluster)
      await permit(cluster, 'evalsha', 'eval')
      await one.reaches('leadership', 'solo.standing-down')
      await one.reaches('leadership', 'solo.alone')
      await flows(reader)
      await sees(cluster, 1)
      await permit(cluster, 'subscribe')
      await one.reaches('leadership', 'follower')
      await sees(cluster, 0)
      expectNoneOlder(reader)
    }))

  it.concurrent('is not begun on a lease whose time ran out on the way', () =>
    withCluster(total, async cluster => {
      await usurp(cluster)
      const one = await cluster.start({ name: 'one', environment: { TICKCAST_LEASE_TTL_MS: '300' } })
      await one.reaches('relay', 'current')
      const late = 'follower.campaigning|lease.granted||follower.watching'
      const before = cluster.taken('leadership', late)
      // Free, told, and then everything waits for longer than the lease is good.
      const released = ['DEL prices:leader', 'PUBLISH prices:released x', 'CLIENT PAUSE 400 ALL']
      await until('it was granted too late', async () => {
        await cluster.redis.command(released.join('\r\n'))
        const end = performance.now() + 1000
        await until('an answer', () => cluster.taken('leadership', late) > before || performance.now() > end)
        if (cluster.taken('leadership', late) > before) return true
        await usurp(cluster)
        await one.reaches('leadership', 'follower')
        return false
      })
      await expectLeads(cluster, one)
    }))
})
