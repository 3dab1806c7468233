import { describe, expect, it } from 'vitest'
import { type AnyActorRef, createActor, createMachine } from 'xstate'
import { createReader } from '../../src/inspect/brief.ts'
import { createFeed } from '../../src/inspect/feed.ts'
import { createInspection, type Inspection } from '../../src/inspect/inspection.ts'
import type { InspectRecord } from '../../src/inspect/record.ts'
import { createTimeline, type TimelineOptions } from '../../src/inspect/timeline.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'

const toggle = createMachine({ id: 'toggle', initial: 'off', states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off' } } } })

interface Bench {
  readonly clock: FakeClock
  readonly root: AnyActorRef
  readonly inspection: Inspection
  open(from?: string, isBrief?: boolean): View
  readonly feed: ReturnType<typeof createFeed>
}

/** What a page sees of a feed, read when it is asked for. */
interface View {
  /** All records since the last time, in batches; the heartbeats counted. */
  read(): Promise<{
    readonly records: InspectRecord[]
    readonly batches: number
    readonly characters: number
    readonly heartbeats: number
    readonly place: string | undefined
  }>
  close(): Promise<void>
  readonly isOver: () => boolean
}

function start(bounds?: Omit<TimelineOptions, 'head'>): Bench {
  const clock = fakeClock()
  const root = createActor(toggle).start()
  const inspection = createInspection({
    clock,
    instance: 'one',
    title: 'one',
    roots: [{ name: 'toggle', actor: root }],
    ...(bounds && { bounds }),
  })
  const feed = createFeed({ clock, timeline: inspection.timeline, look: inspection.look })
  return { clock, root, inspection, feed, open: (from, isBrief) => viewOf(feed.open(from, isBrief)) }
}

function viewOf(stream: ReadableStream<Uint8Array> | undefined): View {
  if (stream === undefined) throw new Error('refused')
  const reader = stream.getReader()
  const readBrief = createReader()
  let isOver = false
  let pending: Promise<{ done: boolean; value?: Uint8Array | undefined }> | undefined
  const next = async (): Promise<string | undefined> => {
    pending ??= reader.read()
    const got = await Promise.race([pending, new Promise<undefined>(resolve => setImmediate(() => resolve(undefined)))])
    if (got === undefined) return undefined
    pending = undefined
    isOver = got.done
    return got.done ? undefined : new TextDecoder().decode(got.value)
  }
  return {
    isOver: () => isOver,
    close: () => reader.cancel(),
    read: async () => {
      let text = ''
      for (let part = await next(); part !== undefined; part = await next()) text += part
      const data = [...text.matchAll(/^event: (.*)\n.*\ndata: (.*)$/gm)].map(([, name, json = '']) =>
        name === 'brief' ? readBrief(JSON.parse(json)) : (JSON.parse(json) as InspectRecord[]),
      )
      return {
        records: data.flat(),
        batches: data.length,
        characters: text.length,
        heartbeats: text.match(/^:/gm)?.length ?? 0,
        place: [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
      }
    },
  }
}

const kinds = (records: readonly InspectRecord[]) => records.map(({ kind }) => kind)
const flip = { type: 'flip' }

describe('a viewer', () => {
  it('gets the head, all charts and all actors at once, then batches of what happens', async () => {
    const { clock, root, open } = start()
    const view = open()
    expect(kinds((await view.read()).records)).toEqual(['head', 'chart', 'actor'])
    root.send(flip)
    root.send(flip)
    expect((await view.read()).records).toEqual([])
    clock.advance(50)
    const { records, batches } = await view.read()
    expect(kinds(records)).toEqual(['event', 'step', 'event', 'step'])
    expect(batches).toBe(1)
    expect(records.map(record => ('q' in record ? record.q : 0))).toEqual([2, 3, 4, 5])
  })

  it('that reads them in brief gets the same records, in a few digits each once it knows the words', async () => {
    const { clock, root, open } = start()
    const views = [open(), open(undefined, true)]
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 10; at += 1) root.send(flip)
      clock.advance(50)
      const [plain, brief] = await Promise.all(views.map(view => view.read()))
      expect(brief?.records).toEqual(plain?.records)
      if (round > 0) expect(brief?.characters).toBeLessThan((plain?.characters ?? 0) / 3)
    }
  })

  it('that comes back gets what it missed, and nothing else', async () => {
    const { clock, root, open } = start()
    const keeper = open()
    const first = open()
    const { place } = await first.read()
    await first.close()
    root.send(flip)
    clock.advance(50)
    const { records } = await open(place).read()
    expect(kinds(records)).toEqual(['event', 'step'])
    expect(kinds((await open('1').read()).records)).toEqual(['event', 'step'])
    await keeper.close()
  })

  it.each([
    ['of another start of the process', '123-1'],
    ['of the future', '99999'],
    ['that is none', 'x'],
  ])('that comes with a place %s gets everything', async (_, place) => {
    const { root, open } = start()
    open()
    root.send(flip)
    expect(kinds((await open(place).read()).records)).toEqual(['head', 'chart', 'actor'])
  })

  it('that comes back after nobody looked is told that it missed something', async () => {
    const { root, open } = start()
    const first = open()
    const { place } = await first.read()
    await first.close()
    root.send(flip)
    const { records } = await open(place).read()
    expect(kinds(records)).toEqual(['lost', 'chart', 'actor'])
    expect(records[2]).toMatchObject({ moment: { value: 'on' } })
  })

  it('that comes too late is told how much it lost, and gets what is there now', async () => {
    const { root, open } = start({ recordsMax: 10 })
    const keeper = open()
    const { place } = await keeper.read()
    for (let at = 0; at < 20; at += 1) root.send(flip)
    const { records } = await open(place).read()
    expect(kinds(records)).toEqual(['lost', 'chart', 'actor'])
    expect(records[0]).toMatchObject({ records: 40 })
    expect(records[2]).toMatchObject({ moment: { value: 'off' }, q: 41 })
  })

  it('that takes no bytes has no queue: once it takes them again it gets what is there now', async () => {
    const { clock, root, open, inspection } = start({ bytesMax: 400_000 })
    const view = open()
    await view.read()
    for (let at = 0; at < 5000; at += 1) {
      root.send({ type: 'flip', text: 'x'.repeat(300) })
      if (at % 100 === 0) clock.advance(50)
    }
    expect(inspection.timeline.bytes).toBeLessThanOrEqual(400_000)
    const before = await view.read()
    expect(JSON.stringify(before.records).length).toBeLessThan(400_000)
    clock.advance(50)
    const after = await view.read()
    expect(kinds(after.records).slice(0, 3)).toEqual(['lost', 'chart', 'actor'])
    expect(after.records[2]).toMatchObject({ moment: { value: 'off' } })
  })

  it('that has not taken a byte for a minute is let go', async () => {
    const { clock, root, open, feed, inspection } = start()
    open()
    for (let at = 0; at < 1200; at += 1) {
      for (let more = 0; more < 3; more += 1) root.send({ type: 'flip', text: 'x'.repeat(300) })
      clock.advance(50)
    }
    expect(feed.viewers).toBe(1)
    for (let at = 0; at < 100; at += 1) clock.advance(50)
    expect(feed.viewers).toBe(0)
    expect(inspection.isAttached).toBe(false)
  })

  it('hears a comment every fifteen seconds when nothing happens', async () => {
    const { clock, open } = start()
    const view = open()
    await view.read()
    clock.advance(31_000)
    expect((await view.read()).heartbeats).toBe(2)
  })
})

describe('looking', () => {
  it('is all that costs: after the last viewer left nothing is attached, kept or set', async () => {
    const { clock, root, open, inspection } = start()
    expect(inspection.isAttached).toBe(false)
    expect(clock.waiting).toBe(0)
    const views = [open(), open()]
    root.send(flip)
    expect(inspection.isAttached).toBe(true)
    await views[0]?.close()
    expect(inspection.isAttached).toBe(true)
    await views[1]?.close()
    expect(inspection.isAttached).toBe(false)
    expect(clock.waiting).toBe(0)
    expect(inspection.timeline.bytes).toBe(0)
    expect(inspection.timeline.actors.size).toBe(0)
  })

  it('is for eight at a time', async () => {
    const { open, feed } = start()
    const views = Array.from({ length: 8 }, () => open())
    expect(feed.open(undefined)).toBeUndefined()
    await views[3]?.close()
    expect(feed.open(undefined)).toBeDefined()
  })

  it('ends for all when the instance stops', async () => {
    const { open, feed, inspection } = start()
    const view = open()
    await view.read()
    feed.stop()
    await view.read()
    expect(view.isOver()).toBe(true)
    expect(inspection.isAttached).toBe(false)
  })
})

describe('the time line', () => {
  it('never holds more records or bytes than it may, whatever is put on it, for as long as it likes', () => {
    const timeline = createTimeline({
      head: { kind: 'head', version: 1, from: 'live', startedAt: 0, title: '' },
      recordsMax: 100,
      bytesMax: 20_000,
      actorsMax: 50,
    })
    for (let at = 0; at < 20_000; at += 1) {
      timeline.push({ kind: 'actor', at, actor: `one/${at}`, moment: { active: [], status: 'active' } })
      timeline.push({ kind: 'event', at, actor: `one/${at}`, event: { type: 'x'.repeat(at % 300) } })
      expect(timeline.bytes).toBeLessThanOrEqual(20_000)
    }
    expect(timeline.actors.size).toBe(50)
    expect(timeline.last).toBe(40_000)
    expect(timeline.after(timeline.last - 10, 1_000_000)?.texts).toHaveLength(10)
    expect(timeline.after(timeline.last - 101, 1_000_000)).toBeUndefined()
    const rest = timeline.after(timeline.last - 30, 300)
    expect(rest?.number).toBeLessThan(timeline.last)
    expect(rest?.texts.map(text => JSON.parse(text).q)).toEqual(
      Array.from({ length: rest?.texts.length ?? 0 }, (_, at) => timeline.last - 29 + at),
    )
  })

  it('keeps one record that is larger than all it may hold', () => {
    const timeline = createTimeline({ head: { kind: 'head', version: 1, from: 'live', startedAt: 0, title: '' }, bytesMax: 100 })
    timeline.push({ kind: 'mark', at: 0, who: 'x', what: 'y'.repeat(1000), isFault: false })
    expect(timeline.after(0, 1)?.texts).toHaveLength(1)
  })
})
