import type { InspectRecord } from '../../../inspect/record.ts'
import type { History } from './history.ts'

const kinds = new Set(['head', 'chart', 'actor', 'event', 'step', 'gone', 'mark', 'lost'])

/**
 * Records of a JSONL file.
 * @throws Error with the line's number when a line is no record, or the first is no head.
 */
export function recordsFrom(text: string): InspectRecord[] {
  const records = text
    .split('\n')
    .map((line, at) => ({ line: line.trim(), number: at + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => recordFrom(line, number))
  if (records[0]?.kind !== 'head') throw new Error('This is no recording: its first line is not a head.')
  return records
}

function recordFrom(line: string, number: number): InspectRecord {
  try {
    const record: unknown = JSON.parse(line)
    if (typeof record === 'object' && record !== null && 'kind' in record && kinds.has(String(record.kind))) return record as InspectRecord
  } catch {
    // Said below, with the line.
  }
  throw new Error(`Line ${number} is no record of a session.`)
}

/** What is kept as a file that opens here again: who was there when the oldest kept record came, then the records. */
export function linesOf(history: History): string {
  const { head, charts, first, next } = history
  const lines: unknown[] = [head ?? { kind: 'head', version: 1, from: 'live', startedAt: 0, title: 'Recording' }]
  for (const chart of charts.values()) lines.push({ kind: 'chart', chart })
  lines.push(...history.bases())
  for (let n = first; n < next; n += 1) lines.push(history.at(n))
  return `${lines.map(line => JSON.stringify(line)).join('\n')}\n`
}
