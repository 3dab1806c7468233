import type { History, Timed } from './history.ts'

/** What of the log is wanted. Empty strings want everything. */
export interface Filter {
  /** This actor and those below it. */
  readonly actor: string
  readonly machine: string
  /** Part of the event's type. */
  readonly type: string
  /** Part of the payload, a path, a state or a cause. */
  readonly text: string
  /** Messages to actors that are no machines, and to machines before they stepped. */
  readonly hasMessages: boolean
  readonly muted: ReadonlySet<string>
}

export const everything: Filter = { actor: '', machine: '', type: '', text: '', hasMessages: false, muted: new Set() }

export const typeOf = (record: Timed): string => ('event' in record ? record.event.type : record.kind)

export function isWanted(filter: Filter, record: Timed, machineOf: (actor: string) => string | undefined): boolean {
  if (record.kind === 'event' && !filter.hasMessages) return false
  if (record.kind === 'mark' || record.kind === 'lost') return filter.text === '' || hasText(record, filter.text)
  if (filter.muted.has(typeOf(record))) return false
  if (filter.actor !== '' && record.actor !== filter.actor && !record.actor.startsWith(`${filter.actor}/`)) return false
  if (filter.machine !== '' && machineOf(record.actor) !== filter.machine) return false
  if (filter.type !== '' && !typeOf(record).includes(filter.type)) return false
  return filter.text === '' || hasText(record, filter.text)
}

const hasText = (record: Timed, text: string): boolean => JSON.stringify(record).toLowerCase().includes(text.toLowerCase())

/** The serials that pass a filter. Looks at each record once, however often it is asked. */
export interface Sieve {
  /** Ascending. */
  serials(): readonly number[]
}

export function createSieve(history: History, filter: Filter): Sieve {
  let passed: number[] = []
  let seen = history.first
  const machineOf = (actor: string): string | undefined => history.tracks.get(actor)?.machine
  return {
    serials: () => {
      for (seen = Math.max(seen, history.first); seen < history.next; seen += 1) {
        const record = history.at(seen)
        if (record !== undefined && isWanted(filter, record, machineOf)) passed.push(seen)
      }
      if ((passed[0] ?? Number.POSITIVE_INFINITY) < history.first) passed = passed.filter(n => n >= history.first)
      return passed
    },
  }
}
