import type { InspectRecord } from './record.ts'

/**
 * Records as the page is sent them: a part that was sent before on the same connection is called by its number. Machines say the same
 * few things again and again, so most records are a few digits.
 */

/** What was sent on one connection. */
export interface Words {
  /** The number of a text: a JSON object, or its fields, with or without a comma before them. */
  numberOf(text: string): number
  /** Records of the time line, written with these numbers, as JSON of a {@link Batch}. */
  batch(records: readonly string[]): string
}

export interface Batch {
  /** Number of the first word; what was known by that number or higher is forgotten. */
  readonly from: number
  readonly words: readonly object[]
  /** Whole, or in words. */
  readonly records: readonly (InspectRecord | InWords)[]
}

/** q, at, then numbers of words: actor, source (an empty one: from outside), event. Of a step also what it did, how long it took, and what it led to. */
type InWords =
  | readonly [q: number, at: number, actor: number, source: number, event: number]
  | readonly [q: number, at: number, actor: number, source: number, event: number, did: number, took: number, moment: number]

/** Both ends forget all when it is more. */
const wordsMax = 2000
const charactersMax = 500_000

export function createWords(): Words {
  const known = new Map<string, number>()
  let from = 0
  let fresh: string[] = []
  let characters = 0
  return {
    numberOf: text => {
      const before = known.get(text)
      if (before !== undefined) return before
      const number = known.size
      known.set(text, number)
      fresh.push(asObject(text))
      characters += text.length
      return number
    },
    batch: records => {
      const batch = `{"from":${from},"words":[${fresh.join(',')}],"records":[${records.join(',')}]}`
      if (known.size > wordsMax || characters > charactersMax) {
        known.clear()
        characters = 0
      }
      from = known.size
      fresh = []
      return batch
    },
  }
}

/** Reads the batches of one connection after another; the first of each begins anew. */
export function createReader(): (batch: Batch) => InspectRecord[] {
  const words: object[] = []
  const recordOf = ([q, at, actor, source, event, did, took, moment]: InWords): InspectRecord =>
    ({
      ...words[actor],
      q,
      at,
      ...words[source],
      event: words[event],
      ...(did !== undefined && { ...words[did], took, moment: words[moment as number] }),
    }) as InspectRecord
  return ({ from, words: fresh, records }) => {
    words.length = from
    for (const word of fresh) words.push(word)
    return records.map(record => ('length' in record ? recordOf(record) : record))
  }
}

function asObject(text: string): string {
  if (text.startsWith('{')) return text
  return `{${text.startsWith(',') ? text.slice(1) : text}}`
}
