import type { EmbeddedStore } from '../embedded.ts'
import type { Names } from '../names.ts'
import { instancesMax, readDemand, writeDemand } from './demand.ts'
import type { Ledger } from './ledger.ts'

/** The ledger of the instances of one process. */
export function createMemoryLedger({ store, names }: { readonly store: EmbeddedStore; readonly names: Names }): Ledger {
  const prefix = names.demand('')
  return {
    announce: async (instance, pairs, { ttlMs, tell }) => {
      const answer = await store.ask(keys => {
        if (!keys.set(names.demand(instance), writeDemand(pairs), ttlMs)) return 'the embedded store is full'
        if (tell) keys.publish(names.demands, instance)
        return undefined
      })
      if (answer.kind === 'unreachable') return answer
      return answer.value === undefined ? { kind: 'noted' } : { kind: 'unreachable', cause: answer.value }
    },
    withdraw: async instance => {
      const answer = await store.ask(keys => {
        keys.delete(names.demand(instance))
        keys.publish(names.demands, instance)
      })
      return answer.kind === 'unreachable' ? answer : { kind: 'noted' }
    },
    ask: async text => {
      const answer = await store.ask(keys => keys.publish(names.demands, text))
      return answer.kind === 'unreachable' ? answer : { kind: 'noted' }
    },
    union: async () => {
      const answer = await store.ask(keys => {
        const living = keys.startingWith(prefix).slice(0, instancesMax)
        return living.map(key => [key.slice(prefix.length), readDemand(keys.get(key))] as const)
      })
      if (answer.kind === 'unreachable') return answer
      return { kind: 'read', wanted: new Map(answer.value.flatMap(([instance, pairs]) => (pairs ? [[instance, pairs]] : []))) }
    },
  }
}
