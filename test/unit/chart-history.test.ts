import { describe, expect, it } from 'vitest'
import { relayMachine } from '../../machines/relay.ts'
import { chartOf } from '../../src/inspect/chart.ts'
import { edgeIdOfCoverage } from '../../src/inspect/coverage.ts'
import type { ActorRecord, Head, InspectRecord, Moment, StepRecord } from '../../src/inspect/record.ts'
import { differencesOf } from '../../src/web/machines/record/difference.ts'
import { createSieve, everything } from '../../src/web/machines/record/filter.ts'
import { countsFromCoverage, degreeOf, readCoverage } from '../../src/web/machines/record/heat.ts'
import { createHistory, type History } from '../../src/web/machines/record/history.ts'
import { linesOf, recordsFrom } from '../../src/web/machines/record/lines.ts'
import { sequenceOf } from '../../src/web/machines/record/sequence.ts'
import { livesAt, momentAt } from '../../src/web/machines/record/track.ts'

const chart = chartOf(relayMachine)
const head: Head = { kind: 'head', version: 1, from: 'live', startedAt: 1000, title: 'test' }
const at = (state: string, context: unknown = {}): Moment => ({ active: [`relay.${state}`], value: state, status: 'active', context })
const actor = (path: string, q: number, moment = at('joining')): ActorRecord => ({
  kind: 'actor',
  q,
  at: q,
  actor: path,
  machine: 'relay',
  moment,
})
const step = (path: string, q: number, type: string, edge: string, state: string): StepRecord => ({
  kind: 'step',
  q,
  at: q,
  actor: path,
  event: { type },
  edges: [edge],
  actions: [],
  took: 0.1,
  moment: at(state),
})
const subscribed = (path: string, q: number): StepRecord => step(path, q, 'bus.subscribed', 'relay.joining|bus.subscribed|0', 'catching-up')
const lost = (path: string, q: number): StepRecord => step(path, q, 'bus.lost', 'relay.catching-up|bus.lost|0', 'behind')

const filled = (records: readonly InspectRecord[], max?: number): History => {
  const history = createHistory(max)
  history.add([head, { kind: 'chart', chart }, ...records])
  return history
}
const stateAt = (history: History, path: string, n: number): string | undefined => {
  const track = history.tracks.get(path)
  return track === undefined ? undefined : momentAt(track, n)?.active[0]
}

describe('the history of a session', () => {
  it('knows what each actor was at every moment', () => {
    const history = filled([actor('a/relay', 0), actor('b/relay', 0), subscribed('a/relay', 1), lost('a/relay', 2)])
    expect([0, 1, 2, 3].map(n => stateAt(history, 'a/relay', n))).toEqual([
      'relay.joining',
      'relay.joining',
      'relay.catching-up',
      'relay.behind',
    ])
    expect(stateAt(history, 'b/relay', 3)).toBe('relay.joining')
  })

  it('drops the oldest beyond its bound, and still knows the moment before', () => {
    const many = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? subscribed('a/relay', index + 1) : lost('a/relay', index + 1)))
    const history = filled([actor('a/relay', 0), ...many], 10)
    for (let q = 41; q <= 100; q += 1) history.add([q % 2 === 0 ? lost('a/relay', q) : subscribed('a/relay', q)])
    expect(history.next - history.first).toBeLessThanOrEqual(20)
    expect(history.first).toBeGreaterThan(70)
    expect(history.at(history.first - 1)).toBeUndefined()
    expect(stateAt(history, 'a/relay', history.first)).toMatch(/relay\.(behind|catching-up)/)
    expect(history.tracks.get('a/relay')?.moments.length).toBeLessThanOrEqual(22)
  })

  it('lets go of an actor that went before the oldest record', () => {
    const history = filled(
      [actor('a/relay', 0), actor('a/relay/x', 1), { kind: 'gone', q: 2, at: 2, actor: 'a/relay/x', status: 'done' }],
      10,
    )
    const n = history.next - 1
    const track = history.tracks.get('a/relay/x')
    expect(track !== undefined && livesAt(track, n)).toBe(false)
    expect(track !== undefined && livesAt(track, n - 1)).toBe(true)
    for (let q = 3; q < 60; q += 1) history.add([lost('a/relay', q)])
    expect(history.tracks.has('a/relay/x')).toBe(false)
    expect(history.tracks.has('a/relay')).toBe(true)
  })

  it('after a loss, whoever is not named again is gone, and nothing is counted twice', () => {
    const history = filled([actor('a/relay', 0), actor('b/relay', 0), subscribed('a/relay', 1)])
    history.add([{ kind: 'lost', q: 9, at: 9, records: 8 }, actor('a/relay', 9, at('current')), lost('a/relay', 10)])
    const living = [...history.tracks.values()].filter(track => livesAt(track, history.next - 1)).map(({ path }) => path)
    expect(living).toEqual(['a/relay'])
    const { next } = history
    history.add([lost('a/relay', 10), lost('a/relay', 4)])
    expect(history.next).toBe(next)
  })

  it('goes on when the server began anew, on one line of time', () => {
    const history = filled([actor('a/relay', 0), subscribed('a/relay', 1)])
    history.add([{ ...head, startedAt: 6000 }, actor('a/relay', 0), subscribed('a/relay', 1)])
    expect(history.at(history.next - 1)?.at).toBe(5001)
    expect(history.tracks.get('a/relay')?.lives.length).toBe(1)
  })

  it('is saved and opened again as the same', () => {
    const history = filled(
      [actor('a/relay', 0), ...Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? subscribed('a/relay', n + 1) : lost('a/relay', n + 1)))],
      10,
    )
    for (let q = 51; q < 80; q += 1) history.add([lost('a/relay', q)])
    const again = createHistory()
    again.add(recordsFrom(linesOf(history)))
    expect(linesOf(again)).toBe(linesOf(history))
    expect(stateAt(again, 'a/relay', again.next - 1)).toBe(stateAt(history, 'a/relay', history.next - 1))
    expect(again.charts.get('relay')).toEqual(chart)
  })
})

describe('a file', () => {
  it('that is no recording says so with the line', () => {
    expect(() => recordsFrom('{"kind":"head"}\nnonsense')).toThrow('Line 2 is no record of a session.')
    expect(() => recordsFrom('{"kind":"chart"}')).toThrow(/no recording/)
    expect(() => recordsFrom('')).toThrow(/no recording/)
  })

  it('of coverage is told from others, and colours the edges it names', () => {
    expect(readCoverage('{"a":1}')).toBeUndefined()
    expect(readCoverage('[]')).toBeUndefined()
    expect(readCoverage('{"kind":"head"}\n{}')).toBeUndefined()
    const file = readCoverage(
      JSON.stringify({ relay: { states: { joining: 3 }, edges: { 'joining|bus.subscribed||catching-up': 2, 'no|such||edge': 5 } } }),
    )
    const counts = countsFromCoverage(chart, file ?? {}, edgeIdOfCoverage)
    expect(counts.states.get('relay.joining')).toBe(3)
    expect([...counts.edges]).toEqual([['relay.joining|bus.subscribed|0', 2]])
  })
})

it('the heat counts edges taken and states entered', () => {
  const history = filled([actor('a/relay', 0), subscribed('a/relay', 1), lost('a/relay', 2), lost('a/relay', 3)])
  const counts = history.heat.counts.get('relay')
  expect(counts?.edges.get('relay.catching-up|bus.lost|0')).toBe(2)
  expect(counts?.states.get('relay.behind')).toBe(1)
  expect([0, 1, 10, 1000].map(times => degreeOf(times, 1000))).toEqual([0, 1, 2, 5])
})

describe('the log', () => {
  const history = filled([
    actor('a/relay', 0),
    actor('b/relay', 0),
    subscribed('a/relay', 1),
    lost('b/relay', 2),
    { kind: 'event', q: 3, at: 3, actor: 'a/relay', event: { type: 'bus.lost', cause: 'Ärger' } },
    { kind: 'mark', q: 4, at: 4, who: 'store', what: 'down', isFault: true },
  ])
  const qs = (filter: Partial<typeof everything>): number[] =>
    createSieve(history, { ...everything, ...filter })
      .serials()
      .map(n => history.at(n)?.q ?? -1)

  it('shows transitions and marks, and messages on wish', () => {
    expect(qs({})).toEqual([0, 0, 1, 2, 4])
    expect(qs({ hasMessages: true })).toEqual([0, 0, 1, 2, 3, 4])
  })

  it.each([
    ['actor', { actor: 'a/relay' }, [0, 1, 4]],
    ['machine', { machine: 'connection' }, [4]],
    ['type', { type: 'lost' }, [2, 4]],
    ['text', { text: 'ärger', hasMessages: true }, [3]],
    ['what is not muted', { muted: new Set(['bus.lost']) }, [0, 0, 1, 4]],
  ])('is narrowed by %s', (_, filter, expected) => expect(qs(filter)).toEqual(expected))

  it('looks at new records only once, and forgets those that were dropped', () => {
    const small = filled([actor('a/relay', 0)], 10)
    const sieve = createSieve(small, everything)
    expect(sieve.serials().length).toBe(1)
    for (let q = 1; q < 60; q += 1) small.add([lost('a/relay', q)])
    const serials = sieve.serials()
    expect(serials[0]).toBe(small.first)
    expect(serials.length).toBe(small.next - small.first)
  })
})

it('a sequence has a lane for whoever took part, and arrows in their order', () => {
  const history = filled([
    actor('a/relay', 0),
    { kind: 'event', q: 1, at: 1, actor: 'a/relay', event: { type: 'bus.subscribed' }, source: 'a/relay/following' },
    { kind: 'event', q: 2, at: 2, actor: 'a/gateway', event: { type: 'relay.current' }, source: 'a/relay' },
    { kind: 'event', q: 3, at: 3, actor: 'a/gateway', event: { type: 'doors.open' } },
  ])
  const whole = sequenceOf(history, history.next - 1, '', new Set())
  expect(whole.lanes).toEqual(['a/relay', 'a/relay/following', 'a/gateway'])
  expect(whole.messages.map(({ type }) => type)).toEqual(['bus.subscribed', 'relay.current', 'doors.open'])
  expect(sequenceOf(history, history.next - 1, 'a/relay', new Set(['relay.current'])).messages.map(({ type }) => type)).toEqual([
    'bus.subscribed',
  ])
  expect(sequenceOf(history, 1, '', new Set()).messages.length).toBe(1)
})

it('a difference names each place that changed', () => {
  expect(differencesOf({ a: 1, b: { c: [1, 2] }, d: 0 }, { a: 1, b: { c: [1, 3, 4] }, e: 5 })).toEqual([
    { path: 'b.c[1]', kind: 'changed', before: 2, after: 3 },
    { path: 'b.c[2]', kind: 'added', after: 4 },
    { path: 'd', kind: 'removed', before: 0 },
    { path: 'e', kind: 'added', after: 5 },
  ])
  expect(differencesOf(undefined, { a: 1 })).toEqual([{ path: '', kind: 'added', after: { a: 1 } }])
})
