import { describe, expect, test } from 'vitest'
import { createMemoryBus } from '../../src/bus/memory-bus.ts'
import { systemClock } from '../../src/clock.ts'
import { createMemoryLedger } from '../../src/demand/memory-ledger.ts'
import { createEmbeddedStore, type EmbeddedStore } from '../../src/embedded.ts'
import { createMemoryLease } from '../../src/leadership/memory-lease.ts'
import { names as namesOf } from '../../src/names.ts'
import { busContract } from './bus.contract.ts'
import { followingContract } from './following.contract.ts'
import { handOverContract } from './hand-over.contract.ts'
import { leaseContract } from './lease.contract.ts'
import { ledgerContract } from './ledger.contract.ts'
import { eventually, lead, type Member, record, type Subject } from './subject.ts'
import { visitsContract } from './visits.contract.ts'
import { wantsContract } from './wants.contract.ts'

const names = namesOf()

const memberOf = (store: EmbeddedStore, options: { readonly cacheTtlMs?: number } = {}): Member => ({
  bus: createMemoryBus({ store, names, ...options }),
  lease: createMemoryLease({ store, names }),
  ledger: createMemoryLedger({ store, names }),
})

async function open(): Promise<Subject> {
  const store = createEmbeddedStore(systemClock)
  return {
    names,
    join: async options => memberOf(store, options),
    loseEverything: async () => store.clear(),
    cutFollowings: async () => {
      store.reachable = false
      store.reachable = true
    },
    write: async (key, text) => void (await store.ask(keys => keys.set(key, text))),
    list: async () => undefined,
    dispose: async () => {
      store.reachable = false
    },
  }
}

describe('embedded', () => {
  busContract(open)
  followingContract(open)
  wantsContract(open)
  visitsContract(open)
  leaseContract(open)
  handOverContract(open)
  ledgerContract(open)

  test('taken away, it answers unreachable and every following is lost; given back, it remembers', async () => {
    const store = createEmbeddedStore(systemClock)
    const { bus, lease, ledger } = memberOf(store)
    const epoch = await lead({ bus, lease, ledger })
    await bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'one' }])
    const follower = record(bus, ['BTC/USD'])
    await follower.caughtUp()
    store.reachable = false
    const unreachable = { kind: 'unreachable', cause: 'store unreachable' }
    expect(await bus.publish(epoch, [{ pair: 'BTC/USD', payload: 'two' }])).toEqual(unreachable)
    expect(await bus.beat(epoch, 'x')).toEqual(unreachable)
    expect(await bus.last(['BTC/USD'])).toEqual(unreachable)
    expect(await lease.acquire({ id: 'b', ttlMs: 1000, floorEpoch: 0 })).toEqual(unreachable)
    expect(await lease.renew({ id: 'first', ttlMs: 1000, epoch })).toEqual(unreachable)
    expect(await lease.release({ id: 'first' })).toEqual(unreachable)
    expect(await ledger.announce('a', [], { ttlMs: 1000, tell: true })).toEqual(unreachable)
    expect(await ledger.withdraw('a')).toEqual(unreachable)
    expect(await ledger.union()).toEqual(unreachable)
    expect(follower.losses).toEqual(['store unreachable'])
    const hopeful = record(bus, ['BTC/USD'])
    await eventually(() => hopeful.losses.length > 0)
    expect(hopeful.losses).toEqual(['store unreachable'])
    store.reachable = true
    expect(await bus.last(['BTC/USD'])).toEqual({ kind: 'read', payloads: new Map([['BTC/USD', Buffer.from('one')]]) })
  })

  test('a publication is told after it was made, not within it', async () => {
    const soon: (() => void)[] = []
    const member = memberOf(createEmbeddedStore({ ...systemClock, soon: then => void soon.push(then) }))
    const step = () => soon.shift()?.()
    const walk = async () => {
      while (soon.length > 0) step()
      await new Promise(resolve => setImmediate(resolve))
    }
    const granted = member.lease.acquire({ id: 'first', ttlMs: 60_000, floorEpoch: 0 })
    await walk()
    const outcome = await granted
    const follower = record(member.bus, ['BTC/USD'])
    while (!follower.events.includes('caughtUp')) await walk()
    void member.bus.publish(outcome.kind === 'granted' ? outcome.epoch : 0, [{ pair: 'BTC/USD', payload: 'one' }])
    step()
    expect(follower.prices).toEqual([])
    await walk()
    expect(follower.texts('BTC/USD')).toEqual(['one'])
  })

  test('an answer can be lost although the question was obeyed', async () => {
    const soon: (() => void)[] = []
    const store = createEmbeddedStore({ ...systemClock, soon: then => void soon.push(then) })
    const answer = memberOf(store).lease.acquire({ id: 'first', ttlMs: 60_000, floorEpoch: 0 })
    soon.shift()?.()
    store.reachable = false
    soon.shift()?.()
    expect(await answer).toMatchObject({ kind: 'unreachable' })
    store.reachable = true
    const again = memberOf(store).lease.acquire({ id: 'second', ttlMs: 60_000, floorEpoch: 0 })
    soon.shift()?.()
    soon.shift()?.()
    expect(await again).toMatchObject({ kind: 'refused' })
  })

  test('a full store tells prices it cannot keep, and elects nobody', async () => {
    const store = createEmbeddedStore(systemClock, { keysMax: 3 })
    const member = memberOf(store)
    const epoch = await lead(member)
    const follower = record(member.bus, ['A/USD', 'B/USD'])
    await follower.caughtUp()
    const batch = ['A/USD', 'B/USD'].map(pair => ({ pair, payload: 'x' }))
    expect(await member.bus.publish(epoch, batch)).toEqual({ kind: 'accepted', uncached: 1 })
    await eventually(() => follower.prices.length === 2)
    expect(await member.lease.renew({ id: 'first', ttlMs: 1000, epoch })).toEqual({ kind: 'held' })
    await member.lease.release({ id: 'first' })
    await member.bus.publish(epoch, batch)
    expect(await member.lease.acquire({ id: 'second', ttlMs: 1000, floorEpoch: 0 })).toMatchObject({ kind: 'unreachable' })
  })
})
