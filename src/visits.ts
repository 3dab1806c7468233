import type { Bus, Visits } from './bus/bus.ts'
import { after, type Clock, every } from './clock.ts'
import type { Share } from './exchange/attempts.ts'

/**
 * What instances that may share an address owe each other at the exchange: connections tried are counted together, and a refusal of one
 * is heard by all. Without the bus each counts for itself.
 */
export interface SharedVisits {
  readonly share: Share
  /** The exchange refused our REST requests, for so long. */
  restRefused(waitMs: number): void
  /** Resolves when it is known whether we may ask, or is not to be known. */
  readonly ready: Promise<void>
  stop(): void
}

export interface VisitsOptions {
  readonly clock: Clock
  readonly bus: Pick<Bus, 'visit'>
  /** False: this instance may not write where the others note it. */
  readonly isShared: boolean
  /** Another was refused: no REST requests for so long. */
  readonly stayAway: (waitMs: number) => void
}

/** A ban of the address is known to who takes over, and to all after so long. */
const readEveryMs = 5000
const nothing: Visits = { attempts: 0, socketsWaitMs: 0, restWaitMs: 0 }
/** At the start the way to Redis may not stand yet. */
const first = { tries: 5, apartMs: 100 }

export function createVisits({ clock, bus, isShared, stayAway }: VisitsOptions): SharedVisits {
  const visit = async (visits: Partial<Visits>): ReturnType<Share> => {
    const outcome = isShared ? await bus.visit({ ...nothing, ...visits }) : undefined
    if (outcome?.kind !== 'read') return undefined
    if (outcome.restWaitMs > 0) stayAway(outcome.restWaitMs)
    return { attempts: outcome.attempts, waitMs: outcome.socketsWaitMs }
  }
  const readFirst = async (): Promise<void> => {
    for (let tries = 1; isShared && (await visit({})) === undefined && tries < first.tries; tries += 1) await after(clock, first.apartMs)
  }
  return {
    share: (attempts, socketsWaitMs) => visit({ attempts, socketsWaitMs }),
    restRefused: restWaitMs => void visit({ restWaitMs }),
    ready: readFirst(),
    stop: every(clock, readEveryMs, () => void visit({})),
  }
}
