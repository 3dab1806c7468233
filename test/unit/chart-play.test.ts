import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AnyMachineSnapshot, type AnyStateMachine, createActor, fromCallback, initialTransition, setup, transition } from 'xstate'
import { type ConnectionEvent, connectionMachine, type Link } from '../../machines/connection.ts'
import { gatewayMachine } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { activeOf, chartOf } from '../../src/inspect/chart.ts'
import type { ChartEdge, Moment } from '../../src/inspect/record.ts'
import { edgesFrom, eventTypeOf, eventWords, hears } from '../../src/web/machines/chart/edges.ts'
import { ownInput, ownMachines } from '../../src/web/machines/play/own.ts'
import { exampleFor, textFrom, valueFrom } from '../../src/web/machines/play/payload.ts'
import { type PlayEvent, playChart } from '../../src/web/machines/play/play.ts'
import { playMachine } from '../../src/web/machines/play/play-machine.ts'
import { walk } from '../../src/web/machines/play/walk.ts'
import { createHistory } from '../../src/web/machines/record/history.ts'

const none = new Map<string, boolean>()
const plain = (edge: ChartEdge): PlayEvent => ({ type: eventTypeOf(edge) })
const verdicts = (found: readonly { edge: ChartEdge; verdict: string }[]): Record<string, string> =>
  Object.fromEntries(found.map(({ edge, verdict }) => [edge.id, verdict]))

describe('a sandbox of one of our machines', () => {
  const play = playMachine(connectionMachine, chartOf(connectionMachine), ownInput)
  const connecting: Moment = {
    active: ['connection.connecting'],
    value: 'connecting',
    status: 'active',
    context: { link: 'a', attempt: 0, waitMs: 0, cause: '' },
  }

  it('asks the guards that the context decides', () => {
    const said = (link: string): Record<string, string> =>
      verdicts(play.possibilities(connecting, none, edge => ({ type: eventTypeOf(edge), link, cause: 'x', waitMs: 1 })))
    expect(said('a')['connection.connecting|socket.opened|0']).toBe('open')
    expect(said('b')['connection.connecting|socket.opened|0']).toBe('closed')
    expect(said('b')['connection.connecting|connection.stop|0']).toBe('open')
  })

  it('moves, changes the context, and sends nothing to anybody', () => {
    const opened = play.send(connecting, { type: 'socket.opened', link: 'a' }, none)
    expect(opened.edges).toEqual(['connection.connecting|socket.opened|0'])
    expect(opened.moment.active).toEqual(['connection.connected.settled.streaming'])
    const closed = play.send(opened.moment, { type: 'socket.closed', link: 'a', cause: 'by hand' }, none)
    expect(closed.moment.context).toMatchObject({ cause: 'by hand', attempt: 1 })
    const again = play.send(closed.moment, { type: 'xstate.after.backoffMs.connection.reconnecting' }, none)
    expect(again.moment.active).toEqual(['connection.connecting'])
    expect(play.send(connecting, { type: 'unheard.of' }, none).edges).toEqual([])
  })

  it('lets a port be answered by hand', () => {
    const leadership = playMachine(leadershipMachine, chartOf(leadershipMachine), ownInput)
    const context = { eligible: true, onLoss: 'solo', epoch: 0, validUntil: 0, remainingMs: 0, wasReleased: false, misses: 0, cause: '' }
    const campaigning: Moment = {
      active: ['leadership.follower.campaigning'],
      value: { follower: 'campaigning' },
      status: 'active',
      context,
    }
    const granted = 'leadership.follower.campaigning|lease.granted|0'
    const example = (edge: ChartEdge): PlayEvent => ({ type: eventTypeOf(edge), epoch: 7, validUntil: 1 })
    const unanswered = leadership.possibilities(campaigning, none, example)
    expect(unanswered.find(({ edge }) => edge.id === granted)).toMatchObject({ verdict: 'closed', isAsked: true })
    const yes = new Map([['isStillGood', true]])
    expect(verdicts(leadership.possibilities(campaigning, yes, example))[granted]).toBe('open')
    const event = { type: 'lease.granted', epoch: 7, validUntil: 1 }
    expect(leadership.send(campaigning, event, yes).moment.active).toEqual(['leadership.leader.holding'])
    expect(leadership.send(campaigning, event, none).moment.active).toEqual(['leadership.follower.watching'])
  })

  it.each(Object.entries(ownMachines))('%s begins where it begins', (_, machine) => {
    const begun = playMachine(machine, chartOf(machine), ownInput).start()
    expect(begun.active).toEqual(playChart(chartOf(machine)).start().active)
    expect(begun.active.length).toBeGreaterThan(0)
  })
})

const said = { mayGoOn: false, isTwo: false }

/** One of everything, without context, so that the chart alone must lead where XState leads. */
const foreign = setup({ guards: { mayGoOn: () => said.mayGoOn, isTwo: () => said.isTwo } }).createMachine({
  id: 'foreign',
  type: 'parallel',
  states: {
    left: {
      initial: 'a',
      states: {
        a: { on: { go: 'b', deep: 'c.y', out: '#foreign.left' } },
        b: { always: { target: 'c', guard: 'mayGoOn' }, on: { go: 'a', again: { target: 'b', reenter: true } } },
        c: {
          initial: 'x',
          states: { x: { on: { next: 'y' } }, y: { on: { next: 'end' } }, end: { type: 'final' } },
          onDone: 'a',
          on: { go: '.y' },
        },
      },
      on: { reset: { target: '.a' } },
    },
    right: {
      initial: 'one',
      states: {
        one: { on: { go: [{ target: 'two', guard: 'isTwo' }, { target: 'three' }] } },
        two: { on: { go: 'one' } },
        three: { on: { '*': 'one' } },
      },
    },
  },
  on: { all: { target: ['.left.c.y', '.right.two'] }, nothing: {} },
})

describe('a chart of which there is no code', () => {
  const events = ['go', 'deep', 'out', 'next', 'again', 'reset', 'all', 'nothing', 'unknown']

  it('leads where XState leads, for any events and any answers', () => {
    const chart = chartOf(foreign)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...events), fc.boolean(), fc.boolean()), { maxLength: 30 }), steps => {
        let active = playChart(chart).start().active
        let [snapshot] = initialTransition(foreign)
        for (const [type, mayGoOn, isTwo] of steps) {
          Object.assign(said, { mayGoOn, isTwo })
          const [next] = transition(foreign, snapshot, { type })
          snapshot = next
          const answers = new Map([
            ['mayGoOn', mayGoOn],
            ['isTwo', isTwo],
          ])
          active = walk(chart, active, type, answers).active
          expect(active, type).toEqual(activeOf(snapshot as unknown as AnyMachineSnapshot))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('says what is possible, by the answers given', () => {
    const play = playChart(chartOf(foreign))
    const two = 'foreign.right.one|go|0'
    const three = 'foreign.right.one|go|1'
    expect(verdicts(play.possibilities(play.start(), none, plain))).toMatchObject({ [two]: 'closed', [three]: 'open' })
    const yes = new Map([['isTwo', true]])
    expect(verdicts(play.possibilities(play.start(), yes, plain))).toMatchObject({ [two]: 'open', [three]: 'covered' })
  })
})

it('edges are asked from the innermost state outward, as XState asks them', () => {
  const sources = edgesFrom(chartOf(foreign), ['foreign.left.c.x', 'foreign.right.one']).map(({ source }) => source)
  expect([...new Set(sources)]).toEqual(['foreign.left.c.x', 'foreign.left.c', 'foreign.right.one', 'foreign.left', 'foreign'])
})

it('a wildcard hears what begins like it', () => {
  expect(hears('lease.*', 'lease.held')).toBe(true)
  expect(hears('lease.*', 'leaseholder')).toBe(false)
  expect(hears('*', 'anything')).toBe(true)
  expect(hears('go', 'gone')).toBe(false)
})

it('an event is proposed with the fields it had last', () => {
  const history = createHistory()
  history.add([{ kind: 'event', q: 1, at: 0, actor: 'a', event: { type: 'lease.granted', epoch: 99 } }])
  const edge = (id: string): ChartEdge => ({ id, source: 's', targets: [], kind: 'event', label: '', actions: [], reenter: false })
  expect(exampleFor(edge('s|lease.granted|0'), history)).toEqual({ type: 'lease.granted', epoch: 99, validUntil: 1_000_000 })
  expect(exampleFor(edge('s|lease.*|0'), history).type).toBe('lease.granted')
  expect(exampleFor(edge('s|bus.*|0'), history).type).toBe('bus.any')
  expect(['1', '"a"', 'a', '{"b":[]}'].map(valueFrom)).toEqual([1, 'a', 'a', { b: [] }])
  expect([1, 'a', { b: [] }].map(textFrom)).toEqual(['1', 'a', '{"b":[]}'])
})

it("XState's own events are told in words", () => {
  expect(eventWords('xstate.after.renewMs.leadership.leader.holding', 'leadership')).toBe('after renewMs')
  expect(eventWords('xstate.done.actor.ask')).toBe('ask done')
  expect(eventWords('xstate.error.actor.ask')).toBe('ask failed')
  expect(eventWords('bus.lost')).toBe('bus.lost')
})

it('a machine that runs agrees with its sandbox', () => {
  const port = fromCallback<ConnectionEvent, { shard: number; link: Link }>(() => {})
  const actor = createActor(
    connectionMachine.provide({ actors: { socket: port }, actions: { tellDown: () => {} }, delays: everyDelay(connectionMachine) }),
  )
  actor.start()
  const play = playMachine(connectionMachine, chartOf(connectionMachine), ownInput)
  let moment = play.start()
  for (const event of [
    { type: 'connection.start' },
    { type: 'socket.opened', link: 'a' },
    { type: 'feed.quiet' },
    { type: 'connection.stop' },
  ]) {
    actor.send(event as never)
    moment = play.send(moment, event, none).moment
    expect(moment.active).toEqual(activeOf(actor.getSnapshot() as never))
    expect(moment.context).toEqual(actor.getSnapshot().context)
  }
  actor.stop()
})

it('a machine that starts others and sends to them can be played without any of them', () => {
  const play = playMachine(gatewayMachine, chartOf(gatewayMachine), ownInput)
  const event = exampleFor(
    { id: 'gateway|shards.wanted|0', source: 'gateway', targets: [], kind: 'event', label: '', actions: [], reenter: false },
    createHistory(),
  )
  const begun = play.send(play.start(), event, none).moment
  expect(begun.context).toMatchObject({ shards: [2] })
  expect(play.send(begun, { type: 'shards.wanted', shards: [3] }, none).moment.context).toMatchObject({ shards: [3] })
})

const everyDelay = (machine: AnyStateMachine): never =>
  Object.fromEntries(Object.keys(machine.implementations.delays).map(name => [name, 1_000_000])) as never
