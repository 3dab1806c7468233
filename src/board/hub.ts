import { type Clock, every, type Timer } from '../clock.ts'
import { isNewer, type Level, type Pair, type Position } from '../price.ts'
import { type Board, type Entry, frameAt, frameOf } from './board.ts'
import { chunk, comment, event } from './frame.ts'
import { createEveryMailbox, createLatestMailbox, type EveryMailbox, type Mailbox } from './mailbox.ts'

/** How bytes reach one reader. Frames are chunks of a chunked HTTP body. */
export interface Outlet {
  /** Writes what is given, as one. Returns false when the reader does not keep up: `drained` is called when it does again. */
  write(frames: readonly Buffer[]): boolean
  /** Ends the stream in order. */
  end(): void
  /** Cuts it. */
  cut(): void
  /** Bytes handed over and not yet taken by the kernel. */
  readonly waitingBytes: number
}

export interface ReaderOptions {
  readonly pairs: readonly Pair[]
  readonly mode: 'latest' | 'every'
  readonly intervalMs: number
  /** Sent before anything else, such as retry and what is wrong with a pair. */
  readonly preface: string
  /** Only what is newer is sent first. */
  readonly after: Position | undefined
}

/** One open stream, as its connection sees it. */
export interface Seat {
  drained(): void
  /** The connection is over. */
  leave(): void
}

export interface Hub {
  /** The snapshot follows at once; what arrives meanwhile is already in the mailbox, so nothing is missed and nothing comes twice. */
  join(options: ReaderOptions, outlet: Outlet): Seat
  changed(entry: Entry): void
  /** Levels may have changed: readers for whom they did are told. */
  levelsChanged(): void
  /** Tells the readers of one pair something about it. */
  tell(pair: Pair, name: string, value: unknown): void
  /** Tells every reader to come back after a wait drawn between the two, and ends its stream. */
  farewell(minMs: number, maxMs: number): void
  counts(): { readonly readers: number; readonly cutStuck: number; readonly cutFull: number; readonly delivered: number }
  stop(): void
}

export interface HubOptions {
  readonly clock: Clock
  readonly board: Board
  /** Level of one pair now. */
  readonly levelOf: (pair: Pair) => Level
  /** What `event: status` says beside the pairs. */
  readonly status: () => { readonly level: Level; readonly role: string; readonly since: number }
}

interface Reader extends ReaderOptions {
  readonly outlet: Outlet
  readonly mailbox: Mailbox | EveryMailbox
  isDirty: boolean
  /** When it stopped keeping up; undefined: it keeps up. */
  blockedAt: number | undefined
  writtenAt: number
  told: string
}

const heartbeatAfterMs = 15_000
const stuckAfterMs = 30_000
const waitingBytesMax = 1024 * 1024
const lookEveryMs = 1000
const commentFrame = chunk(comment)

export function createHub({ clock, board, levelOf, status }: HubOptions): Hub {
  const readers = new Set<Reader>()
  const byPair = new Map<Pair, Set<Reader>>()
  const counts = { cutStuck: 0, cutFull: 0, delivered: 0 }
  let dirty: Reader[] = []
  let isScheduled = false
  let wake: Timer | undefined
  let wakeAt = Number.POSITIVE_INFINITY

  const mark = (reader: Reader): void => {
    if (reader.isDirty || reader.blockedAt !== undefined) return
    reader.isDirty = true
    dirty.push(reader)
    if (isScheduled) return
    isScheduled = true
    clock.soon(flush)
  }

  const flush = (): void => {
    isScheduled = false
    const due = dirty
    dirty = []
    const now = clock.now()
    for (const reader of due) {
      reader.isDirty = false
      if (readers.has(reader) && reader.blockedAt === undefined) deliver(reader, now)
    }
  }

  const deliver = (reader: Reader, now: number): void => {
    const entries = reader.mailbox.take(now)
    counts.delivered += entries.length
    const frames = entries.map(frameOf)
    if ('gaps' in reader.mailbox) for (const gap of reader.mailbox.gaps()) frames.unshift(chunk(event('gap', gap)))
    if (frames.length > 0) write(reader, frames, now)
    if (!reader.mailbox.isEmpty) wakeFor(reader.mailbox.dueAt())
  }

  const write = (reader: Reader, frames: readonly Buffer[], now: number): void => {
    reader.writtenAt = now
    if (reader.outlet.write(frames)) return
    reader.blockedAt ??= now
  }

  /** One timer for all readers with an interval. */
  const wakeFor = (at: number): void => {
    if (at >= wakeAt) return
    if (wake !== undefined) clock.clearTimeout(wake)
    wakeAt = at
    const due = (): void => {
      wakeAt = Number.POSITIVE_INFINITY
      for (const reader of readers) if (!reader.mailbox.isEmpty) mark(reader)
    }
    wake = clock.setTimeout(due, Math.max(0, at - clock.now()))
  }

  const statusOf = (pairs: readonly Pair[]): string =>
    event('status', { ...status(), pairs: Object.fromEntries(pairs.map(pair => [pair, levelOf(pair)])) })

  const snapshot = (reader: Reader): readonly Buffer[] => {
    const known: Entry[] = []
    for (const pair of reader.pairs) {
      const entry = board.get(pair)
      if (entry !== undefined && (reader.after === undefined || isNewer(entry.update.at, reader.after))) known.push(entry)
    }
    for (const entry of known) reader.mailbox.put(entry)
    return reader.mailbox
      .take(clock.now())
      .map(entry => (isAsPublished(entry, levelOf(entry.pair)) ? frameOf(entry) : frameAt(entry, levelOf(entry.pair))))
  }

  const leave = (reader: Reader): void => {
    if (!readers.delete(reader)) return
    for (const pair of reader.pairs) {
      const others = byPair.get(pair)
      others?.delete(reader)
      if (others?.size === 0) byPair.delete(pair)
    }
  }

  const look = (): void => {
    const now = clock.now()
    for (const reader of readers) {
      if (reader.blockedAt !== undefined && now - reader.blockedAt > stuckAfterMs) {
        counts.cutStuck += 1
        reader.outlet.cut()
      } else if (reader.outlet.waitingBytes > waitingBytesMax) {
        counts.cutFull += 1
        reader.outlet.cut()
      } else if (reader.blockedAt === undefined && now - reader.writtenAt >= heartbeatAfterMs) write(reader, [commentFrame], now)
    }
  }

  const stopLooking = every(clock, lookEveryMs, look)
  return {
    join: (options, outlet) => {
      const mailbox = options.mode === 'every' ? createEveryMailbox() : createLatestMailbox(options.intervalMs)
      const told = statusOf(options.pairs)
      const reader: Reader = { ...options, outlet, mailbox, isDirty: false, blockedAt: undefined, writtenAt: clock.now(), told }
      readers.add(reader)
      for (const pair of options.pairs) {
        const others = byPair.get(pair)
        if (others === undefined) byPair.set(pair, new Set([reader]))
        else others.add(reader)
      }
      write(reader, [chunk(options.preface + told), ...snapshot(reader)], clock.now())
      return {
        leave: () => leave(reader),
        drained: () => {
          reader.blockedAt = undefined
          if (!reader.mailbox.isEmpty) mark(reader)
        },
      }
    },
    changed: entry => {
      const interested = byPair.get(entry.pair)
      if (interested === undefined) return
      for (const reader of interested) {
        reader.mailbox.put(entry)
        mark(reader)
      }
    },
    levelsChanged: () => {
      const now = clock.now()
      for (const reader of readers) {
        const text = statusOf(reader.pairs)
        if (text === reader.told) continue
        reader.told = text
        write(reader, [chunk(text)], now)
      }
    },
    tell: (pair, name, value) => {
      const frame = chunk(event(name, value))
      for (const reader of byPair.get(pair) ?? []) write(reader, [frame], clock.now())
    },
    farewell: (minMs, maxMs) => {
      for (const reader of [...readers]) {
        const afterMs = Math.round(minMs + clock.random() * (maxMs - minMs))
        reader.outlet.write([chunk(`retry: ${afterMs}\n${event('reconnect', { afterMs })}`)])
        reader.outlet.end()
        leave(reader)
      }
    },
    counts: () => ({ readers: readers.size, ...counts }),
    stop: () => {
      stopLooking()
      if (wake !== undefined) clock.clearTimeout(wake)
    },
  }
}

const isAsPublished = ({ update }: Entry, level: Level): boolean => update.body.includes(`,"level":"${level}","cached":`)
