import type { Pair } from './price.ts'

/** Every name Tickcast uses in Redis, after the prefix. Public: others may read prices straight from Redis. */
export interface Names {
  /** Channel: each price of the pair, as text. */
  channel(pair: Pair): string
  /** Key: the last price of the pair. */
  key(pair: Pair): string
  /** Key: who holds the lease. */
  readonly leader: string
  /** Key: epoch of the newest term. */
  readonly epoch: string
  /** Channel: the leader is alive, and where its prices come from. */
  readonly heartbeat: string
  /** Channel: the lease was given up, it can be had now. */
  readonly released: string
  /** Channel: the leader wants to hand over; its id. */
  readonly offered: string
  /** Key: who prepares to take the lease, expiring. */
  readonly successor: string
  /** Channel: somebody does; the id of the leader whose offer it claimed. */
  readonly claimed: string
  /** Key: what all instances did at the exchange of late, expiring. */
  readonly visits: string
  /** Channel: trades that were missing, and that the leader asked the exchange for. */
  readonly missed: string
  /** Key: what this instance wants, a JSON array of pairs, expiring. */
  demand(instance: string): string
  /** Sorted set: the instances that want something, scored by when their demand expires (epoch ms). Also the channel that tells of a change, or what is missing. */
  readonly demands: string
  /** Channel: somebody looks at the machines of an instance, whose name is in the text. */
  readonly inspect: string
  /** Channel: what the other instances tell this one of their machines, while somebody looks at it. */
  inspectOf(instance: string): string
}

export const names = (prefix = ''): Names => ({
  channel: pair => `${prefix}prices:dist:${pair}:latest`,
  key: pair => `${prefix}price:${pair}:latest`,
  leader: `${prefix}prices:leader`,
  epoch: `${prefix}prices:epoch`,
  heartbeat: `${prefix}prices:heartbeat`,
  released: `${prefix}prices:released`,
  offered: `${prefix}prices:offered`,
  successor: `${prefix}prices:successor`,
  claimed: `${prefix}prices:claimed`,
  visits: `${prefix}prices:visits`,
  missed: `${prefix}prices:missed`,
  demand: instance => `${prefix}prices:demand:${instance}`,
  demands: `${prefix}prices:demands`,
  inspect: `${prefix}prices:inspect`,
  inspectOf: instance => `${prefix}prices:inspect:${instance}`,
})
