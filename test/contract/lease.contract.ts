import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, lead, type Member, type OpenSubject, record, type Subject } from './subject.ts'

export function leaseContract(open: OpenSubject): void {
  describe('lease', () => {
    let subject: Subject
    let first: Member
    let second: Member
    beforeEach(async () => {
      subject = await open()
      first = await subject.join()
      second = await subject.join()
    })
    afterEach(async () => subject.dispose())

    test('of many who want it, one gets it and the others hear how long to wait', async () => {
      const asked = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? first : second))
      const outcomes = await Promise.all(asked.map(({ lease }, index) => lease.acquire({ id: `i${index}`, ttlMs: 5000, floorEpoch: 0 })))
      expect(outcomes.filter(({ kind }) => kind === 'granted')).toHaveLength(1)
      for (const outcome of outcomes) {
        if (outcome.kind === 'granted') continue
        expect(outcome.kind).toBe('refused')
        if (outcome.kind !== 'refused') continue
        expect(outcome.remainingMs).toBeGreaterThan(3000)
        expect(outcome.remainingMs).toBeLessThanOrEqual(5000)
      }
    })

    test('a grant is always of a higher epoch, also after the store lost everything', async () => {
      let before = 0
      for (let round = 0; round < 8; round += 1) {
        const epoch = await lead(first, 'first')
        expect(epoch).toBeGreaterThan(before)
        before = epoch
        if (round % 2 === 0) await first.lease.release({ id: 'first' })
        else await subject.loseEverything()
      }
    })

    test('a grant is above the highest epoch the instance has ever seen', async () => {
      const floorEpoch = Date.now() * 1000 + 3_600_000_000
      const outcome = await first.lease.acquire({ id: 'first', ttlMs: 5000, floorEpoch })
      expect(outcome).toEqual({ kind: 'granted', epoch: floorEpoch + 1 })
      await first.lease.release({ id: 'first' })
      expect(await lead(second, 'second')).toBe(floorEpoch + 2)
    })

    test('an epoch loses no digit on its way', async () => {
      const floorEpoch = Number.MAX_SAFE_INTEGER - 11
      expect(await first.lease.acquire({ id: 'first', ttlMs: 5000, floorEpoch })).toEqual({ kind: 'granted', epoch: floorEpoch + 1 })
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch: floorEpoch + 1 })).toEqual({ kind: 'held' })
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch: floorEpoch + 2 })).toEqual({ kind: 'lost' })
      expect(await first.bus.publish(floorEpoch + 1, [])).toEqual({ kind: 'accepted', uncached: 0 })
    })

    test('a lease nobody renews ends by itself, a renewed one does not', async () => {
      const epoch = await lead(first, 'first', 800)
      const until = performance.now() + 1600
      while (performance.now() < until) {
        expect(await first.lease.renew({ id: 'first', ttlMs: 800, epoch })).toEqual({ kind: 'held' })
        expect(await second.lease.acquire({ id: 'second', ttlMs: 800, floorEpoch: 0 })).toMatchObject({ kind: 'refused' })
      }
      await eventually(async () => (await second.lease.acquire({ id: 'second', ttlMs: 60_000, floorEpoch: 0 })).kind === 'granted')
      expect(await first.lease.renew({ id: 'first', ttlMs: 800, epoch })).toEqual({ kind: 'lost' })
    })

    test('neither the holder of an old epoch nor a stranger can renew', async () => {
      const old = await lead(first)
      expect(await second.lease.renew({ id: 'second', ttlMs: 5000, epoch: old })).toEqual({ kind: 'lost' })
      await first.lease.release({ id: 'first' })
      const fresh = await lead(first)
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch: old })).toEqual({ kind: 'lost' })
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch: fresh })).toEqual({ kind: 'held' })
      await subject.loseEverything()
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch: fresh })).toEqual({ kind: 'lost' })
    })

    test('release hands the lease over at once', async () => {
      await lead(first)
      const follower = record(second.bus, [])
      await follower.caughtUp()
      expect(await second.lease.release({ id: 'second' })).toEqual({ kind: 'not-held' })
      expect(await second.lease.acquire({ id: 'second', ttlMs: 5000, floorEpoch: 0 })).toMatchObject({ kind: 'refused' })
      expect(await first.lease.release({ id: 'first' })).toEqual({ kind: 'released' })
      await eventually(() => follower.bulletins.length > 0)
      expect(follower.bulletins).toEqual([{ kind: 'released', text: 'first' }])
      await lead(second, 'second')
      expect(await first.lease.release({ id: 'first' })).toEqual({ kind: 'not-held' })
    })
  })
}
