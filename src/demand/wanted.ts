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
const announceTtlMs = 6000
const beatMs = 1000
/** Beats between two announcements of the same, a third of their life. */
const beatsPerAnnouncement = 2

export function createWanted({ clock, ledger, instance, held, lingerMs, changedHere, changedEverywhere }: WantedOptions): Wanted {
  const readers = new Map<Pair, number>()
  /** Pairs no reader wants any more, and when they are let go. */
  const lingering = new Map<Pair, number>()
  let here: ReadonlySet<Pair> = new Set(held)
  let elsewhere: readonly Pair[] = []
  let everywhere: ReadonlySet<Pair> = here
  let beats = 0
  let isReading = false
  let isStopped = false

  const unite = (): void => {
    const united = new Set([...here, ...elsewhere])
    if (united.size === everywhere.size && [...united].every(pair => everywhere.has(pair))) return
    everywhere = united
    changedEverywhere(everywhere)
  }

  const changed = (): void => {
    here = new Set([...held, ...readers.keys(), ...lingering.keys()])
    changedHere(here)
    unite()
    announce(true)
  }

  const announce = (tell: boolean): void => {
    if (!isStopped) void ledger.announce(instance, [...here], { ttlMs: announceTtlMs, tell })
  }

  const readElsewhere = async (): Promise<void> => {
    if (isReading) return
    isReading = true
    const outcome = await ledger.union()
    isReading = false
    if (isStopped || outcome.kind !== 'read') return
    elsewhere = [...outcome.wanted].filter(([other]) => other !== instance).flatMap(([, pairs]) => pairs)
    unite()
  }

  const letGo = (): void => {
    let gone = false
    for (const [pair, until] of lingering) {
      if (until > clock.now()) continue
      lingering.delete(pair)
      gone = true
    }
    if (gone) changed()
  }

  const beat = (): void => {
    letGo()
    beats += 1
    if (beats % beatsPerAnnouncement === 0) announce(false)
    void readElsewhere()
  }

  announce(true)
  const stopBeating = every(clock, beatMs, beat)
  return {
    here: () => here,
    everywhere: () => everywhere,
    changedElsewhere: () => void readElsewhere(),
    add: pair => {
      if (!here.has(pair) && here.size >= pairsMax) return false
      readers.set(pair, (readers.get(pair) ?? 0) + 1)
      lingering.delete(pair)
      if (!here.has(pair)) changed()
      return true
    },
    remove: pair => {
      const left = (readers.get(pair) ?? 0) - 1
      if (left > 0) return void readers.set(pair, left)
      if (readers.delete(pair) && !held.includes(pair)) lingering.set(pair, clock.now() + lingerMs)
    },
    stop: async () => {
      isStopped = true
      stopBeating()
      await ledger.withdraw(instance)
    },
  }
}
