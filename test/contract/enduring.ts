/** A leader that goes on publishing and a follower that joins again, as an instance would, through whatever happens to Redis. */
import type { Bus, Following } from '../../src/bus/bus.ts'
import { after, systemClock } from '../../src/clock.ts'
import { eventually, type Member } from './subject.ts'

export const pair = 'BTC/USD'

export interface Pump {
  /** Numbers Redis confirmed, in order. */
  readonly accepted: number[]
  readonly causes: Set<string>
  /** The longest time without a confirmation, ms. */
  readonly gapMs: () => number
  readonly isFenced: () => boolean
  stop(): Promise<void>
}

/** Publishes `<epoch> <number>`, one at a time, each until it is confirmed. */
export function pump(bus: Bus, epoch: number): Pump {
  const accepted: number[] = []
  const causes = new Set<string>()
  let stopped = false
  let fenced = false
  let number = 1
  let confirmedAt = performance.now()
  let longest = 0
  const gapMs = (): number => Math.max(longest, performance.now() - confirmedAt)
  const run = async (): Promise<void> => {
    while (!stopped && !fenced) {
      const outcome = await bus.publish(epoch, [{ pair, payload: `${epoch} ${number}` }])
      if (outcome.kind === 'fenced') fenced = true
      else if (outcome.kind === 'unreachable') {
        causes.add(outcome.cause)
        await after(systemClock, 50)
      } else {
        accepted.push(number)
        number += 1
        longest = gapMs()
        confirmedAt = performance.now()
        await after(systemClock, 2)
      }
    }
  }
  const running = run()
  return {
    accepted,
    causes,
    gapMs,
    isFenced: () => fenced,
    stop: async () => {
      stopped = true
      await running
    },
  }
}

export interface Ears {
  /** Epochs and numbers told live, in the order of telling. */
  readonly live: { readonly epoch: number; readonly number: number }[]
  readonly losses: string[]
  stop(): void
}

export function listen(bus: Bus): Ears {
  const live: { epoch: number; number: number }[] = []
  const losses: string[] = []
  let following: Following | undefined
  let stopped = false
  const join = (): void => {
    following = bus.follow(new Set([pair]), {
      subscribed: () => {},
      caughtUp: () => {},
      bulletin: () => {},
      price: (_pair, payload, cached) => {
        const [epoch = 0, number = 0] = payload.toString().split(' ').map(Number)
        if (!cached) live.push({ epoch, number })
      },
      lost: cause => {
        losses.push(cause)
        void after(systemClock, 50).then(() => {
          if (!stopped) join()
        })
      },
    })
  }
  join()
  return {
    live,
    losses,
    stop: () => {
      stopped = true
      following?.stop()
    },
  }
}

/** What was told never goes back, neither in epoch nor in number. */
export function goesBack({ live }: Ears): string | undefined {
  for (const [index, now] of live.entries()) {
    const before = live[index - 1]
    if (before === undefined || now.epoch > before.epoch) continue
    // One that nobody confirmed may have been told, and is published again.
    if (now.epoch < before.epoch || now.number < before.number) return `${before.epoch} ${before.number} → ${now.epoch} ${now.number}`
  }
  return undefined
}

/** Takes over, as soon as Redis lets it: an idle connection may only now find out where its server is. */
export async function takeOver(from: Member, to: Member): Promise<number> {
  let epoch = 0
  await eventually(async () => (await from.lease.release({ id: 'first' })).kind !== 'unreachable', 10_000)
  await eventually(async () => {
    const outcome = await to.lease.acquire({ id: 'second', ttlMs: 1000, floorEpoch: 0 })
    if (outcome.kind === 'granted') epoch = outcome.epoch
    return epoch > 0
  }, 10_000)
  return epoch
}
