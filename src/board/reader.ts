import { isNewer, type Pair, type Position } from '../price.ts'
import { type Entry, renumber } from './board.ts'
import { type AskMissing, createEveryMailbox, createLatestMailbox, type Mailbox } from './mailbox.ts'

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
  /** Only what is newer is sent, now and later. */
  readonly after: Position | undefined
}

/** One open stream, as its connection sees it. */
export interface Seat {
  drained(): void
  /** Tells the reader to come back after a wait drawn between the two, and ends its stream. */
  sendAway(minMs: number, maxMs: number): void
  /** The connection is over. */
  leave(): void
}

/** One open stream, as the hub sees it. */
export interface Reader extends Pick<ReaderOptions, 'pairs' | 'mode' | 'after'> {
  readonly outlet: Outlet
  readonly mailbox: Mailbox
  /** Gets what is new at each flush, without a mailbox in between, while it keeps up. */
  readonly isDirect: boolean
  /** The last position that was numbered for this reader, by a clock that the term's leader does not share. */
  renumbered: Position | undefined
  /** What this flush found for a direct reader; each pair at most once. */
  fresh: Entry[]
  isDirty: boolean
  /** When it stopped keeping up; undefined: it keeps up. */
  blockedAt: number | undefined
  writtenAt: number
  told: string
}

export function createReader(options: ReaderOptions, outlet: Outlet, now: number, ask?: AskMissing): Reader {
  const { pairs, after, mode, intervalMs } = options
  const isEvery = mode === 'every'
  // Spelled out: an object made by spreading is nine times slower to touch (test/bench/hub.bench.mjs), and each delivery touches one.
  return {
    pairs,
    mode,
    after,
    renumbered: undefined,
    outlet,
    mailbox: isEvery ? createEveryMailbox(after, ask) : createLatestMailbox(intervalMs),
    isDirect: !isEvery && intervalMs === 0,
    fresh: [],
    isDirty: false,
    blockedAt: undefined,
    writtenAt: now,
    told: '',
  }
}

/** Microseconds since 1970 when a price was made, about: an epoch is a time, and the sequence counts from it (bus/publisher.ts). */
const madeAt = ({ epoch, sequence }: Position): number => epoch + sequence
/** Whoever takes over begins by telling what its socket brought while it waited to lead: the first prices of a term may be older than the term. */
const repeatsMicros = 200_000
/** Who left another stream longer ago has seen none of them. */
const seenWithinMicros = 10_000_000
/** So much later made elsewhere is later, whichever socket was the faster one. */
const laterMicros = 1_000_000

/**
 * What of a price is news for a reader that left another stream at `after`: the price; nothing, if it has it or a newer one; or, if
 * its position is lower although it was made later (an instance cut off from the bus goes on in the old term), the price as the term that
 * the reader knows would have numbered it: so the reader can say how new what it has is. A price outside the order of terms cannot be
 * compared: only a new one is news.
 *
 * `isNow`: it was told this moment, and so is later than whatever the reader had, even if the clocks that number terms say otherwise. One
 * that was here before the reader may be older than what another instance, on its own, showed the reader in an older term.
 */
export function newsOf(reader: Reader, entry: Entry, isNow: boolean): Entry | undefined {
  const { after, renumbered } = reader
  const { at: placed, update } = entry
  const { at } = update
  if (after === undefined) return entry
  if (at.epoch === 0) return isNow ? entry : undefined
  const isPlaced = renumbered === undefined || isNewer(placed, renumbered)
  const isSameTerm = at.epoch === after.epoch
  if (isNewer(at, after)) {
    const isFirst = at.sequence < repeatsMicros && madeAt(after) > at.epoch - seenWithinMicros
    const isRepeated = !isSameTerm && isFirst && !reader.mailbox.knows(entry.pair)
    return isRepeated || !isPlaced || (!isNow && !isSameTerm && madeAt(at) < madeAt(after)) ? undefined : entry
  }
  if (isSameTerm || madeAt(at) <= madeAt(after) + laterMicros) return undefined
  if (isNewer(placed, after)) return isPlaced ? entry : undefined
  reader.renumbered = { epoch: after.epoch, sequence: madeAt(at) - after.epoch }
  return renumber(entry, reader.renumbered)
}

/** Puts a newer price where the reader's next delivery finds it. */
export function give(reader: Reader, entry: Entry): void {
  if (reader.isDirect && reader.blockedAt === undefined && reader.mailbox.isEmpty) reader.fresh.push(entry)
  else reader.mailbox.put(entry)
}

/** The reader does not keep up: from here on its mailbox conflates. */
export function block(reader: Reader, now: number): void {
  if (reader.blockedAt !== undefined) return
  reader.blockedAt = now
  for (const entry of reader.fresh) reader.mailbox.put(entry)
  reader.fresh.length = 0
}
