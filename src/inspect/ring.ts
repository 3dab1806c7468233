import type { Words } from './brief.ts'
import type { Line } from './text.ts'

/**
 * The last records, as columns of texts that were there before and of numbers: nothing that is kept is made for a record alone. (What
 * outlives a scavenge is copied twice, and that cost more than all the rest.) JSON is put together when somebody reads.
 */
export interface Ring {
  /** Number of the oldest record. */
  readonly first: number
  readonly last: number
  /** Characters of JSON, at most. */
  readonly bytes: number
  /** `record`: a line, or the fields of another record as JSON. `charts`: JSON that goes before it. The oldest give way. */
  add(record: Line | string, charts: string): void
  /** A record that is there, as JSON. */
  read(number: number): string
  /** The same in words, see brief.ts. */
  readBrief(number: number, words: Words): string
  /** What goes before it, or nothing. */
  chartsBefore(number: number): string
  bytesOf(number: number): number
}

/** More than a record's numbers take, with their names and the signs around them. */
const numbersMax = 96

/** Counts on from `began`. */
export function createRing(began: number, recordsMax: number, bytesMax: number): Ring {
  const charts: string[] = []
  const head: string[] = []
  const source: string[] = []
  /** Empty: the head is the whole record. */
  const event: string[] = []
  /** Empty: no step. */
  const did: string[] = []
  const moment: string[] = []
  const at: number[] = []
  const took: number[] = []
  const size: number[] = []
  const texts = [charts, head, source, event, did, moment]
  let last = began
  let first = last + 1
  let bytes = 0

  const placeOf = (number: number): number => (number - began - 1) % recordsMax

  const measured = (place: number): number => {
    let sum = numbersMax
    for (const column of texts) sum += (column[place] as string).length
    return sum
  }

  const put = (place: number, record: Line): void => {
    const { step } = record
    head[place] = step === undefined ? record.actor.asEvent : record.actor.asStep
    source[place] = record.source === undefined ? '' : record.source.asSource
    event[place] = record.event.json
    did[place] = step === undefined ? '' : step.did.json
    moment[place] = step === undefined ? '' : step.moment.json
    at[place] = record.at
    took[place] = step === undefined ? 0 : step.took
  }

  const putFields = (place: number, fields: string): void => {
    for (const column of texts) column[place] = ''
    head[place] = fields
    at[place] = 0
    took[place] = 0
  }

  const leaveOldest = (): void => {
    bytes -= size[placeOf(first)] as number
    first += 1
  }

  return {
    get first() {
      return first
    },
    get last() {
      return last
    },
    get bytes() {
      return bytes
    },
    bytesOf: number => size[placeOf(number)] as number,
    chartsBefore: number => charts[placeOf(number)] as string,
    add: (record, before) => {
      // Its place is written over.
      if (last - first + 1 >= recordsMax) leaveOldest()
      last += 1
      const place = placeOf(last)
      if (typeof record === 'string') putFields(place, record)
      else put(place, record)
      charts[place] = before
      size[place] = measured(place)
      bytes += size[place]
      while (bytes > bytesMax && first < last) {
        putFields(placeOf(first), '')
        leaveOldest()
      }
    },
    readBrief: (number, words) => {
      const place = placeOf(number)
      const numberIn = (column: readonly string[]): number => words.numberOf(column[place] as string)
      if (event[place] === '') return `{"q":${number},${head[place]}}`
      const start = `[${number},${at[place]},${numberIn(head)},${numberIn(source)},${numberIn(event)}`
      return did[place] === '' ? `${start}]` : `${start},${numberIn(did)},${took[place]},${numberIn(moment)}]`
    },
    read: number => {
      const place = placeOf(number)
      const start = `{"q":${number},${head[place]}`
      if (event[place] === '') return `${start}}`
      const arrived = `${start}${source[place]},"at":${at[place]},"event":${event[place]}`
      return did[place] === '' ? `${arrived}}` : `${arrived},${did[place]},"took":${took[place]},"moment":${moment[place]}}`
    },
  }
}
