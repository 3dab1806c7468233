import { enqueueActions, fromCallback, sendTo, setup } from 'xstate'
import { type ConnectionEvent, connectionMachine } from './connection.ts'
import { type FallbackEvent, fallbackMachine } from './fallback.ts'
import { type LeadershipEvent, leadershipMachine } from './leadership.ts'
import { notProvided } from './port.ts'
import { type RelayEvent, relayMachine } from './relay.ts'

/**
 * What is this instance doing, and who must hear what?
 *
 * Promise: the connection to the exchange is held while leading, solo, or about to succeed a leader, and at no other time. When asked to drain, the lease is given
 * up before the readers are sent away, so that somebody else already has the prices they will come back for; nothing waits for ever.
 * What one connection may not carry, others beside it do, each started and stopped as it is wanted; that one of them is down is
 * doubt about all prices, which the next price over any of them ends.
 *
 *     starting             -- doors.open -->               serving
 *     starting             -- gateway.drain -->            draining
 *     serving              -- gateway.drain -->            draining
 *     draining.retiring    -- leadership.retired -->       draining.parting
 *     draining.retiring    -- after retireMaxMs -->        draining.parting
 *     draining.parting     -- readers.gone -->             stopped
 *     draining.parting     -- after partMaxMs -->          stopped
 */

export type GatewayEvent =
  | { type: 'doors.open' }
  | { type: 'readers.gone' }
  | { type: 'gateway.drain' }
  | { type: 'leadership.gained' }
  | { type: 'leadership.solo' }
  | { type: 'leadership.lost' }
  | { type: 'leadership.retired' }
  | { type: 'standby.wanted' }
  | { type: 'standby.over' }
  | { type: 'connection.down' }
  /** Exactly these connections beside the first, numbered from 2. */
  | { type: 'shards.wanted'; shards: readonly number[] }
  | ConnectionEvent
  | LeadershipEvent
  | RelayEvent
  | FallbackEvent

export interface GatewayInput {
  eligible: boolean
  onLoss: 'solo' | 'cache'
}

export interface GatewayContext extends GatewayInput {
  /** Connections beside the first. */
  shards: readonly number[]
}

/** The name such a connection goes by. */
export const shardName = (shard: number | string): string => `connection-${shard}`

export const gatewayMachine = setup({
  types: { context: {} as GatewayContext, events: {} as GatewayEvent, input: {} as GatewayInput },
  actors: {
    connection: connectionMachine,
    leadership: leadershipMachine,
    relay: relayMachine,
    fallback: fallbackMachine,
    doors: fromCallback<GatewayEvent>(notProvided('actor', 'doors')),
    farewell: fromCallback<GatewayEvent>(notProvided('actor', 'farewell')),
  },
  delays: {
    retireMaxMs: notProvided('delay', 'retireMaxMs'),
    partMaxMs: notProvided('delay', 'partMaxMs'),
  },
  actions: {
    connect: sendTo('connection', { type: 'connection.start' }),
    disconnect: sendTo('connection', { type: 'connection.stop' }),
    doubtPrices: sendTo('fallback', { type: 'websocket.lost' }),
    /** What a connection that ends has streamed may be all that was. */
    reconcileShards: enqueueActions(({ enqueue, context, event }) => {
      if (event.type !== 'shards.wanted') return
      for (const shard of context.shards) {
        if (event.shards.includes(shard)) continue
        enqueue.stopChild(shardName(shard))
        enqueue.sendTo('fallback', { type: 'websocket.lost' })
      }
      for (const shard of event.shards) {
        if (context.shards.includes(shard)) continue
        enqueue.spawnChild('connection', { id: shardName(shard), input: { shard } })
        enqueue.sendTo(shardName(shard), { type: 'connection.start' })
      }
      enqueue.assign({ shards: event.shards })
    }),
    retire: sendTo('leadership', { type: 'leadership.retire' }),
    passToLeadership: sendTo('leadership', ({ event }) => event),
    passToFallback: sendTo('fallback', ({ event }) => event),
    passToRelay: sendTo('relay', ({ event }) => event),
  },
}).createMachine({
  id: 'gateway',
  options: { maxIterations: 100 },
  context: ({ input }) => ({ ...input, shards: [] }),
  invoke: [
    { id: 'connection', systemId: 'connection', src: 'connection' },
    { id: 'fallback', systemId: 'fallback', src: 'fallback' },
    { id: 'relay', systemId: 'relay', src: 'relay' },
    { id: 'leadership', systemId: 'leadership', src: 'leadership', input: ({ context }) => context },
  ],
  on: {
    // Prices that came from another's socket say nothing about our own.
    'leadership.gained': { actions: ['connect', 'doubtPrices'] },
    'leadership.solo': { actions: ['connect', 'doubtPrices'] },
    'leadership.lost': { actions: 'disconnect' },
    // About to succeed a leader: the socket is opened first.
    'standby.wanted': { actions: 'connect' },
    'standby.over': { actions: 'disconnect' },
    'standby.covered': { actions: 'passToLeadership' },
    'leadership.hand-over': { actions: 'passToLeadership' },
    'connection.down': { actions: 'doubtPrices' },
    'shards.wanted': { actions: 'reconcileShards' },
    'relay.current': { actions: 'passToLeadership' },
    'relay.behind': { actions: 'passToLeadership' },
    'relay.report': { actions: 'passToRelay' },
    'websocket.*': { actions: 'passToFallback' },
    'lease.*': { actions: 'passToLeadership' },
  },
  initial: 'starting',
  states: {
    starting: { invoke: { id: 'doors', src: 'doors' }, on: { 'doors.open': 'serving', 'gateway.drain': 'draining' } },
    serving: { on: { 'gateway.drain': 'draining' } },
    draining: {
      initial: 'retiring',
      states: {
        retiring: { entry: 'retire', on: { 'leadership.retired': 'parting' }, after: { retireMaxMs: 'parting' } },
        parting: {
          invoke: { id: 'farewell', src: 'farewell' },
          on: { 'readers.gone': '#gateway.stopped' },
          after: { partMaxMs: '#gateway.stopped' },
        },
      },
    },
    stopped: { type: 'final' },
  },
})
