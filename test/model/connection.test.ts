import { describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { createTestModel } from 'xstate/graph'
import { attemptMax, connectionMachine } from '../../machines/connection.ts'
import { explore, type Spot, stuck } from '../support/explore.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { unreached } from './edges.ts'
import { explorations } from './explorations.ts'
import { ignoredByConnection } from './ignored.ts'
import { broken, brokenSteps, disturbed, isIn, isTimer, leaks, silent, sorted } from './promises.ts'
import { type Child, runSubject, type Subject } from './subject.ts'

const all = explore(explorations.connection)
const linkOf = (spot: Spot): string => spot.snapshot.context.link
const attemptOf = (spot: Spot): number => spot.snapshot.context.attempt
const isStopped = (spot: Spot): boolean => isIn(spot, 'idle', 'intentionally-disconnected')
const hasTwo = (spot: Spot): boolean => isIn(spot, 'connected.rotating.opening', 'connected.rotating.covering')

describe('connection, in every state it can get into', () => {
  it('every state and every edge is reachable', () => {
    expect(unreached(connectionMachine, all)).toEqual([])
  })

  it('each fact does something or is ignored on purpose, and what is ignored changes nothing', () => {
    expect(silent(all)).toEqual(sorted(ignoredByConnection))
    expect(disturbed(all)).toEqual([])
  })

  it('it holds one socket while connecting or connected, two while one replaces the other, and none at any other time', () => {
    const due = (spot: Spot): string => {
      if (hasTwo(spot)) return 'a,b'
      return isIn(spot, 'connecting', 'connected') ? linkOf(spot) : ''
    }
    expect(broken(all, spot => spot.children.join() === due(spot))).toEqual([])
    expect(leaks(all)).toEqual([])
  })

  it('a link that is not in use is not heard', () => {
    expect(
      brokenSteps(all, ({ from, to, event }) => event.link === undefined || from.children.includes(event.link) || from === to),
    ).toEqual([])
  })

  it('only a successor that has opened takes over', () => {
    expect(brokenSteps(all, ({ from, to }) => linkOf(from) === linkOf(to) || isIn(from, 'connected.rotating.covering'))).toEqual([])
    expect(
      brokenSteps(all, ({ from, to, event }) => {
        const enters = isIn(to, 'connected.rotating.covering') && !isIn(from, 'connected.rotating.covering')
        return !enters || (event.type === 'socket.opened' && event.link !== linkOf(from))
      }),
    ).toEqual([])
  })

  it('a replacement that fails does not cost the socket that works', () => {
    const fair = ['connection.stop', 'socket.closed']
    expect(
      brokenSteps(all, ({ from, to, event }) => !isIn(from, 'connected.rotating') || isIn(to, 'connected') || fair.includes(event.type)),
    ).toEqual([])
  })

  it('attempts grow one by one to a bound, by two for a broken rule, and are forgotten by a stop and by a socket that lasted', () => {
    expect(broken(all, spot => attemptOf(spot) <= attemptMax && !(isStopped(spot) && attemptOf(spot) > 0))).toEqual([])
    const forgets = (to: Spot, edges: readonly string[]): boolean => isStopped(to) || edges.join().includes('after stableMs')
    expect(
      brokenSteps(all, ({ from, to, event, edges }) => {
        const grown = attemptOf(to) - attemptOf(from)
        return forgets(to, edges) ? attemptOf(to) === 0 : grown >= 0 && grown <= (event.isViolation === true ? 2 : 1)
      }),
    ).toEqual([])
  })

  it('stopped, it does nothing until it is started', () => {
    expect(brokenSteps(all, ({ to, event }) => event.type !== 'connection.stop' || isStopped(to))).toEqual([])
    expect(brokenSteps(all, ({ from, to, event }) => !isStopped(from) || from === to || event.type === 'connection.start')).toEqual([])
    expect(broken(all, spot => !isStopped(spot) || spot.timers.length === 0)).toEqual([])
  })

  it('it says that it is down whenever it becomes so, also when it never was up, and never otherwise', () => {
    const isDown = (spot: Spot): boolean => isIn(spot, 'reconnecting', 'blocked', 'intentionally-disconnected')
    expect(brokenSteps(all, ({ from, to, told }) => told.join() === (isDown(to) && from !== to ? 'connection.down' : ''))).toEqual([])
  })

  it('silence is not forgotten: it ends by being heard, by another socket or by a reconnection', () => {
    const ends = ['feed.heard', 'socket.leaving', 'socket.closed', 'connection.stop']
    expect(
      brokenSteps(
        all,
        ({ from, to, event }) =>
          !isIn(from, 'connected.settled.quiet') || from === to || isTimer({ event } as never) || ends.includes(event.type),
      ),
    ).toEqual([])
    const tells = (spot: Spot): boolean => isIn(spot, 'connected.settled', 'connected.rotating.covering')
    expect(
      brokenSteps(all, ({ from, to, event }) => event.type !== 'feed.quiet' || !tells(from) || isIn(to, 'connected.settled.quiet')),
    ).toEqual([])
  })

  it('nothing waits for ever, and every socket grows old', () => {
    expect(broken(all, spot => isStopped(spot) || spot.timers.length > 0)).toEqual([])
    expect(broken(all, spot => !isIn(spot, 'connected.settled') || spot.timers.some(type => type.includes('.rotateMs.')))).toEqual([])
  })

  it('started, it is connected as soon as a socket opens, by timers alone', () => {
    const isUp = (spot: Spot): boolean => isIn(spot, 'connected.settled')
    const started = { ...all, spots: new Map([...all.spots].filter(([, spot]) => !isStopped(spot))) }
    expect(stuck(started, isUp, step => isTimer(step) || step.event.type === 'socket.opened')).toEqual([])
    expect(stuck(all, isUp, step => isTimer(step) || ['socket.opened', 'connection.start'].includes(step.event.type))).toEqual([])
  })
})

const delays = {
  connectTimeoutMs: 10_000,
  backoffMs: 500,
  stableMs: 30_000,
  quietMaxMs: 1500,
  rotateMs: 82_800_000,
  overlapMaxMs: 29_000,
  blockedMs: 60_000,
}
const run = (clock: FakeClock): Subject => runSubject({ machine: connectionMachine, clock, delays })

/** Written from the promise: what somebody sees who watches the sockets from outside. */
const spec = createMachine({
  id: 'sockets',
  initial: 'off',
  states: {
    off: { on: { START: 'dialling', STOP: 'off' } },
    dialling: { on: { START: 'dialling', OPENS: 'up', BREAKS: 'waiting', REFUSED: 'banned', HANGS: 'waiting', STOP: 'off' } },
    up: { on: { START: 'up', BREAKS: 'waiting', STOP: 'off', SILENT: 'doubtful', AGES: 'replacing', LEAVING: 'replacing' } },
    doubtful: { on: { SPEAKS: 'up', STAYS_SILENT: 'waiting', LEAVING: 'replacing', BREAKS: 'waiting', STOP: 'off' } },
    replacing: {
      on: { NEW_OPENS: 'both', NEW_BREAKS: 'resting', NEW_REFUSED: 'up', HANGS: 'resting', BREAKS: 'waiting', STOP: 'off' },
    },
    both: { on: { COVERED: 'up', OVERLAPS: 'up', BREAKS: 'up', SILENT: 'doubtful', NEW_BREAKS: 'resting', STOP: 'off' } },
    resting: { on: { PAUSE: 'replacing', BREAKS: 'waiting', STOP: 'off' } },
    waiting: { on: { START: 'waiting', PAUSE: 'dialling', STOP: 'off' } },
    banned: { on: { START: 'banned', BAN: 'dialling', STOP: 'off' } },
  },
})

describe('connection, driven by a model of the sockets seen from outside', () => {
  const paths = createTestModel(spec).getShortestPaths()
  it.each(paths.map(path => [path.description, path] as const))('%s', async (_, path) => {
    const clock = fakeClock()
    const connection = run(clock)
    const say = (at: number, type: string, more: object = {}): void => {
      const socket = connection.alive()[at]
      socket?.tell({ type, link: socket.id, ...more })
    }
    const survivor = (then: () => void): void => {
      const second = connection.alive()[1]
      then()
      expect(connection.alive()).toEqual([second])
    }
    const is = (state: string, sockets: number) => (): void => {
      expect(String(connection.snapshot().matches(state.startsWith('{') ? JSON.parse(state) : state))).toBe('true')
      expect(connection.snapshot().hasTag('usable')).toBe(state.includes('connected') && !state.includes('intentionally'))
      expect(connection.alive()).toHaveLength(sockets)
      expect(connection.faults).toEqual([])
      const before = connection.snapshot()
      for (const socket of connection.children.filter(({ isAlive }) => !isAlive)) {
        for (const type of ['socket.opened', 'socket.closed', 'socket.leaving', 'feed.quiet', 'feed.covered'])
          socket.tell({ type, link: socket.id, cause: 'late' })
      }
      expect(connection.snapshot()).toBe(before)
    }
    await path.test({
      events: {
        START: () => connection.send({ type: 'connection.start' }),
        STOP: () => connection.send({ type: 'connection.stop' }),
        OPENS: () => say(0, 'socket.opened'),
        BREAKS: () => say(0, 'socket.closed', { cause: 'cut' }),
        REFUSED: () => say(0, 'socket.refused', { cause: '429', waitMs: 1 }),
        LEAVING: () => say(0, 'socket.leaving'),
        SILENT: () => say(0, 'feed.quiet'),
        SPEAKS: () => say(0, 'feed.heard'),
        NEW_OPENS: () => say(1, 'socket.opened'),
        NEW_BREAKS: () => say(1, 'socket.closed', { cause: 'cut' }),
        NEW_REFUSED: () => say(1, 'socket.refused', { cause: '429', waitMs: 1 }),
        COVERED: () => survivor(() => say(1, 'feed.covered')),
        OVERLAPS: () => survivor(() => clock.advance(delays.overlapMaxMs)),
        HANGS: () => clock.advance(delays.connectTimeoutMs),
        STAYS_SILENT: () => clock.advance(delays.quietMaxMs),
        AGES: () => clock.advance(delays.rotateMs),
        PAUSE: () => clock.advance(delays.backoffMs),
        BAN: () => clock.advance(delays.blockedMs),
      },
      states: {
        off: () => is(connection.children.length === 0 ? String(connection.snapshot().value) : 'intentionally-disconnected', 0)(),
        dialling: is('connecting', 1),
        up: is('{"connected":{"settled":"streaming"}}', 1),
        doubtful: is('{"connected":{"settled":"quiet"}}', 1),
        replacing: is('{"connected":{"rotating":"opening"}}', 2),
        both: is('{"connected":{"rotating":"covering"}}', 2),
        resting: is('{"connected":{"rotating":"pausing"}}', 1),
        waiting: is('reconnecting', 0),
        banned: is('blocked', 0),
      },
    })
    connection.stop()
    expect(connection.alive()).toEqual([])
  })
})

describe('connection, mistakes it once made', () => {
  const connect = (connection: Subject): Child => {
    connection.send({ type: 'connection.start' })
    const socket = connection.alive()[0]
    socket?.tell({ type: 'socket.opened', link: socket.id })
    if (socket === undefined) throw new Error('no socket')
    return socket
  }

  it('a successor that hangs does not replace a socket that works', () => {
    const clock = fakeClock()
    const connection = run(clock)
    const first = connect(connection)
    clock.advance(delays.rotateMs)
    expect(connection.alive()).toHaveLength(2)
    clock.advance(3 * delays.overlapMaxMs)
    expect(first.isAlive).toBe(true)
    expect(connection.snapshot().hasTag('usable')).toBe(true)
  })

  it('the old socket ending while both are open leaves the new one', () => {
    const clock = fakeClock()
    const connection = run(clock)
    const first = connect(connection)
    first.tell({ type: 'socket.leaving', link: first.id })
    const second = connection.alive()[1]
    second?.tell({ type: 'socket.opened', link: second.id })
    first.tell({ type: 'socket.closed', link: first.id, cause: '24 hours' })
    expect(connection.alive()).toEqual([second])
    expect(connection.told).toEqual([])
  })

  it('being closed for a rule we broke counts as one more failure', () => {
    for (const [isViolation, attempt] of [
      [false, 1],
      [true, 2],
    ] as const) {
      const connection = run(fakeClock())
      connect(connection).tell({ type: 'socket.closed', link: 'a', cause: 'closed with 1008', isViolation })
      expect(connection.snapshot().context.attempt).toBe(attempt)
    }
  })

  it('silence while both sockets are open is acted on', () => {
    const clock = fakeClock()
    const connection = run(clock)
    const first = connect(connection)
    first.tell({ type: 'socket.leaving', link: first.id })
    const second = connection.alive()[1]
    second?.tell({ type: 'socket.opened', link: second.id })
    second?.tell({ type: 'feed.quiet' })
    clock.advance(delays.quietMaxMs)
    expect(connection.snapshot().value).toBe('reconnecting')
  })

  it('a moment of silence does not put off the rotation', () => {
    const clock = fakeClock()
    const connection = run(clock)
    const first = connect(connection)
    clock.advance(delays.rotateMs / 2)
    first.tell({ type: 'feed.quiet' })
    clock.advance(delays.quietMaxMs / 2)
    first.tell({ type: 'feed.heard' })
    clock.advance(delays.rotateMs / 2)
    expect(connection.alive()).toHaveLength(2)
  })

  it('an exchange that cannot be reached from the start is told to those who trust its prices', () => {
    const clock = fakeClock()
    const connection = run(clock)
    connection.send({ type: 'connection.start' })
    connection.alive()[0]?.tell({ type: 'socket.closed', link: 'a', cause: 'refuses the connection' })
    expect(connection.told).toEqual(['connection.down'])
  })
})
