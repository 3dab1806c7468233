import { assign, enqueueActions, fromCallback, sendParent, setup } from 'xstate'
import { handingOver, succeeding } from './hand-over.ts'
import { notProvided } from './port.ts'

/**
 * May this instance publish, and under which epoch?
 *
 * Promise: it leads only on a lease that is certainly still its own (validity counts from the sending of the request). An answer ends
 * a term at once; silence ends it when the lease may have passed to another. Silence is not loss: where nobody can be reached it goes
 * on for its own readers as solo, publishing nothing, and stands down when there is a leader again and the bus is current.
 *
 * Who leaves on purpose offers the lease first. One follower claims the offer, opens its own socket, and takes the lease when every stream
 * flows there: so no trade falls between two leaders. Without such a successor the lease is simply released.
 *
 *     follower.watching      -- lease.released [isEligible] -->       follower.campaigning
 *     follower.watching      -- relay.behind [isEligible] -->         follower.campaigning
 *     follower.watching      -- after campaignMs [isEligible] -->     follower.campaigning
 *     follower.watching      -- lease.offered [isEligible] -->        follower.succeeding
 *     follower.campaigning   -- lease.granted [isStillGood] -->       leader
 *     follower.campaigning   -- lease.granted -->                     follower.watching
 *     follower.campaigning   -- lease.refused -->                     follower.watching
 *     follower.campaigning   -- lease.unreachable [isAlone] -->       solo
 *     follower.campaigning   -- lease.unreachable -->                 follower.watching
 *     follower.campaigning   -- leadership.retire -->                 follower.watching
 *     follower.succeeding                 -- relay.behind -->                    follower.watching
 *     follower.succeeding                 -- leadership.retire -->               follower.watching
 *     follower.succeeding.claiming        -- claim.granted -->                   follower.succeeding.preparing
 *     follower.succeeding.claiming        -- claim.refused -->                   follower.watching
 *     follower.succeeding.claiming        -- lease.released -->                  follower.campaigning
 *     follower.succeeding.preparing       -- standby.covered -->                 follower.succeeding.taking
 *     follower.succeeding.preparing       -- lease.released -->                  follower.succeeding.taking
 *     follower.succeeding.preparing       -- after standbyMaxMs -->              follower.watching
 *     follower.succeeding.taking          -- lease.granted [isStillGood] -->     leader
 *     follower.succeeding.taking          -- lease.granted -->                   follower.watching
 *     follower.succeeding.taking          -- lease.refused -->                   follower.watching
 *     follower.succeeding.taking          -- lease.unreachable -->               follower.watching
 *     leader                 -- lease.fenced -->                      follower
 *     leader.holding         -- after renewMs -->                     leader.renewing
 *     leader.holding         -- after leaseSafetyMs [maySolo] -->     solo
 *     leader.holding         -- after leaseSafetyMs -->               follower
 *     leader.holding         -- leadership.retire -->                 leader.handing-over
 *     leader.holding         -- leadership.hand-over -->              leader.handing-over
 *     leader.renewing        -- lease.held -->                        leader.holding
 *     leader.renewing        -- lease.lost -->                        follower
 *     leader.renewing        -- lease.unreachable -->                 leader.holding
 *     leader.renewing        -- after leaseSafetyMs [maySolo] -->     solo
 *     leader.renewing        -- after leaseSafetyMs -->               follower
 *     leader.renewing        -- leadership.retire -->                 leader.handing-over
 *     leader.renewing        -- leadership.hand-over -->              leader.handing-over
 *     leader.handing-over.offering            -- lease.claimed -->               leader.handing-over.awaiting
 *     leader.handing-over.offering            -- after claimMaxMs -->            leader.handing-over.releasing
 *     leader.handing-over.offering            -- after leaseSafetyMs -->         follower
 *     leader.handing-over.awaiting            -- after successorMaxMs -->        leader.handing-over.releasing
 *     leader.handing-over.awaiting.sure       -- after renewMs -->               leader.handing-over.awaiting.renewing
 *     leader.handing-over.awaiting.sure       -- after leaseSafetyMs -->         follower
 *     leader.handing-over.awaiting.renewing   -- lease.held -->                  leader.handing-over.awaiting.sure
 *     leader.handing-over.awaiting.renewing   -- lease.lost -->                  follower
 *     leader.handing-over.awaiting.renewing   -- lease.unreachable -->           leader.handing-over.awaiting.sure
 *     leader.handing-over.awaiting.renewing   -- after leaseSafetyMs -->         follower
 *     leader.handing-over.releasing           -- lease.given-up -->              follower
 *     leader.handing-over.releasing           -- after handOverMaxMs -->         follower
 *     leader.handing-over.releasing           -- after leaseSafetyMs -->         follower
 *     solo                   -- leadership.retire -->                 follower
 *     solo.alone             -- after soloProbeMs -->                 solo.probing
 *     solo.probing           -- lease.granted [isStillGood] -->       leader
 *     solo.probing           -- lease.granted -->                     solo.alone
 *     solo.probing           -- lease.refused -->                     solo.standing-down
 *     solo.probing           -- lease.unreachable -->                 solo.alone
 *     solo.standing-down     -- relay.current -->                     follower
 *     solo.standing-down     -- after standDownMaxMs -->              solo.alone
 */

export type LeadershipEvent =
  /** `validUntil`: on the monotonic clock, counted from when the request was sent, the margin taken off. */
  | { type: 'lease.granted'; epoch: number; validUntil: number }
  | { type: 'lease.refused'; remainingMs: number }
  | { type: 'lease.held'; validUntil: number }
  | { type: 'lease.lost' }
  | { type: 'lease.unreachable'; cause: string }
  /** Our lease is released, or could not be and will expire. */
  | { type: 'lease.given-up' }
  /** Somebody's lease was given up: it can be had now. */
  | { type: 'lease.released' }
  /** The leader `from` wants to hand over: who claims the offer may take its lease. */
  | { type: 'lease.offered'; from: string }
  /** Somebody prepares to take our lease. */
  | { type: 'lease.claimed' }
  | { type: 'claim.granted' }
  /** Somebody else claimed it first, or nobody could be asked. */
  | { type: 'claim.refused' }
  /** Every stream flows on our own socket. */
  | { type: 'standby.covered' }
  /** The bus refused our epoch. */
  | { type: 'lease.fenced' }
  | { type: 'relay.current' }
  | { type: 'relay.behind' }
  /** Give the lease up and never ask for it again. */
  | { type: 'leadership.retire' }
  /** Give the lease to somebody else, and follow. */
  | { type: 'leadership.hand-over' }

export interface LeadershipContext {
  eligible: boolean
  onLoss: 'solo' | 'cache'
  epoch: number
  validUntil: number
  /** How long the present holder may keep the lease. */
  remainingMs: number
  /** Somebody's lease was given up while our question was on its way: the answer to it may be older. */
  wasReleased: boolean
  /** Whose lease we prepare to take. */
  offeredBy: string
  /** Unreachable answers in a row, up to {@link missesMax}. */
  misses: number
  cause: string
}

/** So many unreachable answers in a row mean that the store is gone, not slow. */
export const missesMax = 3

/** The lease may have passed to another, and nobody could be asked. */
const leaseOver = [
  { guard: 'maySolo', target: '#leadership.solo' },
  { target: '#leadership.follower', actions: 'rememberCause' },
] as const

export const leadershipMachine = setup({
  types: {
    context: {} as LeadershipContext,
    events: {} as LeadershipEvent,
    input: {} as { eligible: boolean; onLoss: 'solo' | 'cache' },
  },
  actors: {
    /** `from`: who holds the lease and agrees, or ''. */
    acquire: fromCallback<LeadershipEvent, { from: string }>(notProvided('actor', 'acquire')),
    renew: fromCallback<LeadershipEvent, { epoch: number }>(notProvided('actor', 'renew')),
    offer: fromCallback<LeadershipEvent>(notProvided('actor', 'offer')),
    claim: fromCallback<LeadershipEvent, { from: string }>(notProvided('actor', 'claim')),
    handOver: fromCallback<LeadershipEvent>(notProvided('actor', 'handOver')),
  },
  guards: {
    /** Port: is the validity of this grant still ahead on the monotonic clock? */
    isStillGood: notProvided('guard', 'isStillGood') as () => boolean,
    isEligible: ({ context }) => context.eligible,
    /** After silence of the store, not of ourselves: one that stood still and missed its lease asks before it goes on. */
    maySolo: ({ context }) => context.onLoss === 'solo' && context.misses > 0,
    isAlone: ({ context }) => context.onLoss === 'solo' && context.misses + 1 >= missesMax,
  },
  delays: {
    campaignMs: notProvided('delay', 'campaignMs'),
    renewMs: notProvided('delay', 'renewMs'),
    leaseSafetyMs: notProvided('delay', 'leaseSafetyMs'),
    claimMaxMs: notProvided('delay', 'claimMaxMs'),
    successorMaxMs: notProvided('delay', 'successorMaxMs'),
    standbyMaxMs: notProvided('delay', 'standbyMaxMs'),
    handOverMaxMs: notProvided('delay', 'handOverMaxMs'),
    soloProbeMs: notProvided('delay', 'soloProbeMs'),
    standDownMaxMs: notProvided('delay', 'standDownMaxMs'),
  },
  actions: {
    takeTerm: assign(({ event }) =>
      event.type === 'lease.granted' ? { epoch: event.epoch, validUntil: event.validUntil, remainingMs: 0, misses: 0, cause: '' } : {},
    ),
    extendTerm: assign(({ event }) => (event.type === 'lease.held' ? { validUntil: event.validUntil, misses: 0 } : {})),
    rememberHolder: assign(({ context, event }) =>
      event.type === 'lease.refused' ? { remainingMs: context.wasReleased ? 0 : event.remainingMs, misses: 0 } : {},
    ),
    rememberRelease: assign({ wasReleased: true }),
    forgetRelease: assign({ wasReleased: false }),
    countMiss: assign(({ context, event }) => ({
      misses: Math.min(context.misses + 1, missesMax),
      remainingMs: 0,
      ...('cause' in event && { cause: event.cause }),
    })),
    forgetHolder: assign({ remainingMs: 0, misses: 0 }),
    rememberCause: assign({ cause: ({ event }) => ('cause' in event ? event.cause : event.type) }),
    becomeIneligible: assign({ eligible: false }),
    tellGained: sendParent({ type: 'leadership.gained' }),
    tellLost: sendParent({ type: 'leadership.lost' }),
    tellSolo: sendParent({ type: 'leadership.solo' }),
    rememberOffer: assign(({ event }) => (event.type === 'lease.offered' ? { offeredBy: event.from } : {})),
    tellRetired: sendParent({ type: 'leadership.retired' }),
    /** Handing over ends by leaving for good, or by following again. */
    tellIfRetired: enqueueActions(({ context, enqueue }) => {
      if (!context.eligible) enqueue('tellRetired' as never)
    }),
    tellStandby: sendParent({ type: 'standby.wanted' }),
    tellStandbyOver: sendParent({ type: 'standby.over' }),
    askForRelay: sendParent({ type: 'relay.report' }),
  },
}).createMachine({
  id: 'leadership',
  options: { maxIterations: 100 },
  context: ({ input }) => ({ ...input, epoch: 0, validUntil: 0, remainingMs: 0, wasReleased: false, offeredBy: '', misses: 0, cause: '' }),
  initial: 'follower',
  on: { 'leadership.retire': { actions: ['becomeIneligible', 'tellRetired'] } },
  states: {
    follower: {
      entry: 'tellLost',
      initial: 'watching',
      states: {
        watching: {
          on: {
            'lease.released': { guard: 'isEligible', target: 'campaigning', actions: 'forgetHolder' },
            'relay.behind': { guard: 'isEligible', target: 'campaigning' },
            'lease.offered': { guard: 'isEligible', target: 'succeeding', actions: 'rememberOffer' },
          },
          after: { campaignMs: { guard: 'isEligible', target: 'campaigning' } },
        },
        campaigning: {
          entry: 'forgetRelease',
          invoke: { id: 'acquire', src: 'acquire', input: { from: '' } },
          on: {
            'lease.released': { actions: 'rememberRelease' },
            'lease.granted': [
              { guard: 'isStillGood', target: '#leadership.leader', actions: 'takeTerm' },
              { target: 'watching', actions: 'forgetHolder' },
            ],
            'lease.refused': { target: 'watching', actions: 'rememberHolder' },
            'lease.unreachable': [
              { guard: 'isAlone', target: '#leadership.solo', actions: 'countMiss' },
              { target: 'watching', actions: 'countMiss' },
            ],
            'leadership.retire': { target: 'watching', actions: ['becomeIneligible', 'tellRetired'] },
          },
        },
        succeeding,
      },
    },
    leader: {
      entry: 'tellGained',
      initial: 'holding',
      on: { 'lease.fenced': { target: 'follower', actions: 'rememberCause' } },
      states: {
        holding: {
          on: { 'leadership.retire': { target: 'handing-over', actions: 'becomeIneligible' }, 'leadership.hand-over': 'handing-over' },
          after: {
            renewMs: 'renewing',
            leaseSafetyMs: leaseOver,
          },
        },
        renewing: {
          invoke: { id: 'renew', src: 'renew', input: ({ context }) => ({ epoch: context.epoch }) },
          on: {
            'lease.held': { target: 'holding', actions: 'extendTerm' },
            'lease.lost': { target: '#leadership.follower', actions: 'rememberCause' },
            'lease.unreachable': { target: 'holding', actions: 'countMiss' },
            'leadership.retire': { target: 'handing-over', actions: 'becomeIneligible' },
            'leadership.hand-over': 'handing-over',
          },
          after: { leaseSafetyMs: leaseOver },
        },
        'handing-over': handingOver,
      },
    },
    solo: {
      entry: 'tellSolo',
      initial: 'alone',
      on: {
        'lease.released': { actions: ['rememberRelease', 'forgetHolder'] },
        'leadership.retire': { target: 'follower', actions: ['becomeIneligible', 'tellRetired'] },
      },
      states: {
        alone: { after: { soloProbeMs: 'probing' } },
        probing: {
          entry: 'forgetRelease',
          invoke: { id: 'acquire', src: 'acquire', input: { from: '' } },
          on: {
            'lease.granted': [{ guard: 'isStillGood', target: '#leadership.leader', actions: 'takeTerm' }, { target: 'alone' }],
            'lease.refused': { target: 'standing-down', actions: 'rememberHolder' },
            'lease.unreachable': { target: 'alone', actions: 'countMiss' },
          },
        },
        'standing-down': {
          entry: 'askForRelay',
          on: { 'relay.current': '#leadership.follower' },
          after: { standDownMaxMs: 'alone' },
        },
      },
    },
  },
})
