import { fromCallback } from 'xstate'
import { type ConnectionEvent, connectionMachine, type Link } from '../machines/connection.ts'
import { type FallbackEvent, fallbackMachine } from '../machines/fallback.ts'
import { type GatewayEvent, gatewayMachine } from '../machines/gateway.ts'
import { type LeadershipEvent, leadershipMachine } from '../machines/leadership.ts'
import { type RelayEvent, relayMachine } from '../machines/relay.ts'
import { backoffMs, type Clock } from './clock.ts'
import type { Lease } from './leadership/lease.ts'

/** The best source of prices that answered when asked. */
export type Source = 'rest' | 'shared' | 'local' | 'none'

/** What the machines need of the world. Each call reports until the function it returned is called. */
export interface World {
  readonly clock: Clock
  readonly lease: Lease
  /** This start of this process, unlike any other. */
  readonly id: string
  readonly leaseTtlMs: number
  readonly highestEpoch: () => number
  /** When a socket is replaced; Binance ends it after 24 hours. */
  readonly rotateMs: number
  readonly openSocket: (link: Link, tell: (event: ConnectionEvent) => void, shard: number) => () => void
  readonly follow: (tell: (event: RelayEvent) => void) => () => void
  readonly probe: () => Promise<Source>
  readonly openDoors: (opened: () => void) => void
  /** Sends the readers away; resolves when they are gone, which takes no longer than `farewellMaxMs`. */
  readonly farewell: () => Promise<void>
  readonly farewellMaxMs: number
}

/** Taken off the lease's life, so that we have stopped when another may begin: a tenth. */
const leaseMargin = 0.1
const connectTimeoutMs = 10_000
const stableMs = 30_000
const overlapMaxMs = 30_000
const quietMaxMs = 1300
/** A successor's socket opens and delivers every stream in this time (tickers come each second), or it will not. */
const standbyMaxMs = 3500
/** Claims come at once or from who heard of the offer late. */
const offerMs = 1000

export function provideGateway(world: World): typeof gatewayMachine {
  return gatewayMachine.provide({
    actors: {
      connection: provideConnection(world),
      leadership: provideLeadership(world),
      relay: provideRelay(world),
      fallback: provideFallback(world),
      doors: fromCallback<GatewayEvent>(({ sendBack }) => world.openDoors(() => sendBack({ type: 'doors.open' }))),
      farewell: fromCallback<GatewayEvent>(({ sendBack }) => {
        void world.farewell().then(() => sendBack({ type: 'readers.gone' }))
      }),
    },
    /** To retire: claimMaxMs, successorMaxMs and handOverMaxMs, and a little. */
    delays: { retireMaxMs: 4500, partMaxMs: world.farewellMaxMs + 3000 },
  })
}

/**
 * After a socket that was stable at once, but not all instances in the same moment; then doubling, and never less than half of what it may
 * be: from a quarter to half a second up to 12 to 24 s, so that it ends in five tries a minute at most.
 */
function reconnectMs(clock: Clock, attempt: number): number {
  if (attempt <= 1) return clock.random() * 50
  return Math.min(12_000, 250 * 2 ** (attempt - 2)) + backoffMs(clock, attempt - 2, 250, 12_000)
}

export const provideConnection = ({
  clock,
  openSocket,
  rotateMs,
}: Pick<World, 'clock' | 'openSocket' | 'rotateMs'>): typeof connectionMachine =>
  connectionMachine.provide({
    actors: {
      socket: fromCallback<ConnectionEvent, { shard: number; link: Link }>(({ input: { shard, link }, sendBack }) =>
        openSocket(link, sendBack, shard),
      ),
    },
    delays: {
      connectTimeoutMs,
      stableMs,
      rotateMs,
      overlapMaxMs,
      quietMaxMs,
      blockedMs: ({ context }) => context.waitMs,
      backoffMs: ({ context: { attempt } }) => reconnectMs(clock, attempt),
    },
  })

/** A third of the lease; of what is left of it, if that is less than half. */
export const renewalMs = (ttlMs: number, leftMs: number): number => Math.max(0, leftMs < ttlMs / 2 ? leftMs : ttlMs) / 3

function provideLeadership({ clock, lease, id, leaseTtlMs: ttlMs, highestEpoch }: World): typeof leadershipMachine {
  const validUntil = (sentAt: number): number => sentAt + ttlMs * (1 - leaseMargin)
  let asks = 0
  const acquire = fromCallback<LeadershipEvent, { from: string }>(({ input: { from }, sendBack }) => {
    let isAwaited = true
    let isAnswered = false
    asks += 1
    const mine = asks
    const sentAt = clock.now()
    void lease.acquire({ id, ttlMs, floorEpoch: highestEpoch(), from }).then(outcome => {
      isAnswered = true
      if (!isAwaited) {
        // Unless it has been asked for again since.
        if (outcome.kind === 'granted' && mine === asks) void lease.release({ id })
      } else if (outcome.kind === 'granted') sendBack({ type: 'lease.granted', epoch: outcome.epoch, validUntil: validUntil(sentAt) })
      else if (outcome.kind === 'refused') sendBack({ type: 'lease.refused', remainingMs: outcome.remainingMs })
      else sendBack({ type: 'lease.unreachable', cause: outcome.cause })
    })
    return () => {
      isAwaited = false
      // On its way behind the question: who leaves before the answer must not hold what it was granted.
      if (!isAnswered) void lease.release({ id })
    }
  })
  const renew = fromCallback<LeadershipEvent, { epoch: number }>(({ input, sendBack }) => {
    const sentAt = clock.now()
    void lease.renew({ id, ttlMs, epoch: input.epoch }).then(outcome => {
      if (outcome.kind === 'held') sendBack({ type: 'lease.held', validUntil: validUntil(sentAt) })
      else if (outcome.kind === 'lost') sendBack({ type: 'lease.lost' })
      else sendBack({ type: 'lease.unreachable', cause: outcome.cause })
    })
  })
  const offer = fromCallback<LeadershipEvent>(() => void lease.offer({ id, ttlMs: offerMs }))
  const claim = fromCallback<LeadershipEvent, { from: string }>(({ input: { from }, sendBack }) => {
    void lease
      .claim({ id, from, ttlMs: standbyMaxMs })
      .then(({ kind }) => sendBack({ type: kind === 'granted' ? 'claim.granted' : 'claim.refused' }))
  })
  const handOver = fromCallback<LeadershipEvent>(({ sendBack }) => {
    void lease.release({ id }).then(() => sendBack({ type: 'lease.given-up' }))
  })
  return leadershipMachine.provide({
    actors: { acquire, renew, offer, claim, handOver },
    guards: { isStillGood: ({ event }) => event.type === 'lease.granted' && event.validUntil > clock.now() },
    delays: {
      /** Until the holder's lease may have ended; a little later each, so that not all ask at once. After silence: backing off. */
      campaignMs: ({ context: { remainingMs, misses } }) =>
        misses > 0 ? 50 + backoffMs(clock, misses, 100, ttlMs) : remainingMs + 1 + clock.random() * 49,
      /** A leader that begins to hand over while it asks does not hear the answer: what is left may be little. */
      renewMs: ({ context: { misses, validUntil } }) => (misses > 0 ? 100 : renewalMs(ttlMs, validUntil - clock.now())),
      leaseSafetyMs: ({ context }) => Math.max(0, context.validUntil - clock.now()),
      claimMaxMs: 300,
      successorMaxMs: 3000,
      standbyMaxMs,
      handOverMaxMs: 1000,
      soloProbeMs: () => 200 + clock.random() * 200,
      standDownMaxMs: 5000,
    },
  })
}

const provideRelay = ({ clock, follow }: World): typeof relayMachine =>
  relayMachine.provide({
    actors: { following: fromCallback<RelayEvent>(({ sendBack }) => follow(sendBack)) },
    delays: { joinTimeoutMs: 3000, stableMs: 5000, rejoinMs: ({ context: { attempt } }) => 20 + backoffMs(clock, attempt - 1, 100, 1000) },
  })

const provideFallback = ({ probe }: World): typeof fallbackMachine =>
  fallbackMachine.provide({
    actors: {
      probe: fromCallback<FallbackEvent>(({ sendBack }) => {
        void probe().then(source => sendBack({ type: `source.${source}` }))
      }),
    },
    delays: { doubtMs: 1000, askMaxMs: 3300, restMs: 1000 },
  })
