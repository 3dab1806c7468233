import { isNewer, madeAt, type Pair, type Position } from '../price.ts'
import { type Board, type Entry, renumber } from './board.ts'
import type { Group } from './group.ts'
import type { Slowness } from './ladder.ts'
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
export interface Reader extends Pick<ReaderOptions, 'mode'> {
  pairs: readonly Pair[]
  readonly outlet: Outlet
  /** At most one price of each pair in this time; longer than it asked for if it is slow (ladder.ts). */
  intervalMs: number
  /** The same for readers of the same pairs in the same mode. */
  key: string
  /** What it had when it left another stream; undefined: nothing that could still matter. */
  after: Position | undefined
  /** In a group it is the group's. */
  mailbox: Mailbox
  group: Group | undefined
  /** Where it stands in its group. */
  place: number
  /** The last position that was numbered for this reader, by a clock that the term's leader does not share. */
  renumbered: Position | undefined
  isDirty: boolean
  /** When it stopped keeping up; undefined: it keeps up. */
  blockedAt: number | undefined
  slowness: Slowness | undefined
  writtenAt: number
  told: string
}

export function createReader({ pairs, after, mode, intervalMs }: ReaderOptions, outlet: Outlet, now: number): Reader {
  // Spelled out: an object made by spreading is nine times slower to touch (npm run bench -- hub), and each delivery touches one.
  return {
    pairs,
    mode,
    intervalMs,
    key: keyOf(pairs, mode),
    after,
    renumbered: undefined,
    outlet,
    mailbox: notYet,
    group: undefined,
    place: -1,
    isDirty: false,
    blockedAt: undefined,
    slowness: undefined,
    writtenAt: now,
    told: '',
  }
}

/** Of a reader that has not been given anything yet. */
const notYet = createLatestMailbox(0)

/** Gives it a mailbox of its own. */
export function openMailbox(reader: Reader, ask?: AskMissing): void {
  const { mode, after, intervalMs } = reader
  reader.mailbox = mode === 'every' ? createEveryMailbox({ after, ask }) : createLatestMailbox(intervalMs)
}

const keyOf = (pairs: readonly Pair[], mode: string): string => `${mode} ${[...pairs].sort().join()}`

/** It has had all there is, and gets everything that comes as it comes. */
export const isEven = ({ intervalMs, after, blockedAt, mailbox }: Reader): boolean =>
  intervalMs === 0 && after === undefined && blockedAt === undefined && mailbox.isEmpty

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

/**
 * Whether what a reader had elsewhere can be forgotten: every pair it reads has had a newer price here, long enough after that no other
 * term's first prices, nor any instance on its own, can bring something it has seen.
 */
export function isOutgrown(reader: Reader, board: Pick<Board, 'get'>): boolean {
  const { after, renumbered, pairs, mode, mailbox } = reader
  if (after === undefined || renumbered !== undefined) return false
  let newestAt = 0
  for (const pair of pairs) {
    const at = board.get(pair)?.update.at
    if (at === undefined || !isNewer(at, after) || (mode === 'every' && !mailbox.knows(pair))) return false
    newestAt = Math.max(newestAt, madeAt(at))
  }
  return newestAt > madeAt(after) + 2 * seenWithinMicros
}
