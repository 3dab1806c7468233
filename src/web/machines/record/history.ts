import type { ActorRecord, Chart, Head, InspectRecord } from '../../../inspect/record.ts'
import { createHeat, type Heat } from './heat.ts'
import { livesAt, momentAt, type Track, trim } from './track.ts'

/** Whatever stands on the time line. */
export type Timed = Exclude<InspectRecord, { kind: 'head' | 'chart' }>

/**
 * Everything the page knows, up to a bound. Records get serials in the order they came (a feed's own `q` begins again when the server
 * does), the oldest are dropped, and the state of every actor can be asked for at each serial that is kept.
 */
export interface History {
  head: Head | undefined
  readonly charts: Map<string, Chart>
  readonly tracks: Map<string, Track>
  readonly heat: Heat
  /** Serials of what no actor did. */
  marks: { readonly n: number; readonly isFault: boolean }[]
  /** Serial of the first moment at which everybody is known who was there in the beginning. */
  settled: number
  /** Serial of the oldest record kept. */
  first: number
  /** Serial the next record gets. */
  next: number
  add(records: readonly InspectRecord[]): void
  at(n: number): Timed | undefined
  /** Who was there before the oldest record kept, as records. */
  bases(): ActorRecord[]
  /** The serial of the record with this `q`, or the one that came next. */
  serialOf(q: number): number
}

export const recordsMax = 50_000
/** Dropped at once, so that an array of that size is not moved for each record. */
const slice = 2_000
const pathsMax = 5_000

export function createHistory(max = recordsMax): History {
  let records: Timed[] = []
  let lastQ = 0
  let shift = 0
  /** Paths named since a feed began or lost records: who is not among them is gone. All named at once have one `q`. */
  let announced: Set<string> | undefined

  const drop = (): void => {
    const surplus = records.length - max
    if (surplus < Math.min(slice, max)) return
    records = records.slice(surplus)
    history.first += surplus
    history.settled = Math.max(history.settled, history.first)
    history.marks = history.marks.filter(({ n }) => n >= history.first)
    for (const track of history.tracks.values()) {
      trim(track, history.first)
      const life = track.lives.at(-1)
      if (life?.to !== undefined && life.to < history.first) history.tracks.delete(track.path)
    }
  }

  const trackOf = (path: string): Track => {
    const known = history.tracks.get(path)
    if (known !== undefined) return known
    const made: Track = { path, machine: undefined, src: undefined, parent: undefined, moments: [], lives: [] }
    history.tracks.set(path, made)
    return made
  }

  const closeAnnouncement = (): void => {
    for (const track of history.tracks.values()) {
      const life = track.lives.at(-1)
      if (life !== undefined && life.to === undefined && announced?.has(track.path) === false) {
        life.to = history.next
        life.status = 'stopped'
      }
    }
    announced = undefined
  }

  const takeHead = (head: Head): void => {
    const isSame = history.head?.startedAt === head.startedAt && history.head.from === head.from
    if (isSame) return
    if (history.head === undefined) history.head = head
    else shift = head.startedAt - history.head.startedAt
    lastQ = 0
    announced = new Set()
  }

  const takeTimed = (record: Timed): void => {
    const isNew = record.q > lastQ
    if (announced !== undefined && record.kind !== 'lost' && (record.kind !== 'actor' || (isNew && announced.size > 0))) closeAnnouncement()
    if (!isNew && announced === undefined && record.kind !== 'lost') return
    lastQ = Math.max(lastQ, record.q)
    if (record.kind === 'lost') announced = new Set()
    if (record.kind === 'actor') announced?.add(record.actor)
    if (announced !== undefined && history.settled === history.next - 1) history.settled = history.next
    apply(record, history.next)
    records.push(shift === 0 ? record : { ...record, at: record.at + shift })
    history.next += 1
  }

  const apply = (record: Timed, n: number): void => {
    if (record.kind === 'mark') history.marks.push({ n, isFault: record.isFault })
    if (record.kind === 'actor') {
      if (history.tracks.size >= pathsMax && !history.tracks.has(record.actor)) return
      const track = trackOf(record.actor)
      if (!livesAt(track, n)) track.lives.push({ from: n })
      Object.assign(track, { machine: record.machine, src: record.src, parent: record.parent })
      track.moments.push({ n, moment: record.moment })
    } else if (record.kind === 'step') {
      const track = history.tracks.get(record.actor)
      if (track === undefined) return
      const chart = history.charts.get(track.machine ?? '')
      if (chart !== undefined) history.heat.count(chart, momentAt(track, n)?.active ?? [], record)
      track.moments.push({ n, moment: record.moment })
    } else if (record.kind === 'gone') {
      const life = history.tracks.get(record.actor)?.lives.at(-1)
      if (life === undefined) return
      life.to = n
      life.status = record.status
      if (record.error !== undefined) life.error = record.error
    }
  }

  const history: History = {
    head: undefined,
    charts: new Map(),
    tracks: new Map(),
    heat: createHeat(),
    marks: [],
    settled: 0,
    first: 0,
    next: 0,
    add: incoming => {
      for (const record of incoming) {
        if (record.kind === 'head') takeHead(record)
        else if (record.kind === 'chart') history.charts.set(record.chart.machine, record.chart)
        else takeTimed(record)
      }
      drop()
    },
    at: n => records[n - history.first],
    bases: () => {
      const { at = 0, q = 1 } = records[0] ?? {}
      return [...history.tracks.values()].flatMap((track): ActorRecord[] => {
        const [base] = track.moments
        if (base === undefined || base.n >= history.first || !livesAt(track, history.first - 1)) return []
        const { path: actor, machine, src, parent } = track
        const known = {
          ...(machine !== undefined && { machine }),
          ...(src !== undefined && { src }),
          ...(parent !== undefined && { parent }),
        }
        return [{ kind: 'actor', q: q - 1, at, actor, ...known, moment: base.moment }]
      })
    },
    serialOf: q => {
      const found = records.findIndex(record => record.q >= q)
      return found < 0 ? history.next - 1 : history.first + found
    },
  }
  return history
}
