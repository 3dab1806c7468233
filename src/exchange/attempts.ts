import type { Clock } from '../clock.ts'
import { createBudget } from './budget.ts'

/**
 * Whether, and when, a connection may be tried. Those side by side open one a second. All that share our address share what it allows: 300
 * in five minutes (web-socket-streams.md), and nothing at all after a refusal until the time it named has passed, whoever was refused.
 */
export interface Attempts {
  /** Calls `go` when it is this connection's turn, or `stay` when nobody may try for so long, unless the returned function was called before. */
  ask(shard: number, answer: { readonly go: () => void; readonly stay: (cause: string, waitMs: number) => void }): () => void
  /** The exchange refused us, for so long. */
  refused(waitMs: number): void
}

export interface AttemptsOptions {
  readonly clock: Clock
  /** Notes that a connection is tried, or unwelcome for so long, where others who share our address note it; tells what all did. */
  readonly share?: Share | undefined
}

export type Share = (tried: number, unwelcomeMs: number) => Promise<{ readonly attempts: number; readonly waitMs: number } | undefined>

export const apartMs = 1000
/** Fewer than the exchange allows: others of whom we know nothing may share our address. */
export const attemptsMax = 250
const attemptsWindowMs = 300_000
/** What others did is known by then, or it is not to be known. */
const shareMaxMs = 250
/** When all together tried too often. */
const restMs = 30_000
const tooMany = 'too many connections were tried from here in five minutes'

export function createAttempts({ clock, share }: AttemptsOptions): Attempts {
  const budget = createBudget(clock, attemptsMax, attemptsWindowMs)
  let last = { shard: 0, at: Number.NEGATIVE_INFINITY }
  let closedUntil = Number.NEGATIVE_INFINITY

  /** Milliseconds until it is this connection's turn, which it takes. One that is alone waits as long as machines/connection.ts says. */
  const turn = (shard: number): number => {
    const now = clock.now()
    const at = Math.max(now, shard === last.shard ? last.at : last.at + apartMs)
    last = { shard, at }
    return at - now
  }

  const close = (waitMs: number): void => {
    closedUntil = Math.max(closedUntil, clock.now() + waitMs)
  }

  return {
    refused: waitMs => {
      close(waitMs)
      void share?.(0, waitMs)
    },
    ask: (shard, { go, stay }) => {
      let isOver = false
      let timer: unknown
      const decide = (attempts: number): void => {
        if (isOver) return
        isOver = true
        clock.clearTimeout(timer)
        const closedMs = closedUntil - clock.now()
        if (closedMs > 0) stay('waiting as the exchange told us to', closedMs)
        else if (attempts > attemptsMax) stay(tooMany, restMs * (1 + clock.random()))
        else if (budget.take()) go()
        else stay(tooMany, budget.waitMs())
      }
      const look = (): void => {
        if (share === undefined || closedUntil > clock.now()) return decide(0)
        timer = clock.setTimeout(() => decide(0), shareMaxMs)
        void share(1, 0).then(known => {
          close(known?.waitMs ?? 0)
          decide(known?.attempts ?? 0)
        })
      }
      const waitMs = turn(shard)
      if (waitMs === 0) look()
      else timer = clock.setTimeout(look, waitMs)
      return () => {
        isOver = true
        clock.clearTimeout(timer)
      }
    },
  }
}
