import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Ledger, UnionOutcome } from '../../src/demand/ledger.ts'
import { createWanted, everywhereMax, pairsMax, type Wanted } from '../../src/demand/wanted.ts'
import type { Pair } from '../../src/price.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'

interface Stage {
  readonly clock: FakeClock
  readonly wanted: Wanted
  readonly announced: { pairs: readonly Pair[]; ttlMs: number; tell: boolean; at: number }[]
  readonly withdrawn: string[]
  /** What others want. */
  readonly others: Map<string, readonly Pair[]>
  isReachable: boolean
  reads: number
  /** Set: unions wait for it. */
  hold: Promise<void> | undefined
  readonly here: string[]
  readonly everywhere: string[]
  go(ms: number): Promise<void>
}

const shown = (pairs: ReadonlySet<Pair>): string => [...pairs].sort().join(' ')
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

function stage({ held = ['H'], lingerMs = 5000 }: { held?: readonly Pair[]; lingerMs?: number } = {}): Stage {
  const clock = fakeClock()
  const ledger: Ledger = {
    announce: async (instance, pairs, { ttlMs, tell }) => {
      on.announced.push({ pairs, ttlMs, tell, at: clock.now() })
      if (on.isReachable) on.others.set(instance, pairs)
      return { kind: 'noted' }
    },
    withdraw: async instance => {
      on.withdrawn.push(instance)
      return { kind: 'noted' }
    },
    ask: async () => ({ kind: 'noted' }),
    union: async (): Promise<UnionOutcome> => {
      on.reads += 1
      const wanted = new Map(on.others)
      await on.hold
      return on.isReachable ? { kind: 'read', wanted } : { kind: 'unreachable', cause: 'the test says so' }
    },
  }
  const on: Stage = {
    clock,
    announced: [],
    withdrawn: [],
    others: new Map(),
    isReachable: true,
    reads: 0,
    hold: undefined,
    here: [],
    everywhere: [],
    wanted: undefined as unknown as Wanted,
    go: async ms => {
      for (let passed = 0; passed < ms; passed += 100) {
        clock.advance(Math.min(100, ms - passed))
        await settle()
      }
      if (ms === 0) clock.advance(0)
      await settle()
    },
  }
  const wanted = createWanted({
    clock,
    ledger,
    instance: 'me',
    held,
    lingerMs,
    changedHere: pairs => on.here.push(shown(pairs)),
    changedEverywhere: pairs => on.everywhere.push(shown(pairs)),
  })
  return Object.assign(on, { wanted })
}

test('what is held is wanted from the start, announced, and never let go', async () => {
  const on = stage()
  expect(shown(on.wanted.here())).toBe('H')
  expect(on.announced).toEqual([{ pairs: ['H'], ttlMs: 6000, tell: true, at: 0 }])
  on.wanted.add('H')
  on.wanted.remove('H')
  await on.go(30_000)
  expect(shown(on.wanted.here())).toBe('H')
  expect(on.here).toEqual([])
})

test('a pair is wanted until its last reader left, and lingers', async () => {
  const on = stage()
  on.wanted.add('A')
  on.wanted.add('A')
  on.wanted.remove('A')
  await on.go(20_000)
  expect(shown(on.wanted.here())).toBe('A H')
  on.wanted.remove('A')
  await on.go(4900)
  expect(shown(on.wanted.here())).toBe('A H')
  await on.go(1200)
  expect(shown(on.wanted.here())).toBe('H')
  expect(on.here).toEqual(['A H', 'H'])
})

test('a reader that comes back while the pair lingers changes nothing', async () => {
  const on = stage()
  on.wanted.add('A')
  await on.go(0)
  on.wanted.remove('A')
  await on.go(3000)
  on.wanted.add('A')
  await on.go(20_000)
  expect(on.here).toEqual(['A H'])
})

test('a leave too many takes nothing from others', async () => {
  const on = stage({ lingerMs: 0 })
  on.wanted.remove('A')
  on.wanted.add('A')
  on.wanted.add('A')
  on.wanted.remove('A')
  await on.go(10_000)
  expect(shown(on.wanted.here())).toBe('A H')
})

test('a reader of many new pairs is one change and one announcement, told to all', async () => {
  const on = stage()
  for (const pair of ['A', 'B', 'C']) on.wanted.add(pair)
  expect(shown(on.wanted.here())).toBe('A B C H')
  expect(shown(on.wanted.everywhere())).toBe('A B C H')
  await on.go(0)
  expect(on.here).toEqual(['A B C H'])
  expect(on.everywhere).toEqual(['A B C H'])
  expect(on.announced.slice(1)).toMatchObject([{ pairs: ['H', 'A', 'B', 'C'], tell: true }])
})

test('demand is announced again every two seconds, well within its life, without telling', async () => {
  const on = stage()
  await on.go(10_500)
  expect(on.announced.slice(1).map(({ at, tell }) => [at, tell])).toEqual([2000, 4000, 6000, 8000, 10_000].map(at => [at, false]))
})

test('everywhere is the union with what other instances want, and only changes are told', async () => {
  const on = stage()
  on.others.set('other', ['A', 'H'])
  on.wanted.changedElsewhere()
  await on.go(0)
  expect(on.everywhere).toEqual(['A H'])
  expect(shown(on.wanted.here())).toBe('H')
  await on.go(5000)
  on.wanted.add('A')
  await on.go(0)
  expect(on.everywhere).toEqual(['A H'])
  expect(on.here).toEqual(['A H'])
})

test('an instance that died is forgotten when the ledger has forgotten it', async () => {
  const on = stage()
  on.others.set('other', ['A'])
  await on.go(1000)
  expect(shown(on.wanted.everywhere())).toBe('A H')
  on.others.delete('other')
  await on.go(1000)
  expect(shown(on.wanted.everywhere())).toBe('H')
})

test('while the ledger is out of reach, what others wanted last counts', async () => {
  const on = stage()
  on.others.set('other', ['A'])
  await on.go(1000)
  on.isReachable = false
  on.others.clear()
  await on.go(60_000)
  on.wanted.add('B')
  expect(shown(on.wanted.everywhere())).toBe('A B H')
})

test('our own last announcement never keeps a pair that nobody wants any more', async () => {
  const on = stage({ lingerMs: 0 })
  on.wanted.add('A')
  await on.go(3000)
  on.wanted.remove('A')
  on.others.set('me', ['A', 'H'])
  await on.go(1000)
  expect(shown(on.wanted.everywhere())).toBe('H')
})

test('a change told while the ledger is being read is read afterwards, not lost', async () => {
  const on = stage()
  let release = (): void => {}
  on.hold = new Promise(resolve => {
    release = resolve
  })
  on.wanted.changedElsewhere()
  on.others.set('other', ['A'])
  for (let turn = 0; turn < 5; turn += 1) on.wanted.changedElsewhere()
  release()
  await on.go(0)
  expect(shown(on.wanted.everywhere())).toBe('A H')
  expect(on.reads).toBe(2)
})

test('no more than so many pairs are wanted here; who reads goes before what lingers', async () => {
  const on = stage()
  for (let index = 1; index < pairsMax; index += 1) expect(on.wanted.add(`P${index}`)).toBe(true)
  expect(on.wanted.add('A')).toBe(false)
  expect(on.wanted.add('P5')).toBe(true)
  on.wanted.remove('P7')
  expect(on.wanted.add('A')).toBe(true)
  expect(on.wanted.add('B')).toBe(false)
  await on.go(0)
  expect(on.wanted.here().size).toBe(pairsMax)
  expect(on.wanted.here().has('P7')).toBe(false)
})

test('what all want together is bounded, and what is wanted here is never left out', async () => {
  const on = stage()
  for (let instance = 0; instance < 5; instance += 1)
    on.others.set(
      `other ${instance}`,
      Array.from({ length: pairsMax }, (_, index) => `P${instance}-${index}`),
    )
  on.wanted.add('A')
  await on.go(1000)
  expect(on.wanted.everywhere().size).toBe(everywhereMax)
  expect(on.wanted.everywhere().has('A')).toBe(true)
})

test('at the end our demand is taken back, and nothing is announced or told any more', async () => {
  const on = stage()
  on.wanted.add('A')
  await on.wanted.stop()
  const before = on.announced.length
  on.wanted.add('B')
  on.wanted.changedElsewhere()
  await on.go(20_000)
  expect(on.withdrawn).toEqual(['me'])
  expect(on.announced).toHaveLength(before)
  expect(on.here).toEqual([])
  expect(on.clock.waiting).toBe(0)
})

test('whatever comes and goes: wanted is what is held, read, or was within the linger', async () => {
  const step = fc.tuple(fc.boolean(), fc.constantFrom('H', 'A', 'B', 'C'), fc.integer({ min: 0, max: 3000 }))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const on = stage({ lingerMs: 2000 })
      const counts = new Map<string, number>()
      const leftAt = new Map<string, number>()
      for (const [comes, pair, ms] of steps) {
        const count = counts.get(pair) ?? 0
        if (comes) on.wanted.add(pair)
        else on.wanted.remove(pair)
        counts.set(pair, Math.max(0, count + (comes ? 1 : -1)))
        if (count === 1 && !comes) leftAt.set(pair, on.clock.now())
        on.clock.advance(ms)
        for (const other of ['A', 'B', 'C']) {
          const isRead = (counts.get(other) ?? 0) > 0
          const since = on.clock.now() - (leftAt.get(other) ?? Number.NEGATIVE_INFINITY)
          if (isRead || since < 2000) expect(on.wanted.here().has(other)).toBe(true)
          else if (since > 3000) expect(on.wanted.here().has(other)).toBe(false)
        }
        expect(on.wanted.here().has('H')).toBe(true)
      }
    }),
  )
})
