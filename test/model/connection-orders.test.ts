import fc from 'fast-check'
import { expect, it } from 'vitest'
import { connectionMachine } from '../../machines/connection.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { type Child, runSubject, type Subject } from './subject.ts'

/** Any order of what an exchange, its sockets and its owner may do, held to what can be seen of the sockets from outside. */
interface Model {
  isWanted: boolean
  /** Told to be silent, and not heard since. */
  isQuiet: boolean
}

interface Real {
  readonly clock: FakeClock
  readonly connection: Subject
  readonly opened: Set<Child>
}

type Act = fc.Command<Model, Real>

const openOnes = ({ connection, opened }: Real): Child[] => connection.alive().filter(socket => opened.has(socket))

function look(model: Model, real: Real): void {
  const { connection } = real
  expect(connection.faults).toEqual([])
  expect(connection.alive().length).toBeLessThanOrEqual(model.isWanted ? 2 : 0)
  expect(new Set(connection.alive().map(({ id }) => id)).size).toBe(connection.alive().length)
  expect(connection.snapshot().hasTag('usable')).toBe(openOnes(real).length > 0)
}

/** `mayLose`: the open socket may be gone afterwards. Otherwise whoever had prices still has them. */
function act(name: string, run: (real: Real, model: Model) => void, mayLose: (model: Model) => boolean = () => false): Act {
  return {
    check: () => true,
    run: (model, real) => {
      const had = openOnes(real).length > 0
      const isFair = mayLose(model)
      run(real, model)
      look(model, real)
      if (had && !isFair) expect(openOnes(real).length, 'the socket that worked is gone').toBeGreaterThan(0)
    },
    toString: () => name,
  }
}

/** What the socket at this place says, if there is one; one that is gone says it too. */
const says = (at: number, type: string, more: object = {}): Act =>
  act(
    `${type} of ${at}`,
    ({ connection, opened }) => {
      const socket = connection.alive()[at]
      if (type === 'socket.opened' && socket !== undefined) opened.add(socket)
      socket?.tell({ type, link: socket.id, ...more })
      for (const late of connection.children) if (!late.isAlive) late.tell({ type, link: late.id, ...more })
    },
    () => type === 'socket.closed',
  )

const place = fc.nat({ max: 1 })
const acts: fc.Arbitrary<Act>[] = [
  fc.constant(
    act('start', ({ connection }, model) => {
      model.isWanted = true
      connection.send({ type: 'connection.start' })
    }),
  ),
  fc.constant(
    act(
      'stop',
      ({ connection }, model) => {
        model.isWanted = false
        connection.send({ type: 'connection.stop' })
      },
      () => true,
    ),
  ),
  place.map(at => says(at, 'socket.opened')),
  place.map(at => says(at, 'socket.opened')),
  place.map(at => says(at, 'socket.closed', { cause: 'cut' })),
  // A refusal comes instead of an opening, never after it.
  place.map(at =>
    act(`refusal of ${at}`, ({ connection, opened }) => {
      const socket = connection.alive()[at]
      if (socket !== undefined && !opened.has(socket))
        socket.tell({ type: 'socket.refused', link: socket.id, cause: '429', waitMs: 60_000 })
    }),
  ),
  place.map(at => says(at, 'socket.leaving')),
  fc.constant(says(0, 'feed.covered')),
  fc.constant(
    act('quiet', ({ connection }, model) => {
      model.isQuiet = true
      connection.alive()[0]?.tell({ type: 'feed.quiet' })
    }),
  ),
  fc.constant(
    act('heard', ({ connection }, model) => {
      model.isQuiet = false
      connection.alive()[0]?.tell({ type: 'feed.heard' })
    }),
  ),
  fc.constantFrom(100, 1600, 11_000, 31_000, 61_000, 201_000).map(ms =>
    act(
      `${ms} ms`,
      ({ clock }) => clock.advance(ms),
      ({ isQuiet }) => isQuiet,
    ),
  ),
]

/** Sockets open again when asked to: a connection that is wanted must come up. */
function heal(model: Model, real: Real): void {
  for (let round = 0; round < 5; round += 1) {
    real.clock.advance(61_000)
    for (const socket of real.connection.alive()) {
      if (real.opened.has(socket)) continue
      real.opened.add(socket)
      socket.tell({ type: 'socket.opened', link: socket.id })
    }
  }
  expect(openOnes(real).length > 0).toBe(model.isWanted)
}

it('whatever happens in whatever order, no socket leaks, none that works is given away, and a wanted connection comes back', () => {
  fc.assert(
    fc.property(fc.commands(acts, { maxCommands: 60, size: '+1' }), commands => {
      const clock = fakeClock()
      const connection = runSubject({
        machine: connectionMachine,
        clock,
        delays: {
          connectTimeoutMs: 10_000,
          backoffMs: ({ context }) => 100 * context.attempt,
          stableMs: 30_000,
          quietMaxMs: 1500,
          rotateMs: 200_000,
          overlapMaxMs: 30_000,
          blockedMs: ({ context }) => context.waitMs,
        },
      })
      const model: Model = { isWanted: false, isQuiet: false }
      const real: Real = { clock, connection, opened: new Set() }
      fc.modelRun(() => ({ model, real }), commands)
      heal(model, real)
      connection.stop()
      expect(connection.alive()).toEqual([])
    }),
    { numRuns: 400 },
  )
})
