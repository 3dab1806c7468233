import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { expectUnbroken, flow, pairsOf } from './flow.ts'
import { eventually, lead, type Member, type OpenSubject, record, type Subject } from './subject.ts'

export function wantsContract(open: OpenSubject): void {
  describe('wants', () => {
    let subject: Subject
    let leader: Member
    let other: Member
    beforeEach(async () => {
      subject = await open()
      leader = await subject.join()
      other = await subject.join()
    })
    afterEach(async () => subject.dispose())

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

    test('five thousand pairs come whole to who joins late, and go on', async () => {
      const epoch = await lead(leader)
      const pairs = Array.from({ length: 5000 }, (_, at) => `PAIR${at}/USD`)
      const publish = async (payload: string): Promise<void> => {
        for (let from = 0; from < pairs.length; from += 200) {
          const batch = pairs.slice(from, from + 200).map(pair => ({ pair, payload }))
          expect(await leader.bus.publish(epoch, batch)).toMatchObject({ kind: 'accepted' })
        }
      }
      await publish('1')
      const follower = record(other.bus, pairs)
      await follower.caughtUp()
      expect(new Set(follower.prices.map(({ pair }) => pair))).toEqual(new Set(pairs))
      await publish('2')
      const isNew = ({ text }: { text: string }): boolean => text === '2'
      await eventually(() => follower.prices.filter(isNew).length === pairs.length)
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
  })
}
