import type { AnyStateMachine } from 'xstate'
import { connectionMachine } from '../../../../machines/connection.ts'
import { fallbackMachine } from '../../../../machines/fallback.ts'
import { gatewayMachine } from '../../../../machines/gateway.ts'
import { leadershipMachine } from '../../../../machines/leadership.ts'
import { relayMachine } from '../../../../machines/relay.ts'

/** Tickcast's own machines, bundled into the page because they are pure. Others are played by their chart. */
export const ownMachines: Readonly<Record<string, AnyStateMachine>> = {
  connection: connectionMachine,
  fallback: fallbackMachine,
  gateway: gatewayMachine,
  leadership: leadershipMachine,
  relay: relayMachine,
}

/** What a fresh one is started with; the others take nothing. */
export const ownInput: unknown = { eligible: true, onLoss: 'solo' }

/** Fields of events of which none was recorded yet. */
export const ownPayloads: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'socket.opened': { link: 'a' },
  'socket.closed': { link: 'a', cause: 'by hand' },
  'socket.refused': { link: 'a', cause: 'by hand', waitMs: 1000 },
  'socket.leaving': { link: 'a' },
  'lease.granted': { epoch: 1, validUntil: 1_000_000 },
  'lease.held': { validUntil: 1_000_000 },
  'lease.refused': { remainingMs: 1000 },
  'lease.unreachable': { cause: 'by hand' },
  'bus.lost': { cause: 'by hand' },
  'shards.wanted': { shards: [2] },
}
