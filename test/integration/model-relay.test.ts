import { afterAll, describe, expect, it } from 'vitest'
import { relayMachine } from '../../machines/relay.ts'
import { type Cluster, clockThatCuts, cutFollowings, forbid, type Member, permit, withCluster } from '../support/cluster.ts'
import type { Coverage } from '../support/coverage.ts'
import { reportPart } from '../support/coverage-parts.ts'
import { expectNoneOlder, flows } from '../support/expectations.ts'
import { comparePositions } from '../support/reader.ts'
import { redisAvailable } from '../support/redis.ts'
import { startSpeaker } from '../support/speaker.ts'
import { until } from '../support/until.ts'

const total: Coverage = {}
afterAll(() => reportPart('integration', 'relay', total, [relayMachine]))

const behind = 'current|bus.lost||behind'
const losses = (cluster: Cluster): number => cluster.taken('relay', behind)

/** What is stored now is, a moment later, what this instance shows, or something newer. */
async function expectNothingMissed(cluster: Cluster, member: Member): Promise<void> {
  const stored = await until('a price is stored', () => cluster.hand.get('price:BTC/USD:latest'))
  const { id } = JSON.parse(stored)
  await until(`${id} or a newer price is shown`, () => {
    const at = member.instance.doors.board.get('BTC/USD')?.update.at
    return at !== undefined && comparePositions(`${at.epoch}-${at.sequence}`, id) >= 0
  })
}

const breakages: Record<string, (cluster: Cluster) => Promise<unknown>> = {
  'loses its pubsub connections': cutFollowings,
  'loses all its connections': ({ hand }) => hand.call('CLIENT', 'KILL', 'SKIPME', 'yes'),
  'is killed and started again, empty': ({ redis }) => redis.restart(),
  'stands still until its connections are given up': async cluster => {
    cluster.redis.pause()
    await until('both know', () => losses(cluster) >= 2)
    cluster.redis.resume()
  },
}

describe.skipIf(!redisAvailable)('the relay, over real channels', { timeout: 40_000 }, () => {
  it.concurrent.each(Object.entries(breakages))('of leader and follower is current again after Redis %s', (_, breakIt) =>
    withCluster(total, async cluster => {
      const one = await cluster.start({ name: 'one' })
      await one.reaches('leadership', 'leader')
      const two = await cluster.start({ name: 'two' })
      const reader = await two.read()
      await flows(reader)
      await breakIt(cluster)
      await until('both noticed', () => losses(cluster) >= 2)
      for (const member of [one, two]) {
        await member.reaches('relay', 'current')
        await until('the status says so', async () => (await member.status()).bus.state === 'current')
        await expectNothingMissed(cluster, member)
      }
      await until('both are live', () => [one, two].every(member => member.at('fallback') === 'live.steady'))
      await flows(reader)
      await until('one connection', () => cluster.exchange.stats().connections.now === 1)
      expectNoneOlder(reader)
      expect(reader.isOver).toBe(false)
    }),
  )

  it.concurrent('shows what was said while it could not hear, the last of each pair, and joins in vain until it may', () =>
    withCluster(total, async cluster => {
      const speaker = await startSpeaker(cluster.redis.url)
      const member = await cluster.start({ environment: { TICKCAST_LEADER_ELIGIBLE: 'false' } })
      await member.reaches('relay', 'current')
      // While it believes to be live it asks for nothing by another way.
      speaker.beat('live')
      await member.reaches('fallback', 'live')
      const first = await speaker.price()
      const reader = await member.read()
      await until('the first is read', () => reader.prices().at(-1)?.id === first)
      for (const command of ['subscribe', 'mget']) {
        const stage = command === 'subscribe' ? 'joining' : 'catching-up'
        await forbid(cluster, command)
        await cutFollowings(cluster)
        await until(`${stage} fails`, () => cluster.taken('relay', `${stage}|bus.lost||behind`) > 1)
        const missed = [await speaker.price(), await speaker.price(), await speaker.price()]
        expect(reader.prices().map(({ id }) => id)).not.toContain(missed[0])
        await permit(cluster, command)
        await member.reaches('relay', 'current')
        await until('the last one is shown', () => reader.prices().at(-1)?.id === missed[2])
        expect(cluster.collector.coverage.fallback?.states.polling).toBe(undefined)
        const next = await speaker.price()
        await until('and the next', () => reader.prices().at(-1)?.id === next)
      }
      expectNoneOlder(reader)
      await speaker.stop()
    }))

  it.concurrent('does not trust a connection that stands and brings nothing, and forgets its attempts once one lasts', () =>
    withCluster(total, async cluster => {
      const speaker = await startSpeaker(cluster.redis.url)
      const member = await cluster.start({ clock: clockThatCuts({ 5000: 700 }), environment: { TICKCAST_LEADER_ELIGIBLE: 'false' } })
      await member.reaches('relay', 'current')
      await until('it was deaf', () => losses(cluster) > 0)
      speaker.beat('live')
      await member.reaches('relay', 'current')
      await until('it lasts', () => cluster.taken('relay', 'current|after stableMs||') > 0)
      await member.reaches('fallback', 'live')
      await speaker.stop()
    }))

  it.concurrent('gives up joining a Redis that takes too long, and asks again', () =>
    withCluster(total, async cluster => {
      const member = await cluster.start({ clock: clockThatCuts({ 3000: 150 }), environment: { TICKCAST_LEADER_ELIGIBLE: 'false' } })
      await member.reaches('relay', 'current')
      await until('joining takes too long', async () => {
        await cutFollowings(cluster)
        await cluster.hand.call('CLIENT', 'PAUSE', '400', 'ALL')
        await member.reaches('relay', 'current')
        return cluster.taken('relay', 'joining|after joinTimeoutMs||behind') > 0
      })
    }))
})
