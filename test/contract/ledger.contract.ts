import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Ledger } from '../../src/demand/ledger.ts'
import { eventually, type Member, type OpenSubject, record, type Subject } from './subject.ts'

const long = { ttlMs: 60_000, tell: false }

const unionOf = async (ledger: Ledger): Promise<Record<string, readonly string[]>> => {
  const outcome = await ledger.union()
  if (outcome.kind !== 'read') throw new Error(outcome.cause)
  return Object.fromEntries(outcome.wanted)
}

export function ledgerContract(open: OpenSubject): void {
  describe('ledger', () => {
    let subject: Subject
    let one: Member
    let two: Member
    beforeEach(async () => {
      subject = await open()
      one = await subject.join()
      two = await subject.join()
    })
    afterEach(async () => subject.dispose())

    test('everybody sees what each instance wants, as it last said', async () => {
      expect(await unionOf(one.ledger)).toEqual({})
      expect(await one.ledger.announce('one', ['BTC/USD'], long)).toEqual({ kind: 'noted' })
      await two.ledger.announce('two', ['ETH/USD', 'BTC/USD'], long)
      await one.ledger.announce('one', ['SOL/USD'], long)
      expect(await unionOf(two.ledger)).toEqual({ one: ['SOL/USD'], two: ['ETH/USD', 'BTC/USD'] })
    })

    test('five thousand pairs, spread over five instances, are read whole', async () => {
      const pairs = Array.from({ length: 5000 }, (_, at) => `PAIR${at}/USD`)
      for (let at = 0; at < 5; at += 1) await one.ledger.announce(`instance-${at}`, pairs.slice(at * 900, at * 900 + 1400), long)
      const union = await unionOf(two.ledger)
      expect(Object.keys(union).sort()).toEqual([0, 1, 2, 3, 4].map(at => `instance-${at}`))
      expect(new Set(Object.values(union).flat())).toEqual(new Set(pairs))
    })

    test('an instance that wants nothing is still there', async () => {
      await one.ledger.announce('one', [], long)
      expect(await unionOf(two.ledger)).toEqual({ one: [] })
    })

    test("a dead instance's demand is forgotten", async () => {
      await one.ledger.announce('dying', ['BTC/USD'], { ttlMs: 80, tell: false })
      await two.ledger.announce('two', ['ETH/USD'], long)
      expect(await unionOf(two.ledger)).toHaveProperty('dying')
      await eventually(async () => !('dying' in (await unionOf(two.ledger))))
      expect(await unionOf(two.ledger)).toEqual({ two: ['ETH/USD'] })
    })

    test('a demand repeated in time lives on', async () => {
      const until = performance.now() + 1500
      while (performance.now() < until) {
        await one.ledger.announce('one', ['BTC/USD'], { ttlMs: 1000, tell: false })
        expect(await unionOf(two.ledger)).toEqual({ one: ['BTC/USD'] })
      }
    })

    test('who withdraws is forgotten at once, and the followers are told', async () => {
      await one.ledger.announce('one', ['BTC/USD'], long)
      const follower = record(two.bus, [])
      await follower.caughtUp()
      expect(await one.ledger.withdraw('one')).toEqual({ kind: 'noted' })
      expect(await unionOf(two.ledger)).toEqual({})
      await eventually(() => follower.bulletins.length > 0)
      expect(follower.bulletins).toEqual([{ kind: 'demand', text: 'one' }])
    })

    test('followers hear of a demand only when they shall', async () => {
      const follower = record(two.bus, [])
      await follower.caughtUp()
      await one.ledger.announce('quiet', ['BTC/USD'], long)
      await one.ledger.announce('loud', ['BTC/USD'], { ttlMs: 60_000, tell: true })
      await eventually(() => follower.bulletins.length > 0)
      expect(follower.bulletins).toEqual([{ kind: 'demand', text: 'loud' }])
    })

    test('what is asked is heard by every follower, and changes no demand', async () => {
      await one.ledger.announce('one', ['BTC/USD'], long)
      const follower = record(two.bus, [])
      await follower.caughtUp()
      expect(await one.ledger.ask('{"missed":1}')).toEqual({ kind: 'noted' })
      await eventually(() => follower.bulletins.length > 0)
      expect(follower.bulletins).toEqual([{ kind: 'demand', text: '{"missed":1}' }])
      expect(await unionOf(two.ledger)).toEqual({ one: ['BTC/USD'] })
    })

    test('the unreadable demand of one instance is ignored, not fatal', async () => {
      await one.ledger.announce('one', ['BTC/USD'], long)
      for (const [instance, text] of [
        ['torn', '["BTC/'],
        ['alien', '{"pairs":1}'],
        ['number', '7'],
      ] as const) {
        await subject.list(instance)
        await subject.write(subject.names.demand(instance), text)
      }
      await subject.list('mixed')
      await subject.write(subject.names.demand('mixed'), JSON.stringify(['ETH/USD', 7, null, 'a"b', 'x\ny/USD', 'X'.repeat(100)]))
      expect(await unionOf(two.ledger)).toEqual({ one: ['BTC/USD'], mixed: ['ETH/USD'] })
    })

    test('a demand is read up to 5,000 pairs, the union up to 1,000 instances', async () => {
      await one.ledger.announce(
        'greedy',
        Array.from({ length: 5001 }, (_, index) => `P${index}/USD`),
        long,
      )
      expect((await unionOf(two.ledger)).greedy).toHaveLength(5000)
      await Promise.all(Array.from({ length: 1001 }, (_, index) => one.ledger.announce(`i${index}`, [], long)))
      expect(Object.keys(await unionOf(two.ledger))).toHaveLength(1000)
    })
  })
}
