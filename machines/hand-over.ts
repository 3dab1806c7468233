/**
 * The two sides of a planned hand-over, as parts of leadership.ts, whose header draws them: the leader that offers its lease, and the
 * follower that prepares to take it.
 */

interface Of<Context> {
  readonly context: Context
}

const from = ({ context }: Of<{ offeredBy: string }>) => ({ from: context.offeredBy })
const epoch = ({ context }: Of<{ epoch: number }>) => ({ epoch: context.epoch })

export const succeeding = {
  initial: 'claiming',
  on: {
    'relay.behind': { target: 'watching', actions: 'tellStandbyOver' },
    'leadership.retire': { target: 'watching', actions: ['becomeIneligible', 'tellRetired', 'tellStandbyOver'] },
  },
  states: {
    claiming: {
      invoke: { id: 'claim', src: 'claim', input: from },
      on: {
        'claim.granted': 'preparing',
        'claim.refused': '#leadership.follower.watching',
        'lease.released': { target: '#leadership.follower.campaigning', actions: 'forgetHolder' },
      },
    },
    preparing: {
      entry: 'tellStandby',
      on: { 'standby.covered': 'taking', 'lease.released': 'taking' },
      after: { standbyMaxMs: { target: '#leadership.follower.watching', actions: 'tellStandbyOver' } },
    },
    taking: {
      entry: 'forgetRelease',
      invoke: { id: 'acquire', src: 'acquire', input: from },
      on: {
        'lease.released': { actions: ['rememberRelease', 'forgetHolder'] },
        'lease.granted': [
          { guard: 'isStillGood', target: '#leadership.leader', actions: 'takeTerm' },
          { target: '#leadership.follower.watching', actions: ['forgetHolder', 'tellStandbyOver'] },
        ],
        'lease.refused': { target: '#leadership.follower.watching', actions: ['rememberHolder', 'tellStandbyOver'] },
        'lease.unreachable': { target: '#leadership.follower.watching', actions: ['countMiss', 'tellStandbyOver'] },
      },
    },
  },
} as const

export const handingOver = {
  initial: 'offering',
  exit: 'tellIfRetired',
  on: { 'leadership.retire': { actions: 'becomeIneligible' } },
  states: {
    offering: {
      invoke: { id: 'offer', src: 'offer' },
      on: { 'lease.claimed': 'awaiting' },
      after: { claimMaxMs: 'releasing', leaseSafetyMs: '#leadership.follower' },
    },
    awaiting: {
      initial: 'sure',
      after: { successorMaxMs: 'releasing' },
      states: {
        sure: { after: { renewMs: 'renewing', leaseSafetyMs: '#leadership.follower' } },
        renewing: {
          invoke: { id: 'renew', src: 'renew', input: epoch },
          on: {
            'lease.held': { target: 'sure', actions: 'extendTerm' },
            'lease.lost': { target: '#leadership.follower', actions: 'rememberCause' },
            'lease.unreachable': { target: 'sure', actions: 'countMiss' },
          },
          after: { leaseSafetyMs: '#leadership.follower' },
        },
      },
    },
    releasing: {
      invoke: { id: 'handOver', src: 'handOver' },
      on: { 'lease.given-up': '#leadership.follower' },
      after: { handOverMaxMs: '#leadership.follower', leaseSafetyMs: '#leadership.follower' },
    },
  },
} as const
