import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Member, OpenSubject, Subject } from './subject.ts'

const none = { attempts: 0, socketsWaitMs: 0, restWaitMs: 0 }

export function visitsContract(open: OpenSubject): void {
  describe('visits to the exchange', () => {
    let subject: Subject
    let first: Member
    let second: Member
    beforeEach(async () => {
      subject = await open()
      first = await subject.join()
      second = await subject.join()
    })
    afterEach(async () => subject.dispose())

    test('what each does counts for all', async () => {
      expect(await first.bus.visit(none)).toEqual({ kind: 'read', ...none })
      const tries = Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? first : second).bus.visit({ ...none, attempts: 1 }))
      const counts = (await Promise.all(tries)).map(outcome => (outcome.kind === 'read' ? outcome.attempts : Number.NaN))
      expect(counts.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      expect(await second.bus.visit(none)).toEqual({ kind: 'read', ...none, attempts: 10 })
    })

    test('who asks hears how long the exchange wants nobody, of sockets and of requests; a shorter word does not shorten it', async () => {
      await first.bus.visit({ ...none, socketsWaitMs: 5000 })
      await first.bus.visit({ ...none, socketsWaitMs: 1000, restWaitMs: 400_000.5 })
      const told = await second.bus.visit(none)
      if (told.kind !== 'read') throw new Error(told.cause)
      expect(told.socketsWaitMs).toBeGreaterThan(3000)
      expect(told.socketsWaitMs).toBeLessThanOrEqual(5000)
      expect(told.restWaitMs).toBeGreaterThan(398_000)
      expect(told.restWaitMs).toBeLessThanOrEqual(400_001)
    })

    test('a wait ends by itself', async () => {
      await first.bus.visit({ ...none, restWaitMs: 30 })
      await expect.poll(() => second.bus.visit(none)).toEqual({ kind: 'read', ...none })
    })

    test('after the store lost everything it counts from anew', async () => {
      await first.bus.visit({ attempts: 9, socketsWaitMs: 5000, restWaitMs: 5000 })
      await subject.loseEverything()
      expect(await second.bus.visit({ ...none, attempts: 1 })).toEqual({ kind: 'read', ...none, attempts: 1 })
    })
  })
}
