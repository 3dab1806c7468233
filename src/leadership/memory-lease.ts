import type { EmbeddedStore } from '../embedded.ts'
import type { Names } from '../names.ts'
import type { Lease } from './lease.ts'

/** The lease of the instances of one process. */
export function createMemoryLease({ store, names }: { readonly store: EmbeddedStore; readonly names: Names }): Lease {
  return {
    acquire: async ({ id, ttlMs, floorEpoch, from }) => {
      const answer = await store.ask(keys => {
        const remainingMs = keys.remainingMs(names.leader)
        const holder = keys.get(names.leader)
        const isOurs = holder === id || (from !== undefined && holder === from && keys.get(names.successor) === id)
        if (remainingMs !== undefined && !isOurs) return { kind: 'refused', remainingMs } as const
        const epoch = Math.max(Number(keys.get(names.epoch) ?? 0) + 1, keys.timeMicros(), floorEpoch + 1)
        const stored = keys.set(names.leader, id, ttlMs) && keys.set(names.epoch, String(epoch))
        keys.delete(names.successor)
        if (stored) return { kind: 'granted', epoch } as const
        keys.delete(names.leader)
        return { kind: 'unreachable', cause: 'the embedded store is full' } as const
      })
      return answer.kind === 'unreachable' ? answer : answer.value
    },
    renew: async ({ id, ttlMs, epoch }) => {
      const answer = await store.ask(keys => {
        const held = keys.get(names.leader) === id && keys.get(names.epoch) === String(epoch)
        return held && keys.set(names.leader, id, ttlMs)
      })
      return answer.kind === 'unreachable' ? answer : { kind: answer.value ? 'held' : 'lost' }
    },
    offer: async ({ id, ttlMs }) => {
      const answer = await store.ask(keys => {
        if (keys.get(names.leader) !== id || !keys.set(names.successor, id, ttlMs)) return false
        keys.publish(names.offered, id)
        return true
      })
      return answer.kind === 'unreachable' ? answer : { kind: answer.value ? 'offered' : 'not-held' }
    },
    claim: async ({ id, from, ttlMs }) => {
      const answer = await store.ask(keys => {
        const isOffered = keys.get(names.leader) === from && keys.get(names.successor) === from
        if (!isOffered || !keys.set(names.successor, id, ttlMs)) return false
        keys.publish(names.claimed, from)
        return true
      })
      return answer.kind === 'unreachable' ? answer : { kind: answer.value ? 'granted' : 'refused' }
    },
    release: async ({ id }) => {
      const answer = await store.ask(keys => {
        if (keys.get(names.leader) !== id) return false
        keys.delete(names.leader)
        keys.publish(names.released, id)
        return true
      })
      return answer.kind === 'unreachable' ? answer : { kind: answer.value ? 'released' : 'not-held' }
    },
  }
}
