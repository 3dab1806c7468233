import type { Clock } from '../clock.ts'
import { type Pair, type Position, type Update, writePayload } from '../price.ts'
import type { Bus, Message } from './bus.ts'

/** Leave to publish: an epoch, and until when (monotonic clock) it is certainly ours. */
export interface Term {
  readonly epoch: number
  readonly validUntil: number
}

/**
 * Puts prices in their one order and, while there is a term, on the bus.
 *
 * The sequence of a term counts microseconds since the term began. Prices that come faster push it ahead, for the rest of the term. So an
 * instance cut off from the bus can go on counting from the last position it saw, at the same pace as the leader it no longer hears:
 * whatever the leader publishes next stands higher, and no reader ever goes back when the two meet again.
 */
export interface Publisher {
  /** A new term, or more time for the present one; undefined: none. */
  lead(term: Term | undefined): void
  /** The next position, in this term or, without one, following the highest seen on the bus. */
  next(): Position
  /** The sequence of the pair's last price in the present epoch, 0 for none; and remembers this one. */
  link(pair: Pair, at: Position): number
  publish(update: Update): void
  /** There is a term, and its time is up: somebody else may lead by now. */
  readonly isOver: boolean
  /** The highest position seen on the bus. */
  saw(at: Position): void
  readonly seen: Position
  counts(): {
    readonly published: number
    readonly conflated: number
    readonly lost: number
    readonly uncached: number
    readonly waiting: number
  }
}

export interface PublisherOptions {
  readonly clock: Clock
  readonly bus: Bus
  readonly fenced: () => void
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
}

const batchMax = 200
const batchesInFlightMax = 4
const retryMs = 100
/** More prices than this waiting for the bus: from then on the newest of each pair replaces the older ones. */
export const waitingMax = 20_000

export function createPublisher({ clock, bus, fenced, note }: PublisherOptions): Publisher {
  let term: Term | undefined
  let seen: Position = { epoch: 0, sequence: 0 }
  let seenAt = clock.now()
  let last: Position = { epoch: 0, sequence: 0 }
  /** How far the count is ahead of the microseconds. */
  let ahead = 0
  let waiting: Message[] = []
  let inFlight = 0
  let isReachable = true
  let isFull = false
  let isScheduled = false
  /** An epoch that will never publish again. */
  let fencedEpoch = -1
  const lastOf = new Map<Pair, Position>()
  /** Newest payload handed over per pair, to know whether a lost one is still worth sending. */
  const newest = new Map<Pair, string>()
  const counts = { published: 0, conflated: 0, lost: 0, uncached: 0 }

  const saw = (at: Position): void => {
    // Our own prices, come back late, would slow our count by the way they took.
    if (at.epoch === term?.epoch) return
    if (at.epoch < seen.epoch || (at.epoch === seen.epoch && at.sequence <= seen.sequence)) return
    seen = at
    seenAt = clock.now()
    ahead = 0
    // Somebody publishes under a newer epoch: ours is over, whether we have been told or not.
    if (term !== undefined && at.epoch > term.epoch) stopPublishing(term.epoch)
  }

  const next = (): Position => {
    const microseconds = Math.floor((clock.now() - seenAt) * 1000)
    const epoch = term?.epoch ?? seen.epoch
    if (last.epoch !== epoch) ahead = 0
    const elapsed = (epoch === seen.epoch ? seen.sequence : 0) + microseconds
    const least = last.epoch === epoch ? last.sequence + 1 : 1
    ahead = Math.max(ahead, least - elapsed)
    last = { epoch, sequence: elapsed + ahead }
    return last
  }

  const conflate = (): void => {
    const kept = new Map<Pair, Message>()
    for (const message of waiting) {
      kept.delete(message.pair)
      kept.set(message.pair, message)
    }
    counts.conflated += waiting.length - kept.size
    waiting = [...kept.values()]
  }

  const isOver = (): boolean => term !== undefined && clock.now() >= term.validUntil

  const schedule = (): void => {
    if (isScheduled || waiting.length === 0 || inFlight >= batchesInFlightMax) return
    isScheduled = true
    const due = (): void => {
      isScheduled = false
      flush()
    }
    if (isReachable) clock.soon(due)
    else clock.setTimeout(due, retryMs)
  }

  const flush = (): void => {
    while (waiting.length > 0 && inFlight < batchesInFlightMax && term !== undefined && !isOver()) {
      const batch = waiting.length <= batchMax ? waiting : waiting.slice(0, batchMax)
      waiting = batch === waiting ? [] : waiting.slice(batchMax)
      inFlight += 1
      void send(term.epoch, batch)
    }
  }

  const send = async (epoch: number, batch: readonly Message[]): Promise<void> => {
    const outcome = await bus.publish(epoch, batch)
    inFlight -= 1
    if (outcome.kind === 'accepted') {
      counts.published += batch.length
      counts.uncached += outcome.uncached
      tellReachable(true)
      tellFull(outcome.uncached > 0)
    } else if (outcome.kind === 'fenced') {
      counts.lost += batch.length
      stopPublishing(epoch)
    } else {
      keepNewest(epoch, batch)
      tellReachable(false, outcome.cause)
    }
    schedule()
  }

  const stopPublishing = (epoch: number): void => {
    if (term?.epoch !== epoch || fencedEpoch === epoch) return
    fencedEpoch = epoch
    counts.lost += waiting.length
    waiting = []
    fenced()
  }

  /** Of a batch nobody confirmed, what is still the newest of its pair is sent again: followers drop what they have. */
  const keepNewest = (epoch: number, batch: readonly Message[]): void => {
    const again =
      term?.epoch === epoch && epoch !== fencedEpoch ? batch.filter(message => newest.get(message.pair) === message.payload) : []
    counts.lost += batch.length - again.length
    waiting = [...again, ...waiting]
  }

  const tellReachable = (now: boolean, cause?: string): void => {
    if (now === isReachable) return
    isReachable = now
    if (now) note('the bus takes prices again', {})
    else note('the bus does not take prices', { cause })
  }

  const tellFull = (now: boolean): void => {
    if (now === isFull) return
    isFull = now
    if (now) note('the bus is full: prices flow, but none is stored, and no new leader could be elected', { cause: 'no memory left there' })
    else note('the bus stores prices again', {})
  }

  return {
    next,
    saw,
    lead: wanted => {
      const isNew = wanted?.epoch !== term?.epoch
      if (isNew) term = undefined
      if (wanted !== undefined && isNew) saw({ epoch: wanted.epoch, sequence: 0 })
      term = wanted
      if (isNew) {
        waiting = []
        newest.clear()
        lastOf.clear()
      }
      schedule()
    },
    link: (pair, at) => {
      const before = lastOf.get(pair)
      lastOf.set(pair, at)
      return before?.epoch === at.epoch ? before.sequence : 0
    },
    publish: update => {
      if (term === undefined || term.epoch === fencedEpoch) return
      const message = { pair: update.pair, payload: writePayload(update) }
      newest.set(update.pair, message.payload)
      waiting.push(message)
      if (waiting.length > waitingMax) conflate()
      schedule()
    },
    get isOver() {
      return isOver()
    },
    get seen() {
      return seen
    },
    counts: () => ({ ...counts, waiting: waiting.length }),
  }
}
