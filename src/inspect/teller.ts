import type { InspectClock } from './beat.ts'
import type { Timeline } from './timeline.ts'

/** Tells one other instance what happens here, within so many bytes a second. */
export interface Teller {
  /** When that instance last said that it listens, on the clock. */
  readonly calledAt: number
  called(mustBeginAnew: boolean): void
  tell(): void
}

/** What one instance says to another. */
export interface Told {
  readonly from: string
  /** Counts up by one: a hole is something lost. */
  readonly n: number
  /** Epoch milliseconds that the records' times count from. */
  readonly startedAt: number
  /** This is all there is now; forget what was said before. */
  readonly all: boolean
  readonly records: readonly unknown[]
}

export interface TellerOptions {
  readonly clock: InspectClock
  readonly own: Timeline
  readonly instance: string
  readonly say: (text: string) => void
}

const bytesPerSecond = 256 * 1024
/** Saved up while little happens. */
const savedMax = 512 * 1024
const messageMax = 64 * 1024
/** Said even when nothing happens, so that silence means something. */
const sayEveryMs = 1000

export function createTeller({ clock, own, instance, say }: TellerOptions): Teller {
  let calledAt = clock.now()
  let n = 0
  let number: number | undefined
  let saidAt = 0
  let budget = savedMax
  let budgetAt = clock.now()

  const send = (texts: readonly string[], all: boolean): void => {
    n += 1
    saidAt = clock.now()
    const text = `{"from":${JSON.stringify(instance)},"n":${n},"startedAt":${own.head.startedAt},"all":${all},"records":[${texts.join(',')}]}`
    budget -= text.length
    say(text)
  }

  const refill = (): void => {
    const now = clock.now()
    budget = Math.min(savedMax, budget + ((now - budgetAt) / 1000) * bytesPerSecond)
    budgetAt = now
  }

  return {
    get calledAt() {
      return calledAt
    },
    called: mustBeginAnew => {
      calledAt = clock.now()
      if (mustBeginAnew) number = undefined
    },
    tell: () => {
      refill()
      while (budget > 0) {
        const next = number === undefined ? undefined : own.after(number, messageMax)
        if (next === undefined) {
          // All that is there may be more than the budget: it is owed then.
          const bulk = own.bulk()
          number = bulk.number
          send(bulk.texts, true)
        } else {
          number = next.number
          if (next.texts.length === 0 && clock.now() - saidAt < sayEveryMs) return
          send(next.texts, false)
          if (next.texts.length === 0) return
        }
      }
    },
  }
}
