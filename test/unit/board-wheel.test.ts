import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWheel } from '../../src/board/wheel.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'

interface One {
  readonly name: number
  at: number
}

/** A wheel, and beside it what it should do: a list, searched as a whole. */
function stage() {
  const clock = fakeClock()
  const called: string[] = []
  const expected: string[] = []
  const lateness: number[] = []
  const list = new Set<One>()
  const wheel = createWheel<One>({
    clock,
    dueAt: one => one.at,
    due: those => {
      for (const { name, at } of those) {
        called.push(`${name} at ${at}`)
        lateness.push(clock.now() - at)
      }
    },
  })
  const expectDue = (): void => {
    const due = [...list].filter(({ at }) => Math.ceil(at / 10) * 10 <= clock.now())
    for (const one of due) {
      list.delete(one)
      expected.push(`${one.name} at ${one.at}`)
    }
  }
  const advance = clock.advance
  const watched: FakeClock = Object.create(clock, {
    advance: {
      value: (ms: number) => {
        for (let passed = 0; passed < ms; passed += 1) {
          advance(1)
          expectDue()
        }
      },
    },
  })
  return {
    clock: watched,
    ones: Array.from({ length: 12 }, (_, name) => ({ name, at: 0 })),
    called,
    expected,
    lateness,
    add: (one: One): void => {
      if (one.at === Number.POSITIVE_INFINITY) list.delete(one)
      else list.add(one)
      wheel.add(one)
    },
    delete: (one: One): void => {
      list.delete(one)
      wheel.delete(one)
    },
  }
}

const doing = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), who: fc.nat(11), ms: fc.oneof(fc.nat(60), fc.nat(20_000), fc.constant(Infinity)) }),
  fc.record({ kind: fc.constant('delete' as const), who: fc.nat(11), ms: fc.constant(0) }),
  fc.record({ kind: fc.constant('pass' as const), who: fc.constant(0), ms: fc.oneof(fc.nat(30), fc.nat(3000)) }),
)

test('does what a list that is searched as a whole does, to ten milliseconds, on one timer', () => {
  fc.assert(
    fc.property(fc.array(doing, { maxLength: 40 }), plan => {
      const on = stage()
      for (const { kind, who, ms } of plan) {
        const one = on.ones[who]
        if (one === undefined) continue
        if (kind === 'add') {
          one.at = on.clock.now() + ms
          on.add(one)
        } else if (kind === 'delete') on.delete(one)
        else on.clock.advance(ms)
        expect(on.clock.waiting).toBeLessThanOrEqual(1)
      }
      on.clock.advance(20_020)
      expect([...on.called].sort()).toEqual([...on.expected].sort())
      for (const ms of on.lateness) expect(ms >= 0 && ms <= 20).toBe(true)
      expect(on.clock.waiting).toBe(0)
    }),
    { numRuns: 50 },
  )
})

test('those kept back are rung when due, together if they are due together, and never early', () => {
  const clock = fakeClock()
  const dueAt = new Map([
    ['a', 95],
    ['b', 99],
    ['c', 180],
    ['d', 40],
    ['gone', 50],
  ])
  const rung: [number, readonly string[]][] = []
  const wheel = createWheel<string>({
    clock,
    dueAt: one => dueAt.get(one) ?? Number.POSITIVE_INFINITY,
    due: those => rung.push([clock.now(), those]),
  })
  for (const one of ['c', 'a', 'b', 'd', 'gone', 'never']) wheel.add(one)
  wheel.delete('gone')
  expect(clock.waiting).toBe(1)
  clock.advance(1000)
  expect(rung).toEqual([
    [40, ['d']],
    [100, ['a', 'b']],
    [180, ['c']],
  ])
  expect(clock.waiting).toBe(0)
  wheel.add('a')
  wheel.stop()
  expect(clock.waiting).toBe(0)
})

test('whoever came due while the process stood still is called once it goes on', () => {
  const clock = fakeClock()
  const called: number[] = []
  const wheel = createWheel<number>({ clock, dueAt: at => at, due: those => void called.push(...those) })
  for (const at of [1000, 3000, 7000, 50_000, 90_000]) wheel.add(at)
  clock.freeze(60_000)
  expect(called.sort((a, b) => a - b)).toEqual([1000, 3000, 7000, 50_000])
  clock.advance(29_000)
  expect(called).toHaveLength(4)
  clock.advance(1010)
  expect(called).toHaveLength(5)
})
