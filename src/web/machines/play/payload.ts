import type { ChartEdge } from '../../../inspect/record.ts'
import { eventTypeOf } from '../chart/edges.ts'
import type { History } from '../record/history.ts'
import { ownPayloads } from './own.ts'
import type { PlayEvent } from './play.ts'

const lookBack = 5_000

/** An event for an edge, with the fields the last recorded event of its type had. A wildcard gives its beginning, to be completed. */
export function exampleFor(edge: ChartEdge, history: History): PlayEvent {
  const type = eventTypeOf(edge)
  if (type === '*') return { type: 'anything' }
  if (type.endsWith('.*')) return { type: lastTypeLike(type.slice(0, -1), history) ?? `${type.slice(0, -1)}any` }
  return { ...ownPayloads[type], ...lastOf(type, history), type }
}

const lastOf = (type: string, history: History): PlayEvent | undefined => search(history, event => event.type === type)

const lastTypeLike = (prefix: string, history: History): string | undefined => search(history, event => event.type.startsWith(prefix))?.type

function search(history: History, isMeant: (event: PlayEvent) => boolean): PlayEvent | undefined {
  const oldest = Math.max(history.first, history.next - lookBack)
  for (let n = history.next - 1; n >= oldest; n -= 1) {
    const record = history.at(n)
    if (record !== undefined && 'event' in record && isMeant(record.event)) return record.event
  }
  return undefined
}

/** What was typed into a field: JSON when it is some, else the text itself. */
export function valueFrom(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const textFrom = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
