import { type Clock, every } from '../clock.ts'
import type { Pair } from '../price.ts'
import type { Ledger } from './ledger.ts'

/**
 * Which pairs somebody wants: readers of this instance (counted), pairs held from the start, pairs nobody wants any more but that
 * linger, and, through the ledger, what the other instances want.
 */
export interface Wanted {
  /** A reader wants the pair. False when too many are wanted already. */
  add(pair: Pair): boolean
  remove(pair: Pair): void
  /** What this instance wants. */
  here(): ReadonlySet<Pair>
  /** What any living instance wants; while the ledger cannot be read, as last known. */
  everywhere(): ReadonlySet<Pair>
  /** Another instance says that it wants something else now. */
  changedElsewhere(): void
  /** Takes our demand out of the ledger. */
  stop(): Promise<void>
}

export interface WantedOptions {
  readonly clock: Clock
  readonly ledger: Ledger
  readonly instance: string
  readonly held: readonly Pair[]
  readonly lingerMs: number
  readonly changedHere: (pairs: ReadonlySet<Pair>) => void
  readonly changedEverywhere: (pairs: ReadonlySet<Pair>) => void
}

/** Pairs one instance may want. Binance lists about 1,700 that trade. */
export const pairsMax = 5000
/** Pairs of all instances together. */
export const everywhereMax = 20_000
const announceTtlMs = 6000
const beatMs = 1000
/** Beats between two announcements of the same, a third of their life. */
const beatsPerAnnouncement = 2

export function createWanted({ clock, ledger, instance, held, lingerMs, changedHere, changedEverywhere }: WantedOptions): Wanted {
  const readers = new Map<Pair, number>()
  /** Pairs no reader wants any more, and when they are let go; the longest waiting first. */
  const lingering = new Map<Pair, number>()
  const alwaysHere: ReadonlySet<Pair> = new Set(held)
  /** Held, read or lingering. */
  const members = new Set<Pair>(held)
  let here: ReadonlySet<Pair> = new Set(held)
  let elsewhere: readonly Pair[] = []
  let everywhere: ReadonlySet<Pair> = here
  let told = { here, everywhere }
  let isStale = false
  let beats = 0
  let isScheduled = false
  let isReading = false
  let isReadAgain = false
  let isStopped = false

  const refresh = (): void => {
    if (!isStale) return
    isStale = false
    if (!isSame(members, here)) here = new Set(members)
    const united = new Set(here)
    for (const pair of elsewhere) if (united.size < everywhereMax) united.add(pair)
    if (!isSame(united, everywhere)) everywhere = united
  }

  const tellChanges = (): void => {
    if (isStopped) return
    refresh()
    const before = told
    told = { here, everywhere }
    if (here !== before.here) changedHere(here)
    if (everywhere !== before.everywhere) changedEverywhere(everywhere)
    if (here !== before.here) announce(true)
  }

  /** A reader of many new pairs is told as one change. */
  const changed = (): void => {
    isStale = true
    if (isScheduled) return
    isScheduled = true
    clock.soon(() => {
      isScheduled = false
      tellChanges()
    })
  }

  const announce = (tell: boolean): void => {
    if (!isStopped) void ledger.announce(instance, [...here], { ttlMs: announceTtlMs, tell })
  }

  const readElsewhere = async (): Promise<void> => {
    if (isReading) {
      isReadAgain = true
      return
    }
    isReading = true
    do {
      isReadAgain = false
      const outcome = await ledger.union()
      if (isStopped) return
      if (outcome.kind !== 'read') break
      elsewhere = [...outcome.wanted].filter(([other]) => other !== instance).flatMap(([, pairs]) => pairs)
      isStale = true
      tellChanges()
    } while (isReadAgain)
    isReading = false
  }

  const letGo = (pair: Pair): void => {
    lingering.delete(pair)
    members.delete(pair)
    changed()
  }

  const letGoOfOld = (): void => {
    for (const [pair, until] of lingering) if (until <= clock.now()) letGo(pair)
  }

  /** Who wants a pair now goes before those nobody wants any more. */
  const hasRoom = (): boolean => {
    if (members.size < pairsMax) return true
    const [oldest] = lingering.keys()
    if (oldest !== undefined) letGo(oldest)
    return members.size < pairsMax
  }

  const beat = (): void => {
    letGoOfOld()
    beats += 1
    if (beats % beatsPerAnnouncement === 0) announce(false)
    void readElsewhere()
  }

  announce(true)
  const stopBeating = every(clock, beatMs, beat)
  return {
    here: () => {
      refresh()
      return here
    },
    everywhere: () => {
      refresh()
      return everywhere
    },
    changedElsewhere: () => void readElsewhere(),
    add: pair => {
      if (!members.has(pair) && !hasRoom()) return false
      readers.set(pair, (readers.get(pair) ?? 0) + 1)
      lingering.delete(pair)
      if (!members.has(pair)) {
        members.add(pair)
        changed()
      }
      return true
    },
    remove: pair => {
      const left = (readers.get(pair) ?? 0) - 1
      if (left > 0) return void readers.set(pair, left)
      if (readers.delete(pair) && !alwaysHere.has(pair)) lingering.set(pair, clock.now() + lingerMs)
    },
    stop: async () => {
      isStopped = true
      stopBeating()
      await ledger.withdraw(instance)
    },
  }
}

const isSame = (a: ReadonlySet<Pair>, b: ReadonlySet<Pair>): boolean => {
  if (a.size !== b.size) return false
  for (const pair of a) if (!b.has(pair)) return false
  return true
}
