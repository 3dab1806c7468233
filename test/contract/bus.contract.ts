import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, lead, type Member, type OpenSubject, record, type Subject } from './subject.ts'

export function busContract(open: OpenSubject): void {
  describe('bus', () => {
    let subject: Subject
    let leader: Member
    let other: Member
    beforeEach(async () => {
      subject = await open()
      leader = await subject.join()
      other = await subject.join()
    })
    afterEach(async () => subject.dispose())

    test('a published price is stored and told to every follower', async () => {
      const epoch = await lead(leader)
      const followers = [record(leader.bus, ['BTC/USD']), record(other.bus, ['BTC/USD'])]
      for (const follower of followers) await follower.caughtUp()
      expect(await leader.bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'one' }])).toEqual({ kind: 'accepted', uncached: 0 })
      for (const follower of followers) {
        await eventually(() => follower.prices.length > 0)
        expect(follower.prices).toEqual([{ pair: 'BTC/USD', text: 'one', cached: false }])
      }
      expect(await other.bus.last(['BTC/USD', 'ETH/USD'])).toEqual({
        kind: 'read',
        payloads: new Map([['BTC/USD', Buffer.from('one')]]),
      })
    })

    test('a deposed leader cannot move a price', async () => {
      const old = await lead(leader)
      await leader.bus.publish(old, [{ pair: 'BTC/USD', payload: 'before' }])
      await leader.lease.release({ id: 'first' })
      const fresh = await lead(other, 'second')
      const follower = record(other.bus, ['BTC/USD'])
      await follower.caughtUp()
      expect(await leader.bus.publish(old, [{ pair: 'BTC/USD', payload: 'stale' }])).toEqual({ kind: 'fenced' })
      expect(await leader.bus.beat(old, 'stale')).toEqual({ kind: 'fenced' })
      expect(await leader.bus.tellMissed(old, 'stale')).toEqual({ kind: 'fenced' })
      expect(await other.bus.last(['BTC/USD'])).toMatchObject({ payloads: new Map([['BTC/USD', Buffer.from('before')]]) })
      await other.bus.publish(fresh, [{ pair: 'BTC/USD', payload: 'after' }])
      await other.bus.beat(fresh, 'after')
      expect(await other.bus.tellMissed(fresh, 'found')).toEqual({ kind: 'accepted', uncached: 0 })
      await eventually(() => follower.bulletins.length > 1)
      expect(follower.texts('BTC/USD')).toEqual(['before', 'after'])
      expect(follower.bulletins).toEqual([
        { kind: 'heartbeat', text: 'after' },
        { kind: 'missed', text: 'found' },
      ])
    })

    test('without an epoch in force nobody publishes', async () => {
      expect(await leader.bus.publish(1, [{ pair: 'BTC/USD', payload: 'one' }])).toEqual({ kind: 'fenced' })
      const epoch = await lead(leader)
      expect(await leader.bus.publish(epoch + 1, [{ pair: 'BTC/USD', payload: 'one' }])).toEqual({ kind: 'fenced' })
      await subject.loseEverything()
      expect(await leader.bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'one' }])).toEqual({ kind: 'fenced' })
      expect(await leader.bus.last(['BTC/USD'])).toEqual({ kind: 'read', payloads: new Map() })
    })

    test('a price published in one batch twice is told twice and stored once, the last', async () => {
      const epoch = await lead(leader)
      const follower = record(other.bus, ['BTC/USD', 'ETH/USD'])
      await follower.caughtUp()
      const batch = [
        { pair: 'BTC/USD', payload: 'b1' },
        { pair: 'ETH/USD', payload: 'e1' },
        { pair: 'BTC/USD', payload: 'b2' },
      ]
      expect(await leader.bus.publish(epoch, batch)).toEqual({ kind: 'accepted', uncached: 0 })
      await eventually(() => follower.prices.length === 3)
      expect(follower.prices.map(told => told.text)).toEqual(['b1', 'e1', 'b2'])
      const last = await other.bus.last(['BTC/USD', 'ETH/USD'])
      expect(last).toMatchObject({
        payloads: new Map([
          ['BTC/USD', Buffer.from('b2')],
          ['ETH/USD', Buffer.from('e1')],
        ]),
      })
    })

    test('an empty batch only asks whether the epoch is in force', async () => {
      const epoch = await lead(leader)
      expect(await leader.bus.publish(epoch, [])).toEqual({ kind: 'accepted', uncached: 0 })
      expect(await leader.bus.publish(epoch - 1, [])).toEqual({ kind: 'fenced' })
    })

    test('a stored price is forgotten when its time is over', async () => {
      const brief = await subject.join({ cacheTtlMs: 60 })
      const epoch = await lead(brief)
      await brief.bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'one' }])
      await eventually(async () => {
        const last = await brief.bus.last(['BTC/USD'])
        return last.kind === 'read' && last.payloads.size === 0
      })
    })
  })
}
