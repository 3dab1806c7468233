import { names } from '../../src/names.ts'
import type { SimulatedProcess } from './process.ts'
import { leadershipOf } from './status.ts'
import type { World } from './world.ts'

/** After the store lost what it knew, two leases may be valid until the older one ends; the fence decides. */
const leaseMs = 3000
/** An answer that is still on its way when a process stops comes back, and is given back, in this time. */
const givenBackWithinMs = 700

/** What must hold of the lease at every moment. */
export function createLeaseChecks(world: World): { step(): void; stopped(process: SimulatedProcess): void } {
  const isLeading = (process: SimulatedProcess): boolean => {
    const { value, context } = leadershipOf(process) ?? {}
    // Who hands over may already have, and waits to hear so.
    const isHeld = typeof value === 'object' && 'leader' in value && typeof value.leader === 'string'
    return isHeld && context !== undefined && !process.clock.isPaused && process.clock.now() < context.validUntil
  }

  return {
    step: () => {
      if (world.server.lostAt > world.now - leaseMs) return
      let leaders = 0
      for (const process of world.processes) if (isLeading(process)) leaders += 1
      if (leaders > 1) world.trouble(`${leaders} lead at once, each on a lease that is still good`)
    },
    stopped: process => {
      const { name, id, storeLink, stopAskedAt } = process
      world.line.at(world.now + givenBackWithinMs, async () => {
        const holder = await world.server.ask(keys => keys.get(names().leader))
        if (holder.kind !== 'answered' || storeLink.troubledAt > stopAskedAt - givenBackWithinMs) return
        // A failover may have brought it back.
        if (world.server.lostAt > stopAskedAt) return
        if (holder.value === id) world.trouble(`${name} has stopped in order and still has the lease`)
      })
    },
  }
}
