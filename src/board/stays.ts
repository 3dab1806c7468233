import { after, type Clock, every } from '../clock.ts'
import type { Hub, Outlet, ReaderOptions, Seat } from './hub.ts'

/**
 * How long a stream lasts, and how it ends: told to come back after a wait of its own. One way for those whose time is over, so that readers
 * spread over instances that were added, and for all of them when this instance goes.
 */
export interface Stays {
  join(options: ReaderOptions, outlet: Outlet): Seat
  /** Sends everybody away, a few at a time, so that they do not all arrive elsewhere at once; resolves when done. */
  farewell(): Promise<void>
  counts(): { readonly joined: number; readonly expired: number; readonly drained: number }
}

export interface StaysOptions {
  readonly clock: Clock
  readonly hub: Hub
  /** Longest life of a stream, 0: no end. Each gets four fifths of it or more, by chance. */
  readonly streamLifeMs: number
  /** How long this instance says that it is not ready before it sends the first one away. */
  readonly unreadyMs: number
  /** Longest time over which readers are sent away. */
  readonly drainMs: number
}

/** Readers come back spread over this time. */
const returnMs = { min: 250, max: 2000 }
/** Those whose time ends within it end together. */
const togetherMs = 1000
const goodbyeEveryMs = 50
/** A thousand goodbyes a second are welcome everywhere; only more readers than that are worth waiting for. */
const msPerGoodbye = 1

export function createStays({ clock, hub, streamLifeMs, unreadyMs, drainMs }: StaysOptions): Stays {
  const seats = new Set<Seat>()
  /** When, in units of {@link togetherMs} → whose time is over then. */
  const ends = new Map<number, Set<Seat>>()
  const counts = { joined: 0, expired: 0, drained: 0 }
  let isLeaving = false
  let lookedAt = 0
  let stopLooking: (() => void) | undefined

  const slotOf = (ms: number): number => Math.floor(ms / togetherMs)

  const look = (): void => {
    const slot = slotOf(clock.now())
    for (; lookedAt < slot; lookedAt += 1) {
      const over = ends.get(lookedAt) ?? []
      ends.delete(lookedAt)
      for (const seat of over) {
        seats.delete(seat)
        counts.expired += 1
        seat.sendAway(returnMs.min, returnMs.max)
      }
    }
  }

  const addEnd = (seat: Seat): number => {
    const slot = slotOf(clock.now() + streamLifeMs * (0.8 + 0.2 * clock.random()))
    const others = ends.get(slot)
    if (others === undefined) ends.set(slot, new Set([seat]))
    else others.add(seat)
    if (stopLooking === undefined) {
      lookedAt = slotOf(clock.now())
      stopLooking = every(clock, togetherMs, look)
    }
    return slot
  }

  const sendAway = (count: number): void => {
    let left = count
    for (const seat of seats) {
      if (left <= 0) return
      left -= 1
      seats.delete(seat)
      counts.drained += 1
      seat.sendAway(returnMs.min, returnMs.max)
    }
  }

  return {
    join: (options, outlet) => {
      const seat = hub.join(options, outlet)
      counts.joined += 1
      if (isLeaving) {
        seat.sendAway(returnMs.min, returnMs.max)
        return seat
      }
      seats.add(seat)
      const slot = streamLifeMs === 0 ? -1 : addEnd(seat)
      return {
        ...seat,
        leave: () => {
          seats.delete(seat)
          ends.get(slot)?.delete(seat)
          seat.leave()
        },
      }
    },
    farewell: async () => {
      if (unreadyMs > 0) await after(clock, unreadyMs)
      isLeaving = true
      stopLooking?.()
      const until = clock.now() + Math.min(drainMs, seats.size * msPerGoodbye)
      while (seats.size > 0) {
        const leftMs = until - clock.now()
        sendAway(leftMs <= goodbyeEveryMs ? seats.size : Math.ceil((seats.size * goodbyeEveryMs) / leftMs))
        if (seats.size > 0) await after(clock, goodbyeEveryMs)
      }
      hub.farewell(returnMs.min, returnMs.max)
    },
    counts: () => counts,
  }
}
