import type { ActorRecord, Chart, Head, Unnumbered } from './record.ts'

/**
 * The last records of a feed, and what is there now. Bounded in records and bytes: whoever reads keeps a number, the place it has come to,
 * so a slow reader costs nothing, and one that comes too late is told what it lost and given what is there now.
 */
export interface Timeline {
  readonly head: Head
  /** Number of the last record. */
  readonly last: number
  readonly bytes: number
  readonly actors: ReadonlyMap<string, PresentActor>
  /** By machine. */
  readonly charts: ReadonlyMap<string, Chart>
  /** `fields`: the record as JSON without its braces, from who has that at hand. */
  push(record: Unnumbered, fields?: string): void
  /** Records after this number as JSON, up to so many characters but at least one; undefined: they are gone, or never were. */
  after(number: number, lengthMax: number): Excerpt | undefined
  /** Charts and actors, for somebody who knows nothing yet. */
  bulk(): Excerpt
  /** A `lost` record for who had come to this number. */
  lost(number: number, at: number): string
  /** Forgets everything but the numbers. */
  clear(): void
}

export type PresentActor = Omit<ActorRecord, 'q'>

export interface Excerpt {
  /** One record each. */
  readonly texts: readonly string[]
  /** Where the reader has come to with these. */
  readonly number: number
}

export interface TimelineOptions {
  readonly head: Head
  readonly recordsMax?: number
  /** Characters of JSON. */
  readonly bytesMax?: number
  readonly actorsMax?: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** More than a record's number takes, with the braces around it. */
const numberMax = 24

export function createTimeline(options: TimelineOptions): Timeline {
  const { head, recordsMax = 20_000, bytesMax = 8_000_000, actorsMax = 5000 } = options
  const charts = new Map<string, Chart>()
  const actors = new Map<string, Mutable<PresentActor>>()
  let unseen: string | undefined
  /** The records' fields; the numbers go without saying, and are written when somebody reads. */
  let entries: string[] = []
  /** By number: charts that nobody can have seen before this record. */
  const chartsBefore = new Map<number, string>()
  /** So many at the front are dropped; they are cut off now and then, all at once. */
  let dropped = 0
  let last = 0
  let bytes = 0

  const lengthOf = (fields: string, number: number): number => fields.length + numberMax + (chartsBefore.get(number)?.length ?? 0)
  const held = (): number => entries.length - dropped

  const dropOldest = (): void => {
    const number = last - held() + 1
    bytes -= lengthOf(entries[dropped] as string, number)
    chartsBefore.delete(number)
    dropped += 1
    if (dropped < 1024 || dropped * 2 < entries.length) return
    entries = entries.slice(dropped)
    dropped = 0
  }

  const keep = (fields: string): void => {
    last += 1
    entries.push(fields)
    if (unseen !== undefined) chartsBefore.set(last, unseen)
    unseen = undefined
    bytes += lengthOf(fields, last)
    while (held() > recordsMax || (bytes > bytesMax && held() > 1)) dropOldest()
  }

  const note = (record: Unnumbered): void => {
    if (record.kind === 'actor' && (actors.size < actorsMax || actors.has(record.actor))) actors.set(record.actor, { ...record })
    if (record.kind === 'gone') actors.delete(record.actor)
    if (record.kind !== 'step') return
    const actor = actors.get(record.actor)
    if (actor === undefined) return
    actor.at = record.at
    actor.moment = record.moment
  }

  return {
    head,
    actors,
    charts,
    get last() {
      return last
    },
    get bytes() {
      return bytes
    },
    push: (record, fields) => {
      if (record.kind === 'chart') {
        const { chart } = record
        if (charts.get(chart.machine)?.hash === chart.hash) return
        charts.set(chart.machine, chart)
        const text = JSON.stringify(record)
        unseen = unseen === undefined ? text : `${unseen},${text}`
        return
      }
      note(record)
      keep(fields ?? fieldsOf(record))
    },
    after: (number, lengthMax) => {
      const from = number - (last - held())
      if (number > last || from < 0) return undefined
      const texts: string[] = []
      let length = 0
      let reached = number
      for (let at = dropped + from; at < entries.length && (length === 0 || length < lengthMax); at += 1) {
        const fields = entries[at] as string
        reached += 1
        const before = chartsBefore.get(reached)
        if (before !== undefined) texts.push(before)
        texts.push(numbered(fields, reached))
        length += lengthOf(fields, reached)
      }
      return { texts, number: reached }
    },
    bulk: () => ({
      texts: [
        ...Array.from(charts.values(), chart => JSON.stringify({ kind: 'chart', chart })),
        ...Array.from(actors.values(), actor => numbered(fieldsOf(actor), last)),
      ],
      number: last,
    }),
    lost: (number, at) => JSON.stringify({ kind: 'lost', q: last, at, records: Math.max(0, last - number) }),
    clear: () => {
      charts.clear()
      actors.clear()
      entries = []
      chartsBefore.clear()
      dropped = 0
      bytes = 0
      unseen = undefined
      // A number that was the last is not the last any more: who comes back with it missed what nobody saw.
      last += 1
    },
  }
}

const fieldsOf = (record: object): string => JSON.stringify(record).slice(1, -1)
const numbered = (fields: string, q: number): string => `{"q":${q},${fields}}`
