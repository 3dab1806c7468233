import { describe, expect, it } from 'vitest'
import { mistakeOf } from '../../src/inspect/recording.ts'

const head = { kind: 'head', version: 1, from: 'live', startedAt: 5, title: 't' }
const moment = { active: ['m.a'], status: 'active', value: 'a' }
const records: Readonly<Record<string, object>> = {
  chart: { kind: 'chart', chart: { machine: 'm', hash: 'h', states: [], edges: [] } },
  actor: { kind: 'actor', q: 0, at: 0, actor: 'one/m', machine: 'm', moment },
  event: { kind: 'event', q: 1, at: 0.5, actor: 'one/m', event: { type: 'go' } },
  step: { kind: 'step', q: 2, at: 0.5, actor: 'one/m', event: { type: 'go' }, edges: ['m.a|go|0'], actions: [], took: 0.1, moment },
  gone: { kind: 'gone', q: 3, at: 1, actor: 'one/m', status: 'done' },
  mark: { kind: 'mark', q: 4, at: 1, who: 'link', what: 'cut', isFault: true },
  lost: { kind: 'lost', q: 5, at: 1, records: 7 },
}
const write = (...lines: unknown[]): string => lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
const good = write(head, ...Object.values(records))

describe('a recording', () => {
  it('may hold every kind of record, end with or without a new line, and hold empty lines', () => {
    for (const text of [good, `${good}\n`, `${good}\n\n`, good.replaceAll('\n', '\r\n'), write(head)])
      expect(mistakeOf(text)).toBeUndefined()
  })

  it.each(Object.entries(records))('is refused when any field that a %s must have is missing', (kind, record) => {
    const optional = ['kind', 'machine']
    for (const field of Object.keys(record).filter(name => !optional.includes(name))) {
      const wrong = mistakeOf(write(head, { ...record, [field]: undefined }))
      expect(wrong).toMatch(new RegExp(`^Line 2: in a record of the kind "${kind}" "${field}" must be .*, not missing\\.$`))
    }
  })

  it.each([
    ['nothing', '', 'The file is empty.'],
    ['no JSON at its beginning', 'hello', /^Line 1 is no JSON: hello\. The page saves recordings/],
    ['no JSON in between', write(head, 'oops', records.mark), 'Line 2 is no JSON: oops'],
    ['a last line that is cut off', good.slice(0, -5), /^Line 8 is cut off: .*Without that line the file can be opened\.$/],
    ['no head', write(records.mark), /^Line 1: a recording begins with a line of the kind "head"\./],
    ['two heads', write(head, head), /^Line 2: "kind" must be one of chart, actor, event, step, gone, mark, lost, not "head"\.$/],
    ['a later version', write({ ...head, version: 2 }), 'Line 1: "version" must be 1, which is what this Tickcast reads, not 2.'],
    ['a kind that nobody knows', write(head, { kind: 'toString' }), /^Line 2: "kind" must be one of .*, not "toString"\.$/],
    ['numbers that go back', write(head, records.mark, records.event), 'Line 3: "q" goes back from 4 to 1.'],
    ['a moment without a status', write(head, { ...records.actor, moment: { active: [] } }), /in "moment" "status" must be one of/],
    ['a list in place of a record', write(head, []), /^Line 2: "kind" must be one of/],
    ['the notes of a simulation', write({ tickcast: 'simulation', seed: 's' }), /This is a list of notes of a simulation/],
    ['a coverage file', JSON.stringify({ relay: { states: { joining: 1 }, edges: {} } }, undefined, 2), /This looks like a coverage file/],
  ] as const)('is refused in one sentence when it holds %s', (_, text, said) => {
    const wrong = mistakeOf(text)
    if (typeof said === 'string') expect(wrong).toBe(said)
    else expect(wrong).toMatch(said)
  })
})
