import { assign, fromCallback, sendParent, setup, spawnChild, stopChild } from 'xstate'
import { notProvided } from './port.ts'

/**
 * Is the exchange talking to us?
 *
 * Promise: started, it comes back from every broken, hanging, silent or ageing socket by itself; stopped, it holds no socket and tries
 * nothing until it is started again. Being stopped is not a failure, so it is another state than being broken. An ageing socket is
 * given up only for a successor that has opened; until one does, it is kept and the next try waits a little longer.
 *
 *     idle                        -- connection.start -->                       connecting
 *     connecting                  -- socket.opened [isCurrent] -->              connected
 *     connecting                  -- socket.closed [isCurrent] -->              reconnecting
 *     connecting                  -- socket.refused [isCurrent] -->             blocked
 *     connecting                  -- after connectTimeoutMs -->                 reconnecting
 *     connecting                  -- connection.stop -->                        intentionally-disconnected
 *     connected                   -- socket.closed [isCurrent] -->              reconnecting
 *     connected                   -- connection.stop -->                        intentionally-disconnected
 *     connected.settled           -- socket.leaving [isCurrent] -->             connected.rotating
 *     connected.settled           -- after rotateMs -->                         connected.rotating
 *     connected.settled.streaming -- feed.quiet -->                             connected.settled.quiet
 *     connected.settled.quiet     -- feed.heard -->                             connected.settled.streaming
 *     connected.settled.quiet     -- after quietMaxMs -->                       reconnecting
 *     connected.rotating.opening  -- socket.opened [isSuccessor] -->            connected.rotating.covering
 *     connected.rotating.opening  -- socket.closed [isSuccessor] -->            connected.rotating.pausing
 *     connected.rotating.opening  -- socket.refused [isSuccessor] -->           connected.settled
 *     connected.rotating.opening  -- after connectTimeoutMs -->                 connected.rotating.pausing
 *     connected.rotating.covering -- feed.covered -->                           connected.settled
 *     connected.rotating.covering -- feed.quiet -->                             connected.settled.quiet
 *     connected.rotating.covering -- socket.closed [isCurrent] -->              connected.settled
 *     connected.rotating.covering -- socket.closed [isSuccessor] -->            connected.rotating.pausing
 *     connected.rotating.covering -- after overlapMaxMs -->                     connected.settled
 *     connected.rotating.pausing  -- after backoffMs -->                        connected.rotating.opening
 *     reconnecting                -- after backoffMs -->                        connecting
 *     reconnecting                -- connection.stop -->                        intentionally-disconnected
 *     intentionally-disconnected  -- connection.start -->                       connecting
 *     blocked                     -- after blockedMs -->                        connecting
 *     blocked                     -- connection.stop -->                        intentionally-disconnected
 */

/** Rotation needs two sockets for a moment; every other time one of the two names is free. */
export type Link = 'a' | 'b'

export type ConnectionEvent =
  | { type: 'connection.start' }
  | { type: 'connection.stop' }
  | { type: 'socket.opened'; link: Link }
  /** `isViolation`: because of a rule we broke, says the exchange. */
  | { type: 'socket.closed'; link: Link; cause: string; isViolation?: boolean }
  /** The exchange will not have us for now: it said so, and how long to stay away. */
  | { type: 'socket.refused'; link: Link; cause: string; waitMs: number }
  /** The exchange announced that it will close this socket. */
  | { type: 'socket.leaving'; link: Link }
  /** Streams that should speak have been silent for too long, on a socket that lives. */
  | { type: 'feed.quiet' }
  | { type: 'feed.heard' }
  /** The successor has delivered every stream. */
  | { type: 'feed.covered' }

export interface ConnectionContext {
  /** Which of the sockets side by side this is, from 1; several carry what one may not. */
  shard: number
  link: Link
  /** Sockets in a row that broke or did not open, up to {@link attemptMax}. */
  attempt: number
  waitMs: number
  cause: string
}

export interface ConnectionInput {
  shard: number
}

export const attemptMax = 10

const other = (link: Link): Link => (link === 'a' ? 'b' : 'a')

export const connectionMachine = setup({
  types: {
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
    input: {} as ConnectionInput | undefined,
    tags: {} as 'usable',
  },
  actors: { socket: fromCallback<ConnectionEvent, { shard: number; link: Link }>(notProvided('actor', 'socket')) },
  guards: {
    isCurrent: ({ context, event }) => 'link' in event && event.link === context.link,
    isSuccessor: ({ context, event }) => 'link' in event && event.link === other(context.link),
  },
  delays: {
    connectTimeoutMs: notProvided('delay', 'connectTimeoutMs'),
    backoffMs: notProvided('delay', 'backoffMs'),
    stableMs: notProvided('delay', 'stableMs'),
    quietMaxMs: notProvided('delay', 'quietMaxMs'),
    rotateMs: notProvided('delay', 'rotateMs'),
    overlapMaxMs: notProvided('delay', 'overlapMaxMs'),
    blockedMs: notProvided('delay', 'blockedMs'),
  },
  actions: {
    open: spawnChild('socket', { id: ({ context }) => context.link, input: ({ context: { shard, link } }) => ({ shard, link }) }),
    openSuccessor: spawnChild('socket', {
      id: ({ context }) => other(context.link),
      input: ({ context: { shard, link } }) => ({ shard, link: other(link) }),
    }),
    closeCurrent: stopChild(({ context }) => context.link),
    closeSuccessor: stopChild(({ context }) => other(context.link)),
    promoteSuccessor: assign({ link: ({ context }) => other(context.link) }),
    countAttempt: assign({ attempt: ({ context }) => Math.min(context.attempt + 1, attemptMax) }),
    forgetAttempts: assign({ attempt: 0 }),
    /** Told that we were too fast, we are slower from the first try on. */
    countViolation: assign({
      attempt: ({ context, event }) =>
        Math.min(context.attempt + ('isViolation' in event && event.isViolation === true ? 1 : 0), attemptMax),
    }),
    rememberCause: assign({ cause: ({ event }) => ('cause' in event ? event.cause : event.type) }),
    rememberWait: assign({ waitMs: ({ event }) => ('waitMs' in event ? event.waitMs : 0) }),
    tellDown: sendParent({ type: 'connection.down' }),
  },
}).createMachine({
  id: 'connection',
  options: { maxIterations: 100 },
  context: ({ input }) => ({ shard: input?.shard ?? 1, link: 'a', attempt: 0, waitMs: 0, cause: '' }),
  initial: 'idle',
  states: {
    idle: { on: { 'connection.start': 'connecting' } },
    connecting: {
      entry: 'open',
      on: {
        'socket.opened': { guard: 'isCurrent', target: 'connected' },
        'socket.closed': { guard: 'isCurrent', target: 'reconnecting', actions: 'rememberCause' },
        'socket.refused': { guard: 'isCurrent', target: 'blocked', actions: ['rememberCause', 'rememberWait'] },
        'connection.stop': 'intentionally-disconnected',
      },
      after: { connectTimeoutMs: { target: 'reconnecting', actions: 'rememberCause' } },
    },
    connected: {
      tags: 'usable',
      initial: 'settled',
      on: {
        'socket.closed': { guard: 'isCurrent', target: 'reconnecting', actions: ['rememberCause', 'countViolation'] },
        'connection.stop': 'intentionally-disconnected',
      },
      states: {
        settled: {
          initial: 'streaming',
          on: { 'socket.leaving': { guard: 'isCurrent', target: 'rotating' } },
          after: { stableMs: { actions: 'forgetAttempts' }, rotateMs: 'rotating' },
          states: {
            streaming: { on: { 'feed.quiet': 'quiet' } },
            quiet: {
              on: { 'feed.heard': 'streaming' },
              after: { quietMaxMs: { target: '#connection.reconnecting', actions: 'rememberCause' } },
            },
          },
        },
        rotating: {
          initial: 'opening',
          states: {
            opening: {
              entry: 'openSuccessor',
              on: {
                'socket.opened': { guard: 'isSuccessor', target: 'covering' },
                'socket.closed': { guard: 'isSuccessor', target: 'pausing' },
                'socket.refused': { guard: 'isSuccessor', target: '#connection.connected.settled', actions: 'closeSuccessor' },
              },
              after: { connectTimeoutMs: 'pausing' },
            },
            covering: {
              on: {
                'feed.covered': { target: '#connection.connected.settled', actions: ['closeCurrent', 'promoteSuccessor'] },
                'feed.quiet': { target: '#connection.connected.settled.quiet', actions: ['closeCurrent', 'promoteSuccessor'] },
                'socket.closed': [
                  { guard: 'isCurrent', target: '#connection.connected.settled', actions: ['closeCurrent', 'promoteSuccessor'] },
                  { guard: 'isSuccessor', target: 'pausing', actions: 'countViolation' },
                ],
              },
              after: { overlapMaxMs: { target: '#connection.connected.settled', actions: ['closeCurrent', 'promoteSuccessor'] } },
            },
            pausing: {
              entry: ['closeSuccessor', 'countAttempt'],
              after: { backoffMs: 'opening' },
            },
          },
        },
      },
    },
    reconnecting: {
      entry: ['closeCurrent', 'closeSuccessor', 'countAttempt', 'tellDown'],
      on: { 'connection.stop': 'intentionally-disconnected' },
      after: { backoffMs: 'connecting' },
    },
    'intentionally-disconnected': {
      entry: ['closeCurrent', 'closeSuccessor', 'forgetAttempts', 'tellDown'],
      on: { 'connection.start': 'connecting' },
    },
    blocked: {
      entry: ['closeCurrent', 'closeSuccessor', 'tellDown'],
      on: { 'connection.stop': 'intentionally-disconnected' },
      after: { blockedMs: 'connecting' },
    },
  },
})
