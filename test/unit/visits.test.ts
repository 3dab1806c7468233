import { expect, it } from 'vitest'
import { createMemoryBus } from '../../src/bus/memory-bus.ts'
import { createEmbeddedStore } from '../../src/embedded.ts'
import { names } from '../../src/names.ts'
import { createVisits, type SharedVisits } from '../../src/visits.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** Instances on one store, and what each was told to stay away from REST. */
function world() {
  const clock = fakeClock()
  const store = createEmbeddedStore(clock)
  const bus = createMemoryBus({ store, names: names() })
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) {
      clock.advance(1)
      await new Promise(setImmediate)
    }
  }
  const join = (isShared = true): { readonly visits: SharedVisits; readonly stays: number[]; isReady: boolean } => {
    const stays: number[] = []
    const member = { visits: createVisits({ clock, bus, isShared, stayAway: ms => void stays.push(ms) }), stays, isReady: false }
    void member.visits.ready.then(() => {
      member.isReady = true
    })
    return member
  }
  return { clock, store, join, settle }
}

it('who starts or takes over while REST refuses one of us hears of it before it asks', async () => {
  const { clock, join, settle } = world()
  const first = join()
  await settle()
  first.visits.restRefused(60_000)
  await settle()
  const next = join()
  expect(next.isReady).toBe(false)
  await settle()
  expect([next.isReady, next.stays.length]).toEqual([true, 1])
  expect(next.stays[0]).toBeGreaterThan(59_900)
  clock.advance(61_000)
  await settle()
  const last = join()
  await settle()
  expect([last.isReady, last.stays]).toEqual([true, []])
  for (const { visits } of [first, next, last]) visits.stop()
})

it('who runs already hears of it within five seconds', async () => {
  const { clock, join, settle } = world()
  const [one, other] = [join(), join()]
  await settle()
  one.visits.restRefused(60_000)
  await settle()
  expect(other.stays).toEqual([])
  clock.advance(5000)
  await settle()
  expect(other.stays.length).toBeGreaterThan(0)
  for (const { visits } of [one, other]) visits.stop()
})

it('connections tried are counted together, and one refused holds back all', async () => {
  const { join, settle } = world()
  const [one, other] = [join(), join()]
  await settle()
  const tries = Promise.all([one, other, other].map(({ visits }) => visits.share(1, 0)))
  await settle()
  expect((await tries).map(known => known?.attempts)).toEqual([1, 2, 3])
  const refused = one.visits.share(0, 8000)
  await settle()
  await refused
  const known = other.visits.share(1, 0)
  await settle()
  expect((await known)?.waitMs).toBeGreaterThan(7900)
  for (const { visits } of [one, other]) visits.stop()
})

it('without the bus, and who may not write there, each is ready and knows of itself only', async () => {
  const { clock, store, join, settle } = world()
  const apart = join(false)
  store.reachable = false
  const alone = join()
  for (let tries = 0; tries < 6; tries += 1) {
    await settle()
    clock.advance(100)
  }
  const answers = Promise.all([apart, alone].map(({ visits }) => visits.share(1, 0)))
  await settle()
  expect([apart.isReady, alone.isReady, await answers]).toEqual([true, true, [undefined, undefined]])
  for (const { visits } of [apart, alone]) visits.stop()
})
