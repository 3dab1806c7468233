import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually, lead, type Member, type OpenSubject, type Recording, record, type Subject } from './subject.ts'

/** A lease that goes from one holder to the next without a moment in between. */
export function handOverContract(open: OpenSubject): void {
  describe('hand-over', () => {
    let subject: Subject
    let first: Member
    let second: Member
    let heard: Recording
    beforeEach(async () => {
      subject = await open()
      first = await subject.join()
      second = await subject.join()
      heard = record(second.bus, [])
      await heard.caughtUp()
    })
    afterEach(async () => subject.dispose())
    const offer = (ttlMs = 5000) => first.lease.offer({ id: 'first', ttlMs })
    const told = (kind: string): string[] => heard.bulletins.filter(one => one.kind === kind).map(({ text }) => text)

    test('the holder tells of its offer, and goes on holding', async () => {
      const epoch = await lead(first, 'first')
      expect(await offer()).toEqual({ kind: 'offered' })
      await eventually(() => told('offered').length > 0)
      expect(told('offered')).toEqual(['first'])
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch })).toEqual({ kind: 'held' })
    })

    test('nobody else can offer it', async () => {
      await lead(first, 'first')
      expect(await second.lease.offer({ id: 'second', ttlMs: 5000 })).toEqual({ kind: 'not-held' })
      await offer()
      await eventually(() => told('offered').length > 0)
      expect(told('offered')).toEqual(['first'])
    })

    test('of many who claim an offer one is chosen, the holder hears of it, and the claim ends by itself', async () => {
      await lead(first, 'first')
      await offer()
      const ids = Array.from({ length: 8 }, (_, at) => `heir${at}`)
      const outcomes = await Promise.all(ids.map(id => second.lease.claim({ id, from: 'first', ttlMs: 150 })))
      expect(outcomes.filter(({ kind }) => kind === 'granted')).toHaveLength(1)
      expect(outcomes.filter(({ kind }) => kind === 'refused')).toHaveLength(7)
      await eventually(() => told('claimed').length > 0)
      expect(told('claimed')).toEqual(['first'])
      expect(await second.lease.claim({ id: 'late', from: 'first', ttlMs: 60_000 })).toEqual({ kind: 'refused' })
      await offer()
      expect(await second.lease.claim({ id: 'late', from: 'first', ttlMs: 60_000 })).toEqual({ kind: 'granted' })
    })

    test('an offer ends by itself, and with the term it was made in', async () => {
      await lead(first, 'first')
      const claim = { id: 'second', from: 'first', ttlMs: 5000 }
      expect(await second.lease.claim(claim)).toEqual({ kind: 'refused' })
      await offer(50)
      await new Promise(resolve => setTimeout(resolve, 200))
      expect(await second.lease.claim(claim)).toEqual({ kind: 'refused' })
      await offer()
      await lead(first, 'first')
      expect(await second.lease.claim(claim)).toEqual({ kind: 'refused' })
    })

    test('what is not that holder’s any more cannot be claimed, nor taken from it', async () => {
      await lead(first, 'first')
      expect(await second.lease.claim({ id: 'second', from: 'another', ttlMs: 1000 })).toEqual({ kind: 'refused' })
      const taking = { id: 'second', ttlMs: 5000, floorEpoch: 0 }
      expect(await second.lease.acquire({ ...taking, from: 'another' })).toMatchObject({ kind: 'refused' })
      expect(await second.lease.acquire({ ...taking, from: '' })).toMatchObject({ kind: 'refused' })
      await first.lease.release({ id: 'first' })
      expect(await second.lease.acquire({ ...taking, from: 'first' })).toMatchObject({ kind: 'granted' })
    })

    test('taken from its holder it is of a new epoch, and the old one is over at once', async () => {
      const old = await lead(first, 'first')
      await offer()
      await second.lease.claim({ id: 'second', from: 'first', ttlMs: 5000 })
      const taken = await second.lease.acquire({ id: 'second', ttlMs: 5000, floorEpoch: 0, from: 'first' })
      if (taken.kind !== 'granted') throw new Error(`the lease was ${taken.kind}`)
      expect(taken.epoch).toBeGreaterThan(old)
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch: old })).toEqual({ kind: 'lost' })
      expect(await first.lease.release({ id: 'first' })).toEqual({ kind: 'not-held' })
      expect(await first.bus.publish(old, [{ pair: 'BTC/USD', payload: '"id":"1-1","pair":"BTC/USD"}' }])).toEqual({ kind: 'fenced' })
      expect(await second.bus.publish(taken.epoch, [])).toEqual({ kind: 'accepted', uncached: 0 })
      expect(await first.lease.acquire({ id: 'first', ttlMs: 5000, floorEpoch: 0 })).toMatchObject({ kind: 'refused' })
    })

    test('without a claim, or after it ended, nothing is taken: a request held up on its way comes too late', async () => {
      await lead(first, 'first')
      const taking = { id: 'second', ttlMs: 5000, floorEpoch: 0, from: 'first' }
      expect(await second.lease.acquire(taking)).toMatchObject({ kind: 'refused' })
      await offer()
      expect(await second.lease.acquire(taking)).toMatchObject({ kind: 'refused' })
      await second.lease.claim({ id: 'another', from: 'first', ttlMs: 150 })
      expect(await second.lease.acquire(taking)).toMatchObject({ kind: 'refused' })
      await offer()
      expect(await second.lease.claim({ id: 'second', from: 'first', ttlMs: 60_000 })).toEqual({ kind: 'granted' })
      // The holder has got its lease anew since: what it offered before is over.
      await lead(first, 'first')
      expect(await second.lease.acquire(taking)).toMatchObject({ kind: 'refused' })
    })

    test('a claim ends with the taking, so that the next hand-over need not wait', async () => {
      await lead(first, 'first')
      await offer()
      await second.lease.claim({ id: 'second', from: 'first', ttlMs: 60_000 })
      await second.lease.acquire({ id: 'second', ttlMs: 5000, floorEpoch: 0, from: 'first' })
      await second.lease.offer({ id: 'second', ttlMs: 5000 })
      expect(await first.lease.claim({ id: 'first', from: 'second', ttlMs: 1000 })).toEqual({ kind: 'granted' })
    })

    test('who holds the lease and does not know is granted it anew, under a new epoch', async () => {
      const lost = await lead(first, 'first')
      const again = await lead(first, 'first')
      expect(again).toBeGreaterThan(lost)
      expect(await first.lease.renew({ id: 'first', ttlMs: 5000, epoch: lost })).toEqual({ kind: 'lost' })
    })
  })
}
