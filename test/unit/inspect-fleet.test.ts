import { describe, expect, it } from 'vitest'
import { type AnyActorRef, createActor, createMachine } from 'xstate'
import { createMemoryTelling } from '../../src/bus/memory-telling.ts'
import { createEmbeddedStore } from '../../src/embedded.ts'
import type { Telling } from '../../src/inspect/fleet.ts'
import { createInspection, type Inspection } from '../../src/inspect/inspection.ts'
import type { InspectRecord } from '../../src/inspect/record.ts'
import { names } from '../../src/names.ts'
import { fakeClock } from '../support/fake-clock.ts'

const toggle = createMachine({ id: 'toggle', initial: 'off', states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off' } } } })

interface Member {
  readonly name: string
  readonly root: AnyActorRef
  readonly inspection: Inspection
  /** What stands on its time line after this number. */
  seen(after?: number): InspectRecord[]
}

/** Instances that hear each other in one process; what is said can be lost, and is counted. */
function startFleet(...who: string[]) {
  const clock = fakeClock()
  const bus = { losing: false, said: [] as { to: string; length: number; text: string }[], calls: 0 }
  const members = new Map<string, Member>()
  const heard = new Map<string, (text: string) => void>()
  const telling = (): Telling => ({
    call: text => {
      bus.calls += 1
      for (const { inspection } of members.values()) inspection.called(text)
    },
    say: (to, text) => {
      bus.said.push({ to, length: text.length, text })
      if (!bus.losing) heard.get(to)?.(text)
    },
    hear: (to, listen) => {
      heard.set(to, listen)
      return () => void heard.delete(to)
    },
  })
  for (const name of who) {
    // So that the instances count their time from different moments.
    clock.advance(1000)
    const root = createActor(toggle).start()
    const inspection = createInspection({ clock, instance: name, title: name, roots: [{ name: 'main', actor: root }], telling: telling() })
    const seen = (after = 0) => (inspection.timeline.after(after, 1e9)?.texts ?? []).map((text): InspectRecord => JSON.parse(text))
    members.set(name, { name, root, inspection, seen })
  }
  const member = (name: string): Member => members.get(name) as Member
  return { clock, bus, member, heard }
}

const actorsOf = ({ inspection }: Member) => [...inspection.timeline.actors.keys()].sort()
const flip = { type: 'flip' }

describe('instances of one fleet', () => {
  it('record themselves while somebody looks at one of them, and for three seconds more', () => {
    const { clock, member, bus } = startFleet('one', 'two', 'three')
    const [one, two, three] = [member('one'), member('two'), member('three')]
    expect([one, two, three].map(({ inspection }) => inspection.isAttached)).toEqual([false, false, false])
    const stop = one.inspection.look()
    clock.advance(200)
    expect([one, two, three].map(({ inspection }) => inspection.isAttached)).toEqual([true, true, true])
    expect(actorsOf(one)).toEqual(['one/main', 'three/main', 'two/main'])
    clock.advance(10_000)
    expect(two.inspection.isAttached).toBe(true)
    expect(actorsOf(one)).toHaveLength(3)
    stop()
    expect(one.inspection.isAttached).toBe(false)
    const { calls } = bus
    clock.advance(2000)
    expect(two.inspection.isAttached).toBe(true)
    clock.advance(2000)
    expect([one, two, three].map(({ inspection }) => inspection.isAttached)).toEqual([false, false, false])
    expect(bus.calls).toBe(calls)
    expect(clock.waiting).toBe(0)
  })

  it('are shown on one line of time, each under its own name', () => {
    const { clock, member } = startFleet('one', 'two')
    const [one, two] = [member('one'), member('two')]
    one.inspection.look()
    clock.advance(5000)
    two.root.send(flip)
    one.root.send(flip)
    const before = one.inspection.timeline.last
    clock.advance(100)
    const steps = [...one.seen(), ...one.seen(before)].filter(record => record.kind === 'step')
    const at = new Map(steps.map(step => [step.actor, step.at]))
    expect([...at.keys()].sort()).toEqual(['one/main', 'two/main'])
    expect(at.get('two/main')).toBe(at.get('one/main'))
    expect(steps.find(({ actor }) => actor === 'two/main')).toMatchObject({ edges: ['toggle.off|flip|0'], moment: { value: 'on' } })
  })

  it('do not tell on what they were told', () => {
    const { clock, member, bus } = startFleet('one', 'two', 'three')
    member('one').inspection.look()
    clock.advance(2000)
    member('two').inspection.look()
    clock.advance(2000)
    for (const { text } of bus.said) {
      const actors = [...text.matchAll(/"actor":"(\w+)/g)].map(([, name]) => name)
      expect(actors.filter(name => name !== JSON.parse(text).from)).toEqual([])
    }
    expect(actorsOf(member('one'))).toEqual(['one/main', 'three/main', 'two/main'])
    bus.said.length = 0
    member('three').root.send(flip)
    clock.advance(100)
    expect(
      member('one')
        .seen()
        .filter(record => record.kind === 'step'),
    ).toHaveLength(1)
    expect(bus.said.filter(({ length }) => length > 200).map(({ to }) => to)).toEqual(['one', 'two'])
  })

  it('begin anew where something was lost on the way', () => {
    const { clock, member, bus } = startFleet('one', 'two')
    const [one, two] = [member('one'), member('two')]
    one.inspection.look()
    clock.advance(1500)
    bus.losing = true
    two.root.send(flip)
    clock.advance(200)
    bus.losing = false
    expect(one.inspection.timeline.actors.get('two/main')?.moment.value).toBe('off')
    clock.advance(2500)
    expect(one.inspection.timeline.actors.get('two/main')?.moment.value).toBe('on')
  })

  it('are gone from the page when nothing is heard of them for three seconds', () => {
    const { clock, member, bus } = startFleet('one', 'two')
    const one = member('one')
    one.inspection.look()
    clock.advance(1000)
    bus.losing = true
    clock.advance(5000)
    expect(actorsOf(one)).toEqual(['one/main'])
    expect(one.seen().at(-1)).toMatchObject({ kind: 'gone', actor: 'two/main', error: 'nothing heard of two for 3 s' })
    bus.losing = false
    clock.advance(2500)
    expect(actorsOf(one)).toEqual(['one/main', 'two/main'])
  })

  it('say no more than so many bytes a second, and then what is there instead of what happened', () => {
    const { clock, member, bus } = startFleet('one', 'two')
    const [one, two] = [member('one'), member('two')]
    one.inspection.look()
    clock.advance(1000)
    bus.said.length = 0
    const seconds = 10
    for (let at = 0; at < seconds * 20; at += 1) {
      for (let more = 0; more < 40; more += 1) two.root.send({ type: 'flip', text: 'x'.repeat(300) })
      clock.advance(50)
    }
    const bytes = bus.said.reduce((sum, { length }) => sum + length, 0)
    expect(bytes).toBeLessThan(256 * 1024 * seconds + 1_000_000)
    expect(bytes).toBeGreaterThan(1_000_000)
    clock.advance(5000)
    expect(one.inspection.timeline.actors.get('two/main')?.moment.value).toBe('off')
    expect(two.inspection.timeline.bytes).toBeLessThanOrEqual(8_000_000)
  })

  it('take nothing from others but what these may say', () => {
    const { clock, member, heard } = startFleet('one', 'two')
    const one = member('one')
    one.inspection.look()
    clock.advance(1000)
    const { last } = one.inspection.timeline
    const told = (from: string, records: unknown[], more: object = {}) =>
      heard.get('one')?.(JSON.stringify({ from, n: 1, startedAt: 1, all: true, records, ...more }))
    const gone = { kind: 'gone', at: 1, q: 1, actor: 'one/main', status: 'stopped' }
    told('five', [gone, { ...gone, actor: 'two/main' }, { kind: 'head' }, null, 7, { kind: 'step', actor: 3 }])
    told('one', [gone])
    for (const text of ['', '{', 'null', '[]', '{"from":1}', JSON.stringify({ from: 'x', n: 'a' })]) heard.get('one')?.(text)
    expect(one.inspection.timeline.last).toBe(last)
    for (const text of ['', 'null', '{"from":5}', '[]', '{"from":"one"}']) expect(() => one.inspection.called(text)).not.toThrow()
  })
})

describe('telling in one process', () => {
  it('hears what is said to its name, also after the store was away', () => {
    const clock = fakeClock()
    const store = createEmbeddedStore(clock)
    const telling = createMemoryTelling({ clock, store, names: names() })
    const heard: string[] = []
    const settle = async (ms: number): Promise<void> => {
      for (let at = 0; at < ms; at += 10) {
        clock.advance(10)
        for (let turn = 0; turn < 10; turn += 1) await null
      }
    }
    const run = async (): Promise<void> => {
      const stop = telling.hear('one', text => heard.push(text))
      await settle(50)
      telling.say('one', 'a')
      telling.say('two', 'not for one')
      await settle(50)
      expect(heard).toEqual(['a'])
      store.reachable = false
      await settle(3000)
      store.reachable = true
      await settle(1500)
      telling.say('one', 'b')
      await settle(50)
      expect(heard).toEqual(['a', 'b'])
      stop()
      telling.say('one', 'c')
      await settle(50)
      expect(heard).toEqual(['a', 'b'])
      await settle(2000)
      expect(clock.waiting).toBe(0)
    }
    return run()
  })
})
