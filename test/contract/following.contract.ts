import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectUnbroken, flow, pairsOf } from './flow.ts'
import { eventually, lead, type Member, type OpenSubject, record, type Subject } from './subject.ts'

export function followingContract(open: OpenSubject): void {
  describe('following', () => {
    let subject: Subject
    let leader: Member
    let other: Member
    beforeEach(async () => {
      subject = await open()
      leader = await subject.join()
      other = await subject.join()
    })
    afterEach(async () => subject.dispose())

    test('a follower hears first that it is subscribed, then the last prices, then that it has caught up', async () => {
      const epoch = await lead(leader)
      await leader.bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'b' }])
      const follower = record(other.bus, ['BTC/USD', 'ETH/USD'])
      await follower.caughtUp()
      expect(follower.events).toEqual(['subscribed', 'cached', 'caughtUp'])
      expect(follower.prices).toEqual([{ pair: 'BTC/USD', text: 'b', cached: true }])
    })

    test('who joins while prices flow misses none', async () => {
      const pairs = pairsOf(8)
      const epoch = await lead(leader)
      const stream = flow(leader.bus, epoch, pairs)
      for (let round = 0; round < 25; round += 1) {
        const follower = record(other.bus, pairs)
        await eventually(() => pairs.every(pair => follower.texts(pair).length > 3))
        follower.following.stop()
        for (const pair of pairs) expectUnbroken(follower, pair)
      }
      await stream.stop()
    })

    test('a following that lost its connection says so once, and nothing after it', async () => {
      const epoch = await lead(leader)
      const follower = record(other.bus, ['BTC/USD'])
      await follower.caughtUp()
      await subject.cutFollowings()
      await eventually(() => follower.losses.length > 0)
      follower.following.want(new Set(['BTC/USD', 'ETH/USD']))
      const witness = record(other.bus, ['BTC/USD'])
      await witness.caughtUp()
      await leader.bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'later' }])
      await eventually(() => witness.prices.length > 0)
      follower.following.stop()
      expect(follower.losses).toHaveLength(1)
      expect(follower.prices).toEqual([])
    })

    test('a stopped following says nothing, not even that it is lost', async () => {
      const epoch = await lead(leader)
      const stopped = [record(other.bus, ['BTC/USD']), record(other.bus, ['BTC/USD'])]
      await stopped[0]?.caughtUp()
      for (const { following } of stopped) following.stop()
      const before = stopped.map(({ events }) => events.length)
      await subject.cutFollowings()
      const witness = record(other.bus, ['BTC/USD'])
      await witness.caughtUp()
      await leader.bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'later' }])
      await eventually(() => witness.prices.length > 0)
      expect(stopped.map(({ events }) => events.length)).toEqual(before)
      expect(stopped.flatMap(({ losses }) => losses)).toEqual([])
    })

    test('a following stopped in the middle of a burst tells no more of it', async () => {
      const epoch = await lead(leader)
      const witness = record(other.bus, ['BTC/USD'])
      await witness.caughtUp()
      const heard: string[] = []
      await new Promise<void>(resolve => {
        const following = other.bus.follow(new Set(['BTC/USD']), {
          subscribed: () => undefined,
          caughtUp: resolve,
          price: (_pair, payload) => {
            heard.push(payload.toString())
            following.stop()
          },
          bulletin: () => undefined,
          lost: cause => void heard.push(cause),
        })
      })
      const batch = ['one', 'two', 'three'].map(payload => ({ pair: 'BTC/USD', payload }))
      await leader.bus.publish(epoch, batch)
      await eventually(() => heard.length > 0 && witness.prices.length === 3)
      expect(heard).toEqual(['one'])
    })

    test('500 pairs in one following are all caught up with and all told', async () => {
      const pairs = pairsOf(500)
      const epoch = await lead(leader)
      const publish = (payload: string) =>
        leader.bus.publish(
          epoch,
          pairs.map(pair => ({ pair, payload })),
        )
      await publish('stored')
      const follower = record(other.bus, pairs)
      await follower.caughtUp()
      expect(follower.prices).toEqual(pairs.map(pair => ({ pair, text: 'stored', cached: true })))
      await publish('live')
      await eventually(() => follower.prices.length === 1000)
      expect(follower.prices.slice(500)).toEqual(pairs.map(pair => ({ pair, text: 'live', cached: false })))
    })

    test('a listener that throws ends its following, not the process', async () => {
      const epoch = await lead(leader)
      const losses: string[] = []
      const witness = record(other.bus, ['BTC/USD'])
      await witness.caughtUp()
      const subscribed = new Promise<void>(resolve => {
        other.bus.follow(new Set(['BTC/USD']), {
          subscribed: resolve,
          caughtUp: () => undefined,
          price: () => {
            throw new Error('the listener broke')
          },
          bulletin: () => undefined,
          lost: cause => void losses.push(cause),
        })
      })
      await subscribed
      const batch = ['one', 'two'].map(payload => ({ pair: 'BTC/USD', payload }))
      await leader.bus.publish(epoch, batch)
      await eventually(() => losses.length > 0 && witness.prices.length === 2)
      expect(losses).toEqual(['the listener broke'])
    })

    test('closing the bus stops its followings without a word', async () => {
      const follower = record(other.bus, ['BTC/USD'])
      await follower.caughtUp()
      await other.bus.close()
      const epoch = await lead(leader)
      const witness = record(leader.bus, ['BTC/USD'])
      await witness.caughtUp()
      await leader.bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'later' }])
      await eventually(() => witness.prices.length > 0)
      expect(follower.events).toEqual(['subscribed', 'caughtUp'])
      expect(follower.losses).toEqual([])
    })
  })
}
