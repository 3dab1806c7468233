import type { Unnumbered } from './record.ts'
import type { Timeline } from './timeline.ts'

/** Puts what other instances tell on the time line of this one, their times on one line with ours. */
export interface Listener {
  heard(text: string): void
  /** Instances of which something was lost: they must begin anew. */
  broken(): string[]
  /** Says goodbye for those who have said nothing for so long. */
  look(forgetAfterMs: number): void
  forget(): void
}

export interface ListenerOptions {
  readonly instance: string
  readonly timeline: Timeline
  readonly now: () => number
}

/** One instance as heard. */
interface Other {
  n: number
  heardAt: number
  isBroken: boolean
}

const textMax = 8_000_000
const othersMax = 64

export function createListener({ instance, timeline, now }: ListenerOptions): Listener {
  const others = new Map<string, Other>()

  const place = (record: Unnumbered, shiftMs: number): void => {
    if (record.kind === 'chart') {
      // Ours are drawn as ours are; an instance of another version may have other ones.
      if (!timeline.charts.has(record.chart.machine)) timeline.push(record)
    } else {
      // As it was told it has the number it had on the other's line of time; here it gets one of ours.
      const { q: _, ...unnumbered } = record as Exclude<Unnumbered, { kind: 'chart' }> & { readonly q?: number }
      timeline.push({ ...unnumbered, at: record.at + shiftMs })
    }
  }

  const leave = (from: string, error?: string, stay: ReadonlySet<string> = new Set()): void => {
    for (const actor of [...timeline.actors.keys()])
      if (actor.startsWith(`${from}/`) && !stay.has(actor))
        timeline.push({ kind: 'gone', at: now(), actor, status: 'stopped', ...(error !== undefined && { error }) })
  }

  return {
    heard: text => {
      const told = readTold(text)
      if (told === undefined || told.from === instance) return
      const { from, n, all, startedAt, records } = told
      const other = others.get(from) ?? { n: 0, heardAt: 0, isBroken: true }
      if (!others.has(from) && others.size >= othersMax) return
      others.set(from, other)
      other.heardAt = now()
      const isNext = all || (!other.isBroken && n === other.n + 1)
      other.n = n
      other.isBroken = !isNext
      if (!isNext) return
      const theirs = records.filter(record => isOf(from, record))
      if (all) leave(from, undefined, new Set(theirs.map(record => ('actor' in record ? record.actor : ''))))
      const shiftMs = startedAt - timeline.head.startedAt
      for (const record of theirs) place(record, shiftMs)
    },
    broken: () => [...others].filter(([, { isBroken }]) => isBroken).map(([from]) => from),
    look: forgetAfterMs => {
      for (const [from, { heardAt }] of others) {
        if (now() - heardAt <= forgetAfterMs) continue
        others.delete(from)
        leave(from, `nothing heard of ${from} for ${forgetAfterMs / 1000} s`)
      }
    },
    forget: () => {
      for (const from of others.keys()) leave(from)
      others.clear()
    },
  }
}

interface ToldUnread {
  readonly from: string
  readonly n: number
  readonly startedAt: number
  readonly all: boolean
  readonly records: readonly unknown[]
}

function readTold(text: string): ToldUnread | undefined {
  if (text.length > textMax) return undefined
  try {
    const told: unknown = JSON.parse(text)
    if (typeof told !== 'object' || told === null) return undefined
    const { from, n, startedAt, all, records } = told as Readonly<Record<string, unknown>>
    const isRight =
      typeof from === 'string' &&
      typeof n === 'number' &&
      typeof startedAt === 'number' &&
      typeof all === 'boolean' &&
      Array.isArray(records)
    return isRight ? { from, n, startedAt, all, records } : undefined
  } catch {
    return undefined
  }
}

const kinds = new Set(['actor', 'event', 'step', 'gone'])

/** An instance may speak for its own actors only. */
function isOf(from: string, record: unknown): record is Unnumbered {
  if (typeof record !== 'object' || record === null || !('kind' in record)) return false
  if (record.kind === 'chart')
    return 'chart' in record && typeof record.chart === 'object' && record.chart !== null && 'machine' in record.chart
  if (typeof record.kind !== 'string' || !kinds.has(record.kind)) return false
  return (
    'actor' in record &&
    typeof record.actor === 'string' &&
    record.actor.startsWith(`${from}/`) &&
    'at' in record &&
    typeof record.at === 'number'
  )
}
