import { describe, expect, it } from 'vitest'
import { type Batch, createReader, createWords } from '../../src/inspect/brief.ts'
import type { InspectRecord } from '../../src/inspect/record.ts'
import { type Line, nameOf } from '../../src/inspect/text.ts'
import { createTimeline } from '../../src/inspect/timeline.ts'

const part = <T>(shown: T) => ({ shown, json: JSON.stringify(shown) })
const gate = nameOf('one/"gate"')
const door = nameOf('one/door')

const event = (at: number, type: string, source?: Line['source']): Line => ({
  at,
  actor: door,
  source,
  event: part({ type }),
  step: undefined,
})
const step = (at: number, type: string, source?: Line['source'], edges: string[] = []): Line => {
  const did = { edges, actions: ['ring'] }
  const moment = part({ active: ['door.open'], value: 'open', status: 'active' as const, context: { at } })
  return { ...event(at, type, source), step: { did: { shown: did, json: JSON.stringify(did).slice(1, -1) }, took: 0.25, moment } }
}

function start() {
  const timeline = createTimeline({ head: { kind: 'head', version: 1, from: 'live', startedAt: 0, title: '' }, recordsMax: 10_000 })
  const connect = () => ({ words: createWords(), read: createReader() })
  /** What came after `number`: as it is, as a page reads it, and how long it was on the way. */
  const since = (number: number, { words, read } = connect()) => {
    const plain = timeline.after(number, 1e9)?.texts.map(text => JSON.parse(text) as InspectRecord)
    const sent = words.batch(timeline.after(number, 1e9, words)?.texts ?? [])
    return { plain, brief: read(JSON.parse(sent) as Batch), length: sent.length }
  }
  return { timeline, connect, since }
}

describe('records in brief', () => {
  it('are the same records', () => {
    const { timeline, since } = start()
    timeline.push({ kind: 'chart', chart: { machine: 'door', hash: '1', states: [], edges: [] } })
    timeline.note(event(1.5, 'knock'))
    timeline.note(step(2, 'knock', gate, ['door|knock|0']))
    timeline.push({ kind: 'mark', at: 2, who: 'x', what: 'y', isFault: true })
    timeline.note(event(3, 'knock', gate))
    timeline.note(step(4, 'knock'))
    const { plain, brief } = since(0)
    expect(plain).toHaveLength(6)
    expect(brief).toEqual(plain)
  })

  it('say on a connection once what comes again', () => {
    const { timeline, connect, since } = start()
    const one = connect()
    timeline.note(step(1, 'a long name '.repeat(100), gate))
    expect(since(0, one).length).toBeGreaterThan(1200)
    timeline.note(step(1, 'a long name '.repeat(100), gate))
    const { plain, brief, length } = since(1, one)
    expect(brief).toEqual(plain)
    expect(length).toBeLessThan(100)
  })

  it('say it again on the next connection, though the page reads on', () => {
    const { timeline, connect, since } = start()
    const { read, words } = connect()
    timeline.note(step(1, 'knock'))
    since(0, { read, words })
    timeline.note(step(1, 'knock', gate))
    const { plain, brief } = since(1, { read, words: createWords() })
    expect(brief).toEqual(plain)
  })

  it.each([
    ['many', 1500, 'x'],
    ['long', 70, 'x'.repeat(20_000)],
  ])('never need more than so many words when each is another one: %s', (_, count, text) => {
    const { timeline, connect, since } = start()
    const one = connect()
    const batches: Batch[] = []
    const read = (batch: Batch) => {
      batches.push(batch)
      return one.read(batch)
    }
    for (let at = 0; at < count * 3; at += 1) {
      timeline.note(event(at, `${at}${text}`))
      if (at % 10 < 9) continue
      const { plain, brief } = since(at - 9, { ...one, read })
      expect(brief).toEqual(plain)
    }
    const known = batches.map(({ from }) => from)
    expect(Math.max(...known)).toBeGreaterThan(20)
    expect(Math.max(...known)).toBeLessThanOrEqual(text.length === 1 ? 2000 : 30)
  })
})
