import type { Pair } from '../price.ts'
import { type Audience, createAudience } from './audience.ts'
import type { Entry } from './board.ts'
import { frameOfItem, isSame } from './delivery.ts'
import { type AskMissing, createEveryMailbox, createLatestMailbox, type Gap, type Mailbox } from './mailbox.ts'
import type { Reader } from './reader.ts'

/**
 * Readers of the same pairs in the same mode who all have had the same: whatever comes is encoded, put together and framed once for all of
 * them, and costs each one write. Who falls behind leaves the group, with a mailbox of its own, and returns when it has caught up.
 */
export interface Group {
  readonly key: string
  readonly pairs: readonly Pair[]
  readonly mode: Reader['mode']
  /** Dense, in no order; a reader knows its place. */
  readonly members: Reader[]
  /** Mode `every`: what is due to all, and which trades they have had. Mode `latest`: never used while there is nobody behind. */
  readonly mailbox: Mailbox
  /** Mode `latest`: what is due to all. */
  fresh: Entry[]
  isDirty: boolean
}

export interface Groups {
  /** Takes in a reader that has had all there is. Returns false if what is due to the others would come to it twice; later it can. */
  take(reader: Reader): boolean
  /** The same for one that has had nothing yet and will be given all there is, if there are others like it. */
  joinAtOnce(reader: Reader): boolean
  /** Returns whether it was in a group. What it has had, and what it is still due, is in its mailbox from here on. */
  leave(reader: Reader): boolean
  /** A price of the present flush, for those who get the latest. */
  offerLatest(entry: Entry): void
  /**
   * A price as it comes, for those who get every one. Groups before which trades are missing are dissolved: `apart` is told of their members,
   * who have to be offered it one by one.
   */
  offerEvery(entry: Entry, apart: (reader: Reader) => void): void
  hasLatest(pair: Pair): boolean
  membersOf(pair: Pair): Iterable<Reader>
  /** Readers in groups. */
  readonly size: number
  /** Somebody is due something. */
  readonly isDirty: boolean
  /** Gives what is due to `send`, group by group: readers may leave meanwhile, the one being sent to included. */
  flush(send: (reader: Reader, frames: readonly Buffer[], items: number) => void): void
}

export function createGroups(ask?: AskMissing): Groups {
  const groups = new Map<string, Group>()
  const latest: Audience<Group> = createAudience()
  const every: Audience<Group> = createAudience()
  let dirty: Group[] = []
  let size = 0

  const audienceOf = ({ mode }: Group): Audience<Group> => (mode === 'every' ? every : latest)

  const open = ({ key, pairs, mode, mailbox }: Reader): Group => {
    const group: Group = { key, pairs, mode, mailbox, members: [], fresh: [], isDirty: false }
    groups.set(key, group)
    audienceOf(group).join(group, pairs)
    return group
  }

  const mark = (group: Group): void => {
    if (group.isDirty) return
    group.isDirty = true
    dirty.push(group)
  }

  const take = (reader: Reader, group: Group): boolean => {
    if (group.isDirty) return false
    reader.group = group
    reader.mailbox = group.mailbox
    // One text and one list for all of them: a reader that hears nothing should hold nothing.
    reader.key = group.key
    if (isSame(reader.pairs, group.pairs)) reader.pairs = group.pairs
    const [other] = group.members
    if (other?.told === reader.told) reader.told = other.told
    reader.place = group.members.push(reader) - 1
    size += 1
    return true
  }

  /** What is due to the group is due to who leaves it, unless it has just been given that. */
  const ownMailbox = ({ mode, mailbox, fresh }: Group): Mailbox => {
    if (mode === 'every') return createEveryMailbox({ ask, before: mailbox })
    const own = createLatestMailbox(0)
    for (const entry of fresh) own.put(entry)
    return own
  }

  const leave = (reader: Reader): boolean => {
    const { group } = reader
    if (group === undefined) return false
    const { members } = group
    const last = members.pop()
    size -= 1
    if (last !== undefined && last !== reader) {
      members[reader.place] = last
      last.place = reader.place
    }
    reader.group = undefined
    reader.mailbox = ownMailbox(group)
    if (members.length > 0) return true
    groups.delete(group.key)
    audienceOf(group).leave(group, group.pairs)
    return true
  }

  const dissolve = (group: Group, apart: (reader: Reader) => void): void => {
    for (const reader of [...group.members]) {
      leave(reader)
      apart(reader)
    }
  }

  return {
    take: reader => take(reader, groups.get(reader.key) ?? open(reader)),
    joinAtOnce: reader => {
      const group = groups.get(reader.key)
      return group !== undefined && take(reader, group)
    },
    leave,
    offerLatest: entry => {
      for (const group of latest.of(entry.pair)) {
        group.fresh.push(entry)
        mark(group)
      }
    },
    offerEvery: (entry, apart) => {
      for (const group of [...every.of(entry.pair)]) {
        if (group.mailbox.lacks(entry)) dissolve(group, apart)
        else {
          group.mailbox.put(entry)
          if (!group.mailbox.isEmpty) mark(group)
        }
      }
    },
    hasLatest: latest.has,
    membersOf: function* (pair) {
      for (const audience of [latest, every]) for (const { members } of audience.of(pair)) yield* [...members]
    },
    get size() {
      return size
    },
    get isDirty() {
      return dirty.length > 0
    },
    flush: send => {
      const due = dirty
      dirty = []
      for (const group of due) {
        group.isDirty = false
        const items = group.mode === 'every' ? group.mailbox.take(0) : group.fresh
        group.fresh = []
        const frames = items.length > 0 && group.members.length > 0 ? framesOf(items, group.members.length) : []
        // From the end: whoever leaves is replaced by one that has been sent to.
        if (frames.length > 0)
          for (let at = group.members.length - 1; at >= 0; at -= 1) sendTo(group.members[at], frames, items.length, send)
      }
    },
  }
}

const sendTo = (
  reader: Reader | undefined,
  frames: readonly Buffer[],
  items: number,
  send: (reader: Reader, frames: readonly Buffer[], items: number) => void,
): void => {
  if (reader !== undefined) send(reader, frames, items)
}

/** One buffer for a group; for a single reader the frames themselves, which others may share: writing several costs less than copying them. */
function framesOf(items: readonly (Entry | Gap)[], readers: number): readonly Buffer[] {
  const frames = items.map(frameOfItem)
  return readers > 1 && frames.length > 1 ? [Buffer.concat(frames)] : frames
}
