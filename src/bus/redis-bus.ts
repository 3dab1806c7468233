import type { Clock } from '../clock.ts'
import type { Names } from '../names.ts'
import type { Pair } from '../price.ts'
import type { Answer, Commands } from '../redis.ts'
import { connectFollower } from '../redis-follower.ts'
import { readScript } from '../redis-script.ts'
import type { Bus, Message, PublishOutcome, VisitOutcome } from './bus.ts'
import { createFollowings } from './follow.ts'

const visitsScript = readScript(new URL('./visits.lua', import.meta.url))
const publishScript = readScript(new URL('./publish.lua', import.meta.url))

export interface RedisBusOptions {
  /** For the followings: each has a connection of its own. */
  readonly url: string
  /** Shared with lease and ledger; whoever made it closes it. */
  readonly commands: Commands
  readonly clock: Clock
  readonly names: Names
  readonly cacheTtlMs?: number
  /** Certificates (PEM) that may vouch for the server. */
  readonly ca?: string | undefined
}

/** Throws only for an address that readRedisUrl refuses, and only in `follow`. */
export function createRedisBus({ url, commands, clock, names, ca, cacheTtlMs = 86_400_000 }: RedisBusOptions): Bus {
  const ttl = String(cacheTtlMs)

  const send = async (keys: readonly string[], args: readonly string[]): Promise<PublishOutcome> => {
    const answer = await commands.run(publishScript, keys, args)
    if (answer.kind === 'unreachable') return answer
    const reply = answer.value
    if (reply === -1) return { kind: 'fenced' }
    if (typeof reply === 'number' && reply >= 0) return { kind: 'accepted', uncached: reply }
    return { kind: 'unreachable', cause: 'Redis gave an unknown reply to a publication' }
  }

  return {
    kind: 'redis',
    publish: (epoch, messages) => {
      const last = lastOfEach(messages)
      const keys = [names.epoch, ...Array.from(last.keys(), names.key)]
      const told = messages.flatMap(({ pair, payload }) => [names.channel(pair), payload])
      return send(keys, [String(epoch), ttl, ...last.values(), ...told])
    },
    beat: (epoch, text) => send([names.epoch], [String(epoch), ttl, names.heartbeat, text]),
    tellMissed: (epoch, text) => send([names.epoch], [String(epoch), ttl, names.missed, text]),
    last: async pairs => {
      const answer = await commands.read(pairs.map(names.key))
      if (answer.kind === 'unreachable') return answer
      const payloads = new Map<Pair, Buffer>()
      for (const [index, pair] of pairs.entries()) {
        const payload = answer.value[index]
        if (payload) payloads.set(pair, payload)
      }
      return { kind: 'read', payloads }
    },
    visit: async ({ attempts, socketsWaitMs, restWaitMs }) => {
      const numbers = [attempts, socketsWaitMs, restWaitMs].map(number => String(Math.ceil(number)))
      return readVisits(await commands.run(visitsScript, [names.visits], numbers))
    },
    ...createFollowings(names, line => connectFollower(url, { clock, ca, key: names.epoch, ...line })),
  }
}

function readVisits(answer: Answer<unknown>): VisitOutcome {
  if (answer.kind === 'unreachable') return answer
  const [attempts, socketsWaitMs, restWaitMs]: readonly unknown[] = Array.isArray(answer.value) ? answer.value : []
  if (typeof attempts === 'number' && typeof socketsWaitMs === 'number' && typeof restWaitMs === 'number')
    return { kind: 'read', attempts, socketsWaitMs, restWaitMs }
  return { kind: 'unreachable', cause: 'Redis gave an unknown reply about visits' }
}

/** Pair → which message is its last, counted from 1. */
function lastOfEach(messages: readonly Message[]): ReadonlyMap<Pair, string> {
  const last = new Map<Pair, string>()
  for (const [index, { pair }] of messages.entries()) last.set(pair, String(index + 1))
  return last
}
