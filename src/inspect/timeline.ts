import type { Words } from './brief.ts'
import type { ActorRecord, Chart, Head, Moment, Unnumbered } from './record.ts'
import { createRing } from './ring.ts'
import type { Line } from './text.ts'

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
  push(record: Unnumbered): void
  /** The same for a record in parts. */
  note(line: Line): void
  /** Records after this number as JSON, up to so many characters but at least one; undefined: they are gone, or never were. `words`: in these. */
  after(number: number, lengthMax: number, words?: Words): Excerpt | undefined
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

export function createTimeline(options: TimelineOptions): Timeline {
  const { head, recordsMax = 20_000, bytesMax = 8_000_000, actorsMax = 5000 } = options
  const charts = new Map<string, Chart>()
  const actors = new Map<string, Mutable<PresentActor>>()
  /** Charts as JSON that nobody can have seen yet. */
  let unseen = ''
  let ring = createRing(0, recordsMax, bytesMax)

  const keep = (record: Line | string): void => {
    ring.add(record, unseen)
    unseen = ''
  }

  const stand = (path: string, at: number, moment: Moment): void => {
    const actor = actors.get(path)
    if (actor === undefined) return
    actor.at = at
    actor.moment = moment
  }

  return {
    head,
    actors,
    charts,
    get last() {
      return ring.last
    },
    get bytes() {
      return ring.bytes
    },
    push: record => {
      if (record.kind === 'chart') {
        const { chart } = record
        if (charts.get(chart.machine)?.hash === chart.hash) return
        charts.set(chart.machine, chart)
        unseen += `${unseen && ','}${JSON.stringify(record)}`
        return
      }
      if (record.kind === 'actor' && (actors.size < actorsMax || actors.has(record.actor))) actors.set(record.actor, { ...record })
      if (record.kind === 'gone') actors.delete(record.actor)
      if (record.kind === 'step') stand(record.actor, record.at, record.moment)
      keep(fieldsOf(record))
    },
    note: line => {
      if (line.step !== undefined) stand(line.actor.path, line.at, line.step.moment.shown)
      keep(line)
    },
    after: (number, lengthMax, words) => {
      const { first, last } = ring
      if (number > last || number < first - 1) return undefined
      const texts: string[] = []
      let length = 0
      let reached = number
      while (reached < last && (length === 0 || length < lengthMax)) {
        reached += 1
        const before = ring.chartsBefore(reached)
        if (before !== '') texts.push(before)
        texts.push(words === undefined ? ring.read(reached) : ring.readBrief(reached, words))
        length += ring.bytesOf(reached)
      }
      return { texts, number: reached }
    },
    bulk: () => ({
      texts: [
        ...Array.from(charts.values(), chart => JSON.stringify({ kind: 'chart', chart })),
        ...Array.from(actors.values(), actor => `{"q":${ring.last},${fieldsOf(actor)}}`),
      ],
      number: ring.last,
    }),
    lost: (number, at) => JSON.stringify({ kind: 'lost', q: ring.last, at, records: Math.max(0, ring.last - number) }),
    clear: () => {
      charts.clear()
      actors.clear()
      unseen = ''
      // A number that was the last is not the last any more: who comes back with it missed what nobody saw.
      ring = createRing(ring.last + 1, recordsMax, bytesMax)
    },
  }
}

const fieldsOf = (record: object): string => JSON.stringify(record).slice(1, -1)
