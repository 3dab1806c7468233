import type { Names } from '../names.ts'
import type { Pair } from '../price.ts'
import type { Commands } from '../redis.ts'
import { readScript } from '../redis-script.ts'
import { instancesMax, isInstance, readDemand, writeDemand } from './demand.ts'
import type { AnnounceOutcome, Ledger } from './ledger.ts'

const announceScript = readScript(new URL('./announce.lua', import.meta.url))
const livingScript = readScript(new URL('./living.lua', import.meta.url))
const askScript = readScript(new URL('./ask.lua', import.meta.url))

export function createRedisLedger({ commands, names }: { readonly commands: Commands; readonly names: Names }): Ledger {
  const note = async (instance: string, demand: string, ttlMs: number, tell: boolean): Promise<AnnounceOutcome> => {
    const keys = [names.demand(instance), names.demands]
    const answer = await commands.run(announceScript, keys, [instance, demand, String(ttlMs), tell ? '1' : '0'])
    return answer.kind === 'unreachable' ? answer : { kind: 'noted' }
  }
  return {
    announce: (instance, pairs, { ttlMs, tell }) => note(instance, writeDemand(pairs), ttlMs, tell),
    withdraw: instance => note(instance, '', 0, true),
    ask: async text => {
      const answer = await commands.run(askScript, [names.demands], [text])
      return answer.kind === 'unreachable' ? answer : { kind: 'noted' }
    },
    union: async () => {
      const living = await commands.run(livingScript, [names.demands], [String(instancesMax)])
      if (living.kind === 'unreachable') return living
      const instances = Array.isArray(living.value) ? living.value.filter(isInstance) : []
      const demands = await commands.read(instances.map(names.demand))
      if (demands.kind === 'unreachable') return demands
      const wanted = new Map<string, readonly Pair[]>()
      for (const [index, instance] of instances.entries()) {
        const pairs = readDemand(demands.value[index]?.toString())
        if (pairs !== undefined) wanted.set(instance, pairs)
      }
      return { kind: 'read', wanted }
    },
  }
}
