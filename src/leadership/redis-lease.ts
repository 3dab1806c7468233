import type { Names } from '../names.ts'
import type { Answer, Commands } from '../redis.ts'
import { readScript } from '../redis-script.ts'
import type { AcquireOutcome, Lease } from './lease.ts'

const acquireScript = readScript(new URL('./acquire.lua', import.meta.url))
const renewScript = readScript(new URL('./renew.lua', import.meta.url))
const offerScript = readScript(new URL('./offer.lua', import.meta.url))
const claimScript = readScript(new URL('./claim.lua', import.meta.url))
const releaseScript = readScript(new URL('./release.lua', import.meta.url))

const unknownReply = { kind: 'unreachable', cause: 'Redis gave an unknown reply about the lease' } as const

export function createRedisLease({ commands, names }: { readonly commands: Commands; readonly names: Names }): Lease {
  return {
    acquire: async ({ id, ttlMs, floorEpoch, from = '' }) => {
      const answer = await commands.run(
        acquireScript,
        [names.leader, names.epoch, names.successor],
        [id, String(ttlMs), String(floorEpoch), from],
      )
      return readAcquired(answer)
    },
    renew: async ({ id, ttlMs, epoch }) => {
      const answer = await commands.run(renewScript, [names.leader, names.epoch], [id, String(ttlMs), String(epoch)])
      if (answer.kind === 'unreachable') return answer
      if (answer.value === 1) return { kind: 'held' }
      return answer.value === 0 ? { kind: 'lost' } : unknownReply
    },
    offer: async ({ id, ttlMs }) => {
      const answer = await commands.run(offerScript, [names.leader, names.successor], [id, names.offered, String(ttlMs)])
      if (answer.kind === 'unreachable') return answer
      if (answer.value === 1) return { kind: 'offered' }
      return answer.value === 0 ? { kind: 'not-held' } : unknownReply
    },
    claim: async ({ id, from, ttlMs }) => {
      const answer = await commands.run(claimScript, [names.leader, names.successor], [id, from, String(ttlMs), names.claimed])
      if (answer.kind === 'unreachable') return answer
      if (answer.value === 1) return { kind: 'granted' }
      return answer.value === 0 ? { kind: 'refused' } : unknownReply
    },
    release: async ({ id }) => {
      const answer = await commands.run(releaseScript, [names.leader], [id, names.released])
      if (answer.kind === 'unreachable') return answer
      if (answer.value === 1) return { kind: 'released' }
      return answer.value === 0 ? { kind: 'not-held' } : unknownReply
    },
  }
}

function readAcquired(answer: Answer<unknown>): AcquireOutcome {
  if (answer.kind === 'unreachable') return answer
  if (!Array.isArray(answer.value)) return unknownReply
  const [granted, value]: readonly unknown[] = answer.value
  if (granted === 0 && typeof value === 'number') return { kind: 'refused', remainingMs: value }
  const epoch = granted === 1 ? Number(value) : Number.NaN
  return Number.isSafeInteger(epoch) ? { kind: 'granted', epoch } : unknownReply
}
