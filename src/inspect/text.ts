import type { StepRecord } from './record.ts'
import { remembered } from './remembered.ts'

/**
 * The two records there are most of, as JSON without braces: put together from parts that were written before, because an event is
 * over in a few microseconds and to write all of its records anew takes as long.
 */

export function eventFields(at: number, actor: string, source: string | undefined, event: string): string {
  return flat(['"kind":"event","at":', at, ',"actor":', actor, source && ',"source":', source, ',"event":', event])
}

type Numbers = Pick<StepRecord, 'at' | 'took' | 'edges' | 'actions'>

// biome-ignore format: one line per field
export function stepFields({ at, took, edges, actions }: Numbers, actor: string, source: string | undefined, event: string, moment: string): string {
  return flat([
    '"kind":"step","at":', at,
    ',"actor":', actor,
    source && ',"source":', source,
    ',"event":', event,
    ',"edges":', list(edges),
    ',"actions":', list(actions),
    ',"took":', took,
    ',"moment":', moment,
  ])
}

/** Joined, a text is one piece; added up, it would be kept as a tree of its parts, three times as large, for the collector to walk. */
const flat = (parts: readonly (string | number | undefined)[]): string => parts.join('')

function list(texts: readonly string[]): string {
  const [first] = texts
  if (first === undefined) return '[]'
  return texts.length === 1 ? `[${quoted(first)}]` : `[${texts.map(quoted).join()}]`
}

/** A text as JSON: of names, of which there are few. */
export const quoted = remembered(5000, text => JSON.stringify(text))
