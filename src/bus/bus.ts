import type { Pair } from '../price.ts'

/** One price to publish: `payload` is what price.ts writes. */
export interface Message {
  readonly pair: Pair
  readonly payload: string
}

/**
 * accepted: stored and told to every follower, all of it; `uncached` of them could not be stored for want of memory, but were told.
 * fenced: another epoch is in force, nothing was stored or told, and nothing of this epoch ever will be: step down.
 * unreachable: nobody knows. It may have been done, or may yet be; if it is, then only while this epoch is in force.
 */
export type PublishOutcome =
  | { readonly kind: 'accepted'; readonly uncached: number }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'unreachable'; readonly cause: string }

export type LastOutcome =
  | { readonly kind: 'read'; readonly payloads: ReadonlyMap<Pair, Buffer> }
  | { readonly kind: 'unreachable'; readonly cause: string }

/** What was done at the exchange, which counts by address: of one instance, or of all that share the bus. */
export interface Visits {
  /** Connections tried: just now by the one, in the last five minutes (or up to six) by all. */
  readonly attempts: number
  /** For so long the exchange wants no more of them, it said; 0 if it did not. */
  readonly socketsWaitMs: number
  readonly restWaitMs: number
}

export type VisitOutcome = ({ readonly kind: 'read' } & Visits) | { readonly kind: 'unreachable'; readonly cause: string }

/**
 * What is told to every instance beside prices: heartbeat of the leader, lease given up, offered or claimed, demand changed or trades asked
 * for, trades that were missing, somebody looks at machines.
 */
export type Bulletin = 'heartbeat' | 'released' | 'offered' | 'claimed' | 'demand' | 'missed' | 'inspect'

export interface FollowEvents {
  /** Every wanted channel is subscribed. Nothing is missed from here on. */
  subscribed(): void
  /** The last prices of the wanted pairs have all been handed to `price`. */
  caughtUp(): void
  /** A price, published just now or (`cached`) the last one stored. Per pair in the order of publishing; a cached one may repeat. */
  price(pair: Pair, payload: Buffer, cached: boolean): void
  bulletin(kind: Bulletin, payload: Buffer): void
  /** The connection is over; nothing more comes. Never called after `stop`. */
  lost(cause: string): void
}

/** One connection's life of following. It never reconnects by itself: machines/relay.ts says when. */
export interface Following {
  /** Follow exactly these pairs from now on. A pair new to the set is subscribed first, then its last price is read on the same connection. */
  want(pairs: ReadonlySet<Pair>): void
  stop(): void
}

/** Carries prices from the leader to every instance. */
export interface Bus {
  readonly kind: 'embedded' | 'redis'
  /** Stores and tells prices in order, in one step, if `epoch` is the one in force. */
  publish(epoch: number, messages: readonly Message[]): Promise<PublishOutcome>
  /** Tells the followers that the leader lives, if `epoch` is the one in force. */
  beat(epoch: number, text: string): Promise<PublishOutcome>
  /** Tells the followers trades that were missing, if `epoch` is the one in force. */
  tellMissed(epoch: number, text: string): Promise<PublishOutcome>
  /** The last stored price of each pair that has one. */
  last(pairs: readonly Pair[]): Promise<LastOutcome>
  /** Notes what this instance did at the exchange, and reads what all have done. */
  visit(visits: Visits): Promise<VisitOutcome>
  follow(pairs: ReadonlySet<Pair>, events: FollowEvents): Following
  close(): Promise<void>
}
