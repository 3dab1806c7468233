import { describe, expect, it } from 'vitest'
import { type AnyActorRef, assign, createActor, fromCallback, fromPromise, sendParent, sendTo, setup, spawnChild, stopChild } from 'xstate'
import type { GoneRecord, StepRecord, Unnumbered } from '../../src/inspect/record.ts'
import { createRecorder } from '../../src/inspect/recorder.ts'
import { createRing } from '../../src/inspect/ring.ts'
import { recordOf } from '../../src/inspect/text.ts'
import { until } from '../support/until.ts'

const childMachine = setup({
  types: { events: {} as { type: 'child.hit' | 'child.die' | 'child.end' }, context: {} as { hits: number; token: string } },
  actions: {
    die: () => {
      throw new Error('of its own exception')
    },
    note: () => {},
  },
}).createMachine({
  id: 'child',
  context: { hits: 0, token: 'abc' },
  initial: 'calm',
  states: {
    calm: {
      on: {
        'child.hit': { actions: [assign({ hits: ({ context }) => context.hits + 1 }), 'note', sendParent({ type: 'parent.told' })] },
        'child.die': { actions: 'die' },
        'child.end': 'over',
      },
    },
    over: { type: 'final' },
  },
})

const parentMachine = setup({
  types: { events: {} as { type: string } },
  actors: { child: childMachine, line: fromCallback(() => {}), answer: fromPromise(async () => 42) },
}).createMachine({
  id: 'parent',
  invoke: { id: 'kid', src: 'child' },
  initial: 'open',
  states: { open: { on: { 'parent.shut': 'shut' } }, shut: { on: { 'parent.shut': 'open' } } },
  on: {
    'parent.told': {},
    'parent.hit': { actions: sendTo('kid', { type: 'child.hit' }) },
    'parent.spawn': { actions: [stopChild('a/b'), spawnChild('line', { id: 'a/b' }), spawnChild('answer'), spawnChild('answer')] },
    'parent.kill': { actions: sendTo('kid', { type: 'child.die' }) },
    'parent.end': { actions: sendTo('kid', { type: 'child.end' }) },
    'xstate.error.actor.*': {},
    'xstate.done.actor.*': {},
  },
})

function start({ isAttachedFirst = false, root = createActor(parentMachine, { id: 'p' }) as AnyActorRef } = {}) {
  const records: Unnumbered[] = []
  let time = 0
  const recorder = createRecorder({
    instance: 'one',
    roots: [{ name: 'main', actor: root }],
    now: () => time++,
    tell: record => records.push(record),
    note: line => records.push(recordOf(line)),
  })
  if (isAttachedFirst) recorder.attach()
  root.start()
  recorder.attach()
  const of = <K extends Unnumbered['kind']>(kind: K) =>
    records.filter((record): record is Extract<Unnumbered, { kind: K }> => record.kind === kind)
  return { root, recorder, records, of, actors: () => of('actor').map(({ actor }) => actor) }
}

const short = ({ actor, edges, actions, event }: Pick<StepRecord, 'actor' | 'edges' | 'actions' | 'event'>) => [
  actor,
  event.type,
  edges,
  actions,
]

describe('a recorder', () => {
  it.each([true, false])('tells who is there, charts first, attached before the start: %s', isAttachedFirst => {
    const { records, of, actors } = start({ isAttachedFirst })
    expect(actors()).toEqual(['one/main', 'one/main/kid'])
    expect(records[0]).toMatchObject({ kind: 'chart', chart: { machine: 'parent' } })
    expect(records.findIndex(({ kind }) => kind === 'actor')).toBeGreaterThan(0)
    expect(of('actor')[1]).toMatchObject({
      machine: 'child',
      src: 'child',
      parent: 'one/main',
      moment: { active: ['child.calm'], value: 'calm', status: 'active', context: { hits: 0, token: '(hidden)' } },
    })
  })

  it('makes one step of a macrostep, with who sent the event, the edges, the actions and what it led to', () => {
    const { root, of } = start()
    root.send({ type: 'parent.hit' })
    expect(of('step').map(short)).toHaveLength(3)
    expect(of('step').map(short)).toEqual(
      expect.arrayContaining([
        ['one/main', 'parent.hit', ['parent|parent.hit|0'], []],
        ['one/main/kid', 'child.hit', ['child.calm|child.hit|0'], ['note']],
        ['one/main', 'parent.told', ['parent|parent.told|0'], []],
      ]),
    )
    expect(of('step').find(({ actor }) => actor === 'one/main/kid')).toMatchObject({ source: 'one/main', moment: { context: { hits: 1 } } })
    for (const { took } of of('step')) expect(took).toBeGreaterThan(0)
    expect(of('event').map(({ actor, source, event }) => [source, actor, event.type])).toEqual([
      [undefined, 'one/main', 'parent.hit'],
      ['one/main', 'one/main/kid', 'child.hit'],
      ['one/main/kid', 'one/main', 'parent.told'],
    ])
  })

  it('tells an ignored event as a step that took no edge', () => {
    const { root, of } = start()
    root.send({ type: 'nobody.knows' })
    expect(of('step').map(short)).toEqual([['one/main', 'nobody.knows', [], []]])
  })

  it('gives actors without a name of their own a stable one, and says when promises are done', async () => {
    const { root, actors, of } = start()
    root.send({ type: 'parent.spawn' })
    expect(actors().slice(2)).toEqual(['one/main/a%2Fb', 'one/main/answer~1', 'one/main/answer~2'])
    await until('both answers are there', () => of('gone').length === 2)
    expect(of('gone').map(({ actor, status }) => [actor, status])).toEqual([
      ['one/main/answer~1', 'done'],
      ['one/main/answer~2', 'done'],
    ])
    root.send({ type: 'parent.spawn' })
    expect(of('gone')[2]).toMatchObject({ actor: 'one/main/a%2Fb', status: 'stopped' })
    expect(actors().filter(path => path.endsWith('a%2Fb'))).toHaveLength(2)
  })

  it('says that an actor died of its own exception, which XState tells its parent only', () => {
    const { root, of } = start()
    root.send({ type: 'parent.kill' })
    expect(of('gone')).toEqual([expect.objectContaining({ actor: 'one/main/kid', status: 'error', error: 'of its own exception' })])
    expect(of('actor')).toHaveLength(2)
    root.send({ type: 'parent.hit' })
    expect(of('gone')).toHaveLength(1)
  })

  it('speaks no more of an actor that died of its child, though XState does', () => {
    const middle = setup({ types: { events: {} as { type: string } }, actors: { child: childMachine } }).createMachine({
      id: 'middle',
      invoke: { id: 'kid', src: 'child' },
      on: { 'middle.kill': { actions: sendTo('kid', { type: 'child.die' }) } },
    })
    const top = setup({ types: { events: {} as { type: string } }, actors: { middle } }).createMachine({
      id: 'top',
      invoke: { id: 'mid', src: 'middle' },
      on: { 'top.kill': { actions: sendTo('mid', { type: 'middle.kill' }) }, 'xstate.error.actor.*': {} },
    })
    const { root, of, records } = start({ root: createActor(top) })
    root.send({ type: 'top.kill' })
    expect(of('gone').map(({ actor, status }) => [actor, status])).toEqual([
      ['one/main/mid/kid', 'error'],
      ['one/main/mid', 'error'],
    ])
    expect(of('actor')).toHaveLength(3)
    const over = records.findIndex(record => record.kind === 'gone' && record.actor === 'one/main/mid')
    expect(records.slice(over + 1).filter(record => 'actor' in record && record.actor === 'one/main/mid')).toEqual([])
    expect(root.getSnapshot().status).toBe('active')
  })

  it('says that a root died of its own exception, which XState tells nobody', () => {
    const errors: unknown[] = []
    const root = createActor(childMachine)
    root.subscribe({ error: error => void errors.push(error) })
    const { recorder, of } = start({ root })
    root.send({ type: 'child.die' })
    expect(of('gone')).toEqual([])
    recorder.look()
    recorder.look()
    expect(of('gone')).toEqual([expect.objectContaining({ actor: 'one/main', status: 'error', error: 'of its own exception' })])
    expect(errors).toHaveLength(1)
  })

  it('says what is done, and what is stopped with its root', () => {
    const { root, of } = start()
    root.send({ type: 'parent.end' })
    expect(of('gone').map(({ actor, status }: Omit<GoneRecord, 'q'>) => [actor, status])).toEqual([['one/main/kid', 'done']])
    root.send({ type: 'parent.spawn' })
    root.stop()
    expect(of('gone').map(({ actor }) => actor)).toEqual(expect.arrayContaining(['one/main', 'one/main/a%2Fb']))
  })

  it('hears nothing once detached, and finds everybody again', () => {
    const { root, recorder, records, actors } = start()
    recorder.detach()
    const { length } = records
    root.send({ type: 'parent.spawn' })
    expect(records).toHaveLength(length)
    recorder.attach()
    expect(actors().slice(2)).toEqual(expect.arrayContaining(['one/main', 'one/main/kid', 'one/main/a%2Fb']))
    expect(recorder.find('one/main/kid')?.id).toBe('kid')
  })

  it('writes its records as JSON that says the same', () => {
    const root = createActor(parentMachine).start()
    const ring = createRing(0, 1000, 1_000_000)
    const told: object[] = []
    let time = 0
    const recorder = createRecorder({
      instance: 'o"ne',
      roots: [{ name: 'main', actor: root }],
      now: () => (time += 0.1),
      tell: () => {},
      note: line => {
        told.push(recordOf(line))
        ring.add(line, '')
      },
    })
    recorder.attach()
    root.send({ type: 'parent.shut' })
    root.send({ type: 'parent.hit' })
    root.send({ type: 'parent.hit' })
    const full = { type: 'quo"ted redis://me:word@host', token: 'abc', nested: { list: [1, '"'], none: undefined } }
    root.send(full)
    root.send({ type: 'redis://me:word@host' })
    root.send({ type: 'parent.end' })
    expect(told.length).toBeGreaterThan(15)
    const texts = told.map((_, at) => ring.read(at + 1))
    expect(texts.map(text => JSON.parse(text))).toEqual(told.map((record, at) => ({ ...JSON.parse(JSON.stringify(record)), q: at + 1 })))
    expect(texts.filter(text => text.includes('"hits":2'))).toHaveLength(2)
    expect(texts.join()).not.toMatch(/word|abc/)
  })

  it('shows an event as it was when it arrived, and a context as it was when the step was over, whatever is changed in them later', () => {
    const keeping = setup({ types: { events: {} as { type: 'keep'; list: number[] }, context: {} as { kept: number[] } } }).createMachine({
      id: 'keeping',
      context: { kept: [] },
      on: { keep: { actions: assign({ kept: ({ event }) => event.list }) } },
    })
    const root = createActor(keeping).start()
    const ring = createRing(0, 10, 10_000)
    const noted = { instance: 'one', roots: [{ name: 'main', actor: root }], now: () => 0, tell: () => {} }
    createRecorder({ ...noted, note: line => ring.add(line, '') }).attach()
    const list = [1, 2]
    root.send({ type: 'keep', list })
    list.push(3)
    expect(JSON.parse(ring.read(1)).event).toEqual({ type: 'keep', list: [1, 2] })
    expect(JSON.parse(ring.read(2))).toMatchObject({ event: { list: [1, 2] }, moment: { context: { kept: [1, 2] } } })
  })

  it('kills no actor by what goes wrong in itself', () => {
    const root = createActor(parentMachine).start()
    const recorder = createRecorder({
      instance: 'one',
      roots: [{ name: 'main', actor: root }],
      now: () => 0,
      tell: () => {},
      note: () => {
        throw new Error('full')
      },
    })
    recorder.attach()
    root.send({ type: 'parent.hit' })
    expect(root.getSnapshot().status).toBe('active')
    expect(recorder.faults.count).toBeGreaterThan(0)
    expect(recorder.faults.last).toBe('full')
  })

  it('shows the contexts of those that changed only', () => {
    const many = setup({
      actors: { child: childMachine },
      types: { events: {} as { type: 'more' | 'hit' | 'parent.told' } },
    }).createMachine({
      id: 'many',
      on: {
        more: { actions: spawnChild('child', { id: () => `k${count++}` }) },
        'parent.told': {},
        hit: { actions: sendTo('k7', { type: 'child.hit' }) },
      },
    })
    let count = 0
    const root = createActor(many)
    const { records, of } = start({ root })
    for (let at = 0; at < 200; at += 1) root.send({ type: 'more' })
    records.length = 0
    root.send({ type: 'hit' })
    expect(
      of('step')
        .map(({ actor }) => actor)
        .sort(),
    ).toEqual(['one/main', 'one/main', 'one/main/k7'])
    expect(records).toHaveLength(6)
  })
})
