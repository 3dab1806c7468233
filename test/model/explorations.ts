import type { AnyEventObject } from 'xstate'
import { connectionMachine } from '../../machines/connection.ts'
import { fallbackMachine } from '../../machines/fallback.ts'
import { gatewayMachine } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { relayMachine } from '../../machines/relay.ts'
import type { ExploreOptions } from '../support/explore.ts'

const plain = (...types: string[]): AnyEventObject[] => types.map(type => ({ type }))
const links = ['a', 'b']

/** How each machine is explored: every public event, with every payload that makes a difference. */
export const explorations = {
  connection: {
    machine: connectionMachine,
    events: [
      ...plain('connection.start', 'connection.stop', 'feed.quiet', 'feed.heard', 'feed.covered'),
      ...links.flatMap(link => [
        { type: 'socket.opened', link },
        { type: 'socket.closed', link, cause: 'cut' },
        { type: 'socket.closed', link, cause: 'closed with 1008', isViolation: true },
        { type: 'socket.refused', link, cause: 'HTTP 429', waitMs: 60_000 },
        { type: 'socket.leaving', link },
      ]),
    ],
    reads: ({ link, attempt }) => [link, attempt],
  },
  leadership: {
    machine: leadershipMachine,
    inputs: [true, false].flatMap(eligible => ['solo', 'cache'].map(onLoss => ({ eligible, onLoss }))),
    events: [
      { type: 'lease.granted', epoch: 7, validUntil: 1 },
      { type: 'lease.granted', epoch: 7, validUntil: 0 },
      { type: 'lease.refused', remainingMs: 5000 },
      { type: 'lease.held', validUntil: 2 },
      { type: 'lease.unreachable', cause: 'timeout' },
      { type: 'lease.offered', from: 'other' },
      ...plain('lease.lost', 'lease.given-up', 'lease.released', 'lease.fenced', 'relay.current', 'relay.behind', 'leadership.retire'),
      ...plain('lease.claimed', 'claim.granted', 'claim.refused', 'standby.covered', 'leadership.hand-over'),
    ],
    guards: { isStillGood: ({ event }) => event.validUntil > 0 },
    reads: ({ eligible, onLoss, misses, wasReleased, remainingMs }) => [eligible, onLoss, misses, wasReleased, remainingMs],
  },
  relay: {
    machine: relayMachine,
    events: [...plain('bus.subscribed', 'bus.caught-up', 'relay.report'), { type: 'bus.lost', cause: 'cut' }],
    reads: ({ attempt }) => attempt,
  },
  fallback: {
    machine: fallbackMachine,
    events: plain('websocket.heard', 'websocket.lost', 'source.rest', 'source.shared', 'source.local', 'source.none'),
  },
  /** With children that do nothing: what it would send them is what counts. */
  gateway: {
    machine: gatewayMachine,
    inputs: [{ eligible: true, onLoss: 'solo' }],
    events: [
      ...plain(
        ...['doors.open', 'readers.gone', 'gateway.drain', 'connection.down', 'websocket.heard', 'websocket.lost'],
        ...['leadership.gained', 'leadership.solo', 'leadership.lost', 'leadership.retired', 'lease.released', 'lease.fenced'],
        ...['relay.current', 'relay.behind', 'relay.report'],
        ...['standby.wanted', 'standby.over', 'standby.covered', 'leadership.hand-over'],
      ),
      ...[[], [2], [3], [2, 3]].map(shards => ({ type: 'shards.wanted', shards })),
    ],
    reads: ({ shards }) => [...shards].sort(),
  },
} satisfies Record<string, ExploreOptions>
