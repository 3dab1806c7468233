import { assign, fromCallback, sendParent, setup, spawnChild, stopChild } from 'xstate'
import { notProvided } from './port.ts'

/**
 * Is my copy of the bus current?
 *
 * Promise: `current` means that everything published from now on arrives, because the channels were subscribed before the last prices
 * were read, on one connection. Whatever breaks that is `behind`, and it joins again by itself, for ever, more slowly while that does
 * not last.
 *
 *     joining       -- bus.subscribed -->          catching-up
 *     joining       -- bus.lost -->                behind
 *     joining       -- after joinTimeoutMs -->     behind
 *     catching-up   -- bus.caught-up -->           current
 *     catching-up   -- bus.lost -->                behind
 *     catching-up   -- after joinTimeoutMs -->     behind
 *     current       -- bus.lost -->                behind
 *     behind        -- after rejoinMs -->          joining
 */

export type RelayEvent =
  | { type: 'bus.subscribed' }
  | { type: 'bus.caught-up' }
  | { type: 'bus.lost'; cause: string }
  /** Say again whether the copy is current. */
  | { type: 'relay.report' }

export interface RelayContext {
  /** Joins in a row that failed or did not last, up to {@link attemptMax}. */
  attempt: number
  cause: string
}

export const attemptMax = 10

export const relayMachine = setup({
  types: { context: {} as RelayContext, events: {} as RelayEvent },
  actors: { following: fromCallback<RelayEvent>(notProvided('actor', 'following')) },
  delays: {
    joinTimeoutMs: notProvided('delay', 'joinTimeoutMs'),
    rejoinMs: notProvided('delay', 'rejoinMs'),
    stableMs: notProvided('delay', 'stableMs'),
  },
  actions: {
    follow: spawnChild('following', { id: 'following' }),
    unfollow: stopChild('following'),
    countAttempt: assign({ attempt: ({ context }) => Math.min(context.attempt + 1, attemptMax) }),
    forgetAttempts: assign({ attempt: 0 }),
    forgetCause: assign({ cause: '' }),
    rememberCause: assign({ cause: ({ event }) => ('cause' in event ? event.cause : event.type) }),
    tellCurrent: sendParent({ type: 'relay.current' }),
    tellBehind: sendParent({ type: 'relay.behind' }),
  },
}).createMachine({
  id: 'relay',
  options: { maxIterations: 100 },
  context: { attempt: 0, cause: '' },
  initial: 'joining',
  states: {
    joining: {
      entry: 'follow',
      on: { 'bus.subscribed': 'catching-up', 'bus.lost': { target: 'behind', actions: 'rememberCause' } },
      after: { joinTimeoutMs: { target: 'behind', actions: 'rememberCause' } },
    },
    'catching-up': {
      on: { 'bus.caught-up': 'current', 'bus.lost': { target: 'behind', actions: 'rememberCause' } },
      after: { joinTimeoutMs: { target: 'behind', actions: 'rememberCause' } },
    },
    current: {
      entry: ['forgetCause', 'tellCurrent'],
      on: {
        'bus.lost': { target: 'behind', actions: ['rememberCause', 'tellBehind'] },
        'relay.report': { actions: 'tellCurrent' },
      },
      after: { stableMs: { actions: 'forgetAttempts' } },
    },
    behind: {
      entry: ['unfollow', 'countAttempt'],
      after: { rejoinMs: 'joining' },
    },
  },
})
