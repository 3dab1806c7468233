import { describe, expect, it } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { connectionMachine } from '../../machines/connection.ts'
import { fallbackMachine } from '../../machines/fallback.ts'
import { gatewayMachine } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { relayMachine } from '../../machines/relay.ts'
import { arrowsOf, drawnArrows } from '../support/arrows.ts'

const machines: Record<string, AnyStateMachine> = {
  connection: connectionMachine,
  fallback: fallbackMachine,
  gateway: gatewayMachine,
  leadership: leadershipMachine,
  relay: relayMachine,
}

describe('the header of each machine draws exactly the arrows it has', () => {
  it.each(Object.keys(machines))('%s', name => {
    const machine = machines[name]
    if (machine === undefined) throw new Error(`no machine ${name}`)
    expect(arrowsOf(machine).length).toBeGreaterThan(5)
    expect(drawnArrows(name)).toEqual(arrowsOf(machine))
  })
})
