import type { EmbeddedStore, Keys } from '../embedded.ts'
import type { Names } from '../names.ts'
import type { Pair } from '../price.ts'
import type { Bus, Message, PublishOutcome } from './bus.ts'
import { createFollowings } from './follow.ts'
import { visitEmbedded } from './memory-visits.ts'

export interface MemoryBusOptions {
  readonly store: EmbeddedStore
  readonly names: Names
  readonly cacheTtlMs?: number
}

/** The bus of the instances of one process: no Redis, the same promises. */
export function createMemoryBus({ store, names, cacheTtlMs = 86_400_000 }: MemoryBusOptions): Bus {
  const fenced = async (epoch: number, tell: (keys: Keys) => number): Promise<PublishOutcome> => {
    const answer = await store.ask(keys => (keys.get(names.epoch) === String(epoch) ? tell(keys) : undefined))
    if (answer.kind === 'unreachable') return answer
    return answer.value === undefined ? { kind: 'fenced' } : { kind: 'accepted', uncached: answer.value }
  }

  const storeAndTell = (keys: Keys, messages: readonly Message[]): number => {
    const last = new Map(messages.map(({ pair, payload }) => [pair, payload]))
    let uncached = 0
    for (const [pair, payload] of last) {
      if (!keys.set(names.key(pair), payload, cacheTtlMs)) uncached += 1
    }
    for (const { pair, payload } of messages) keys.publish(names.channel(pair), payload)
    return uncached
  }

  const tell = (epoch: number, channel: string, text: string): Promise<PublishOutcome> =>
    fenced(epoch, keys => {
      keys.publish(channel, text)
      return 0
    })

  return {
    kind: 'embedded',
    publish: (epoch, messages) => fenced(epoch, keys => storeAndTell(keys, messages)),
    beat: (epoch, text) => tell(epoch, names.heartbeat, text),
    tellMissed: (epoch, text) => tell(epoch, names.missed, text),
    last: async pairs => {
      const answer = await store.ask(keys => {
        const payloads = new Map<Pair, Buffer>()
        for (const pair of pairs) {
          const payload = keys.get(names.key(pair))
          if (payload !== undefined) payloads.set(pair, Buffer.from(payload))
        }
        return payloads
      })
      return answer.kind === 'unreachable' ? answer : { kind: 'read', payloads: answer.value }
    },
    visit: async visits => {
      const answer = await store.ask(keys => visitEmbedded(keys, names.visits, visits))
      return answer.kind === 'unreachable' ? answer : { kind: 'read', ...answer.value }
    },
    ...createFollowings(names, listener => store.line(listener)),
  }
}
