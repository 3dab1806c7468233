import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Bus } from '../../src/bus/bus.ts'
import { eventually, lead, type Member, type OpenSubject, type Recording, record, type Subject } from './subject.ts'

const pairsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `P${index}/USD`)

/** Publishes numbered prices of every pair, four calls at a time, until stopped. Each says which number its pair's previous one had. */
function flow(bus: Bus, epoch: number, pairs: readonly string[]): { readonly sent: () => number; stop(): Promise<void> } {
  let sequence = 0
  let stopped = false
  const last = new Map<string, number>()
  const message = (pair: string) => {
    const prev = last.get(pair) ?? 0
    sequence += 1
    last.set(pair, sequence)
    return { pair, payload: `${prev} ${sequence}` }
  }
  const publish = async () => {
    while (!stopped) expect(await bus.publish(epoch, pairs.map(message))).toEqual({ kind: 'accepted', uncached: 0 })
  }
  const running = Promise.all([publish(), publish(), publish(), publish()])
  return {
    sent: () => sequence,
    stop: async () => {
      stopped = true
      await running
    },
  }
}

function expectUnbroken({ texts }: Recording, pair: string): void {
  const links = texts(pair).map(text => text.split(' ').map(Number))
  for (const [index, link] of links.entries()) {
    const before = links[index - 1]
    if (before !== undefined) expect(link[0], `${pair} after ${before[1]}`).toBe(before[1])
  }
}

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

    test('a pair wanted while prices flow misses none either', async () => {
      const epoch = await lead(leader)
      const stream = flow(leader.bus, epoch, pairsOf(4))
      const follower = record(other.bus, pairsOf(1))
      for (let count = 2; count <= 4; count += 1) {
        await eventually(() => pairsOf(count - 1).every(pair => follower.texts(pair).length > 3))
        follower.following.want(new Set(pairsOf(count)))
      }
      await eventually(() => pairsOf(4).every(pair => follower.texts(pair).length > 3))
      await stream.stop()
      for (const pair of pairsOf(4)) expectUnbroken(follower, pair)
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

    test('want while subscribing ends at the newest set', async () => {
      const epoch = await lead(leader)
      const follower = record(other.bus, ['A/USD'])
      follower.following.want(new Set(['A/USD', 'B/USD']))
      follower.following.want(new Set(['B/USD', 'C/USD']))
      await follower.caughtUp()
      await leader.bus.publish(
        epoch,
        ['A/USD', 'B/USD', 'C/USD'].map(pair => ({ pair, payload: pair })),
      )
      await eventually(() => follower.prices.length >= 2)
      expect(follower.prices.map(told => told.pair)).toEqual(['B/USD', 'C/USD'])
    })

    test('whatever was wanted on the way, exactly the last set is told', async () => {
      const epoch = await lead(leader)
      const all = ['A/USD', 'B/USD', 'C/USD', 'D/USD']
      let round = 0
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.subarray(all), fc.boolean()), { minLength: 1, maxLength: 8 }), async wants => {
          round += 1
          const follower = record(other.bus, all)
          for (const [index, [pairs, publish]] of wants.entries()) {
            follower.following.want(new Set(pairs))
            if (publish)
              await leader.bus.publish(
                epoch,
                all.map(pair => ({ pair, payload: `${round}-${index}` })),
              )
          }
          const last = new Set(wants.at(-1)?.[0])
          await follower.caughtUp()
          follower.following.want(new Set([...last, 'mark/USD']))
          const said = (text: string) => follower.prices.filter(told => told.text === text).map(told => told.pair)
          let marks = 0
          await eventually(async () => {
            marks += 1
            const text = `${round}-end-${marks}`
            await leader.bus.publish(
              epoch,
              [...all, 'mark/USD'].map(pair => ({ pair, payload: text })),
            )
            return said(`${round}-end-${marks - 1}`).includes('mark/USD')
          })
          const heard = said(`${round}-end-${marks - 1}`)
          follower.following.stop()
          expect(heard.sort()).toEqual([...last, 'mark/USD'].sort())
        }),
        { numRuns: 25 },
      )
    })

    test('a pair no longer wanted is not told, and wanted again brings its last price', async () => {
      const epoch = await lead(leader)
      const follower = record(other.bus, ['A/USD', 'B/USD'])
      await follower.caughtUp()
      follower.following.want(new Set(['B/USD']))
      const publish = (payload: string) =>
        leader.bus.publish(
          epoch,
          ['A/USD', 'B/USD'].map(pair => ({ pair, payload })),
        )
      await publish('1')
      await eventually(() => follower.texts('B/USD').includes('1'))
      expect(follower.texts('A/USD')).toEqual([])
      follower.following.want(new Set(['A/USD', 'B/USD']))
      await eventually(() => follower.texts('A/USD').includes('1'))
      await publish('2')
      await eventually(() => follower.texts('A/USD').includes('2'))
      expect(follower.prices.filter(told => told.pair === 'A/USD')).toEqual([
        { pair: 'A/USD', text: '1', cached: true },
        { pair: 'A/USD', text: '2', cached: false },
      ])
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
