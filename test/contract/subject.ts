/** What the contract suites are run against, and how they watch it. */
import type { Bulletin, Bus, Following } from '../../src/bus/bus.ts'
import { after, systemClock } from '../../src/clock.ts'
import type { Ledger } from '../../src/demand/ledger.ts'
import type { Lease } from '../../src/leadership/lease.ts'
import type { Names } from '../../src/names.ts'
import type { Pair } from '../../src/price.ts'

/** One instance's view of the shared store. */
export interface Member {
  readonly bus: Bus
  readonly lease: Lease
  readonly ledger: Ledger
}

/** One store, empty at first, that any number of instances share. */
export interface Subject {
  readonly names: Names
  join(options?: { readonly cacheTtlMs?: number }): Promise<Member>
  /** As a restart without persistence. */
  loseEverything(): Promise<void>
  /** Ends the connection of every following; the store itself stays. */
  cutFollowings(): Promise<void>
  /** Writes a key behind Tickcast's back. */
  write(key: string, text: string): Promise<void>
  /** Makes an instance's demand known to the union without writing one. */
  list(instance: string): Promise<void>
  dispose(): Promise<void>
}

export type OpenSubject = () => Promise<Subject>

/** Waits until `probe` is true. */
export async function eventually(probe: () => boolean | Promise<boolean>, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${probe}`)
    await after(systemClock, 3)
  }
}

export interface Told {
  readonly pair: Pair
  readonly text: string
  readonly cached: boolean
}

export interface Recording {
  readonly following: Following
  readonly prices: Told[]
  readonly bulletins: { readonly kind: Bulletin; readonly text: string }[]
  readonly losses: string[]
  /** Names of the events in order, prices as `price` or `cached`. */
  readonly events: string[]
  texts(pair: Pair): string[]
  caughtUp(): Promise<void>
}

export function record(bus: Bus, pairs: Iterable<Pair>): Recording {
  const prices: Told[] = []
  const bulletins: { kind: Bulletin; text: string }[] = []
  const losses: string[] = []
  const events: string[] = []
  const following = bus.follow(new Set(pairs), {
    subscribed: () => void events.push('subscribed'),
    caughtUp: () => void events.push('caughtUp'),
    price: (pair, payload, cached) => {
      events.push(cached ? 'cached' : 'price')
      prices.push({ pair, text: payload.toString(), cached })
    },
    bulletin: (kind, payload) => void bulletins.push({ kind, text: payload.toString() }),
    lost: cause => void losses.push(cause),
  })
  return {
    following,
    prices,
    bulletins,
    losses,
    events,
    texts: pair => prices.filter(told => told.pair === pair).map(told => told.text),
    caughtUp: () => eventually(() => events.includes('caughtUp')),
  }
}

/** Takes the lease and returns its epoch. */
export async function lead({ lease }: Member, id = 'first', ttlMs = 60_000): Promise<number> {
  const outcome = await lease.acquire({ id, ttlMs, floorEpoch: 0 })
  if (outcome.kind !== 'granted') throw new Error(`expected a grant, got ${JSON.stringify(outcome)}`)
  return outcome.epoch
}
