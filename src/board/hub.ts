import { type Clock, every as repeat } from '../clock.ts'
import type { Pair } from '../price.ts'
import { type Audience, createAudience } from './audience.ts'
import type { Entry } from './board.ts'
import { createDelivery } from './delivery.ts'
import { chunk, comment, event } from './frame.ts'
import { createGreetings, type GreetingsOptions, snapshotOf } from './greeting.ts'
import { createGroups } from './group.ts'
import { catchUp, conditionOf, fallBehind, noSteps, overflow, recover, type Steps } from './ladder.ts'
import { type AskMissing, type Gap, inOrder } from './mailbox.ts'
import { entriesOf, type Found } from './missing.ts'
import { createPace } from './pace.ts'
import { createReader, isEven, isOutgrown, newsOf, type Outlet, openMailbox, type Reader, type ReaderOptions, type Seat } from './reader.ts'
import { createWheel } from './wheel.ts'

export type { Outlet, ReaderOptions, Seat } from './reader.ts'

export interface Hub {
  /** The snapshot follows at once; what arrives meanwhile is already in the mailbox, so nothing is missed and nothing comes twice. */
  join(options: ReaderOptions, outlet: Outlet): Seat
  changed(entry: Entry): void
  /** Trades that were asked for: whoever waits for them gets them, in their place. */
  found(found: Found): void
  /** Levels may have changed: readers for whom they did are told. */
  levelsChanged(): void
  /** Tells the readers of one pair something about it. */
  tell(pair: Pair, name: string, value: unknown): void
  /** Tells every reader, and whoever still comes, to come back after a wait drawn between the two, and ends its stream. */
  farewell(minMs: number, maxMs: number): void
  counts(): Counts
  stop(): void
}

export interface Counts extends Readonly<Steps> {
  readonly readers: number
  /** Of these, those who are not sent to together with others. */
  readonly apart: number
  readonly delivered: number
}

export interface HubOptions extends GreetingsOptions {
  readonly clock: Clock
  /** Where to ask for trades that a reader of every one lacks; unset: nowhere. */
  readonly ask?: AskMissing
  /** Prices that come within this time may leave together while there are many; default 10. */
  readonly windowMs?: number
}

const lookEveryMs = 1000
const defaultWindowMs = 10
/** Of what waits for a reader of every trade, so much is written at once. */
const portionBytes = 64 * 1024
/** Who was too slow comes back within this time. */
const slowReturnMs = { minMs: 1000, maxMs: 5000 }
const commentFrame = chunk(comment)

export function createHub({ clock, board, levelOf, status, ask, windowMs = defaultWindowMs }: HubOptions): Hub {
  const readers = new Set<Reader>()
  const groups = createGroups(ask)
  const greetings = createGreetings({ board, levelOf, status })
  /** Those who are not in a group: with an interval, behind, or still to be told from what they had elsewhere. */
  const latest: Audience<Reader> = createAudience()
  const every: Audience<Reader> = createAudience()
  /** The newest price of each pair since the last flush. */
  const news = new Map<Pair, Entry>()
  const counts = { ...noSteps(), delivered: 0 }
  let dirty: Reader[] = []
  let leaving: { readonly minMs: number; readonly maxMs: number } | undefined

  const mark = (reader: Reader): void => {
    if (reader.isDirty || reader.blockedAt !== undefined) return
    reader.isDirty = true
    dirty.push(reader)
  }

  const offer = (reader: Reader, entry: Entry): void => {
    const news = newsOf(reader, entry, entry.isTold)
    if (news === undefined) return
    const { mailbox } = reader
    const hadNothing = mailbox.isEmpty
    if (mailbox.put(news)) {
      counts.gapped += 1
      overflow(reader)
    }
    // Otherwise it is marked, blocked or on the wheel already: a price in between costs a reader with an interval nothing else.
    if (hadNothing || mailbox.dueAt() <= 0) mark(reader)
  }

  const distribute = (): void => {
    if (news.size === 0) return
    const entries = inOrder([...news.values()])
    news.clear()
    for (const entry of entries) {
      groups.offerLatest(entry)
      for (const reader of latest.of(entry.pair)) offer(reader, entry)
    }
  }

  const flush = (now: number): void => {
    distribute()
    groups.flush((reader, frames, items) => {
      counts.delivered += items
      write(reader, frames, now)
    })
    const due = dirty
    dirty = []
    const framesOf = createDelivery()
    for (const reader of due) {
      reader.isDirty = false
      if (reader.blockedAt === undefined && readers.has(reader)) deliver(reader, now, framesOf)
    }
  }
  const pace = createPace(clock, windowMs, flush)

  const deliver = (reader: Reader, now: number, framesOf: ReturnType<typeof createDelivery>): void => {
    // In portions: what the connection does not take waits in the mailbox, where it is bounded, counted and told as a gap.
    let items: readonly (Entry | Gap)[]
    do {
      items = reader.mailbox.take(now, portionBytes)
      counts.delivered += items.length
      if (items.length > 0) write(reader, framesOf(items), now)
    } while (items.length > 0 && reader.blockedAt === undefined && !reader.mailbox.isEmpty)
    if (reader.mailbox.isEmpty) settle(reader)
    else if (reader.blockedAt === undefined) waiting.add(reader)
  }

  /** A reader that has had all there is goes on in a group; or after the next flush, if the group is still to be sent what it has had. */
  const settle = (reader: Reader): void => {
    if (reader.group !== undefined || !isEven(reader)) return
    if (groups.take(reader)) audienceOf(reader).leave(reader, reader.pairs)
    else {
      mark(reader)
      pace.soon()
    }
  }

  const write = (reader: Reader, frames: readonly Buffer[], now: number): void => {
    reader.writtenAt = now
    if (!reader.outlet.write(frames)) block(reader, now)
  }

  /** The reader does not keep up: from here on a mailbox of its own conflates. */
  const block = (reader: Reader, now: number): void => {
    if (reader.blockedAt !== undefined) return
    counts.fellBehind += 1
    fallBehind(reader, now)
    if (groups.leave(reader)) audienceOf(reader).join(reader, reader.pairs)
  }

  const waiting = createWheel<Reader>({
    clock,
    dueAt: reader => reader.mailbox.dueAt(),
    due: those => {
      for (const reader of those) mark(reader)
      pace.soon()
    },
  })

  const tellStatus = (reader: Reader, text: string, frame: () => Buffer): void => {
    if (text === reader.told || reader.blockedAt !== undefined) return
    reader.told = text
    write(reader, [frame()], clock.now())
  }

  const audienceOf = (reader: Reader): Audience<Reader> => (reader.mode === 'every' ? every : latest)

  const leave = (reader: Reader): void => {
    if (!readers.delete(reader)) return
    waiting.delete(reader)
    if (!groups.leave(reader)) audienceOf(reader).leave(reader, reader.pairs)
  }

  const cut = (reader: Reader, reason: 'cutStuck' | 'cutFull'): void => {
    counts[reason] += 1
    leave(reader)
    reader.outlet.cut()
  }

  /** A slow reader is told how often it is written to from here on. */
  const tellInterval = (reader: Reader, reason: 'slowed' | 'restored', now: number): void => {
    counts[reason] += 1
    write(reader, [chunk(event('interval', { intervalMs: reader.intervalMs }))], now)
    mark(reader)
    pace.soon()
  }

  const forget = (reader: Reader): void => {
    if (reader.after === undefined || !isOutgrown(reader, board)) return
    reader.after = undefined
    settle(reader)
  }

  const look = (): void => {
    const now = clock.now()
    for (const reader of readers) {
      const condition = conditionOf(reader, now)
      if (condition === 'cutStuck' || condition === 'cutFull') cut(reader, condition)
      else {
        if (condition === 'silent') write(reader, [commentFrame], now)
        if (recover(reader, now)) tellInterval(reader, 'restored', now)
        forget(reader)
      }
    }
  }

  const sendAway = (reader: Reader, { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): void => {
    if (!readers.has(reader)) return
    const afterMs = Math.round(minMs + clock.random() * (maxMs - minMs))
    leave(reader)
    reader.outlet.write([chunk(`retry: ${afterMs}\n${event('reconnect', { afterMs })}`)])
    reader.outlet.end()
  }

  const drained = (reader: Reader): void => {
    if (reader.blockedAt === undefined || !readers.has(reader)) return
    const now = clock.now()
    const next = catchUp(reader, now)
    if (next === 'sentAway') {
      counts.sentAway += 1
      return sendAway(reader, slowReturnMs)
    }
    const text = greetings.statusOf(reader.pairs)
    tellStatus(reader, text, () => chunk(text))
    if (next === 'slowed') tellInterval(reader, next, now)
    mark(reader)
    pace.soon()
  }

  const stopLooking = repeat(clock, lookEveryMs, look)
  return {
    join: (options, outlet) => {
      // What is on its way to the others is in the snapshot already.
      distribute()
      if (dirty.length > 0 || groups.isDirty) pace.soon()
      const reader = createReader(options, outlet, clock.now())
      reader.told = greetings.statusOf(reader.pairs)
      readers.add(reader)
      const isAtOnce = isEven(reader) && groups.joinAtOnce(reader)
      if (!isAtOnce) {
        openMailbox(reader, ask)
        audienceOf(reader).join(reader, reader.pairs)
      }
      const last = isAtOnce ? greetings.snapshot(reader.pairs) : undefined
      const frames = isAtOnce ? (last === undefined ? [] : [last]) : snapshotOf(reader, board, levelOf, clock.now())
      write(reader, [greetings.preface(options.preface, reader.told), ...frames], clock.now())
      if (leaving !== undefined) sendAway(reader, leaving)
      else settle(reader)
      return {
        leave: () => leave(reader),
        drained: () => drained(reader),
        sendAway: (minMs, maxMs) => sendAway(reader, { minMs, maxMs }),
      }
    },
    changed: entry => {
      pace.count()
      if (latest.has(entry.pair) || groups.hasLatest(entry.pair)) {
        news.delete(entry.pair)
        news.set(entry.pair, entry)
      }
      groups.offerEvery(entry, reader => audienceOf(reader).join(reader, reader.pairs))
      for (const reader of every.of(entry.pair)) offer(reader, entry)
      if (news.size > 0 || dirty.length > 0 || groups.isDirty) pace.soon()
    },
    found: found => {
      let entries: readonly Entry[] | undefined
      const made = (): readonly Entry[] => (entries ??= entriesOf(found))
      for (const reader of every.of(found.pair)) if (reader.mailbox.fill(found, made)) mark(reader)
      if (dirty.length > 0) pace.soon()
    },
    levelsChanged: () => {
      const frames = new Map<string, Buffer>()
      for (const reader of readers) {
        const text = greetings.statusOf(reader.pairs)
        tellStatus(reader, text, () => {
          const frame = frames.get(text) ?? chunk(text)
          frames.set(text, frame)
          return frame
        })
      }
    },
    tell: (pair, name, value) => {
      const frames = [chunk(event(name, value))]
      const those = [...latest.of(pair), ...every.of(pair), ...groups.membersOf(pair)]
      for (const reader of those) write(reader, frames, clock.now())
    },
    farewell: (minMs, maxMs) => {
      leaving = { minMs, maxMs }
      for (const reader of readers) sendAway(reader, leaving)
    },
    counts: () => ({ readers: readers.size, apart: readers.size - groups.size, ...counts }),
    stop: () => {
      stopLooking()
      waiting.stop()
    },
  }
}
