import { describe, expect, it } from 'vitest'
import { type AnyEventObject, createActor, fromCallback } from 'xstate'
import { connectionMachine } from '../../machines/connection.ts'
import { fallbackMachine } from '../../machines/fallback.ts'
import { gatewayMachine, shardName } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { relayMachine } from '../../machines/relay.ts'
import { explore, stuck } from '../support/explore.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { unreached } from './edges.ts'
import { explorations } from './explorations.ts'
import { ignoredByGateway } from './ignored.ts'
import { broken, brokenSteps, disturbed, isIn, isTimer, leaks, silent, sorted } from './promises.ts'

const all = explore(explorations.gateway)
const isStopped = ({ snapshot }: (typeof all.initial)[number]): boolean => snapshot.status === 'done'

/** Who is stopped is not told; that it streamed no more is news to the fallback, once for each. */
function reconciled({ snapshot: { context, status } }: (typeof all.initial)[number], shards: readonly number[]): string {
  const had: readonly number[] = context.shards
  if (status === 'done') return ''
  const ended = had.filter(shard => !shards.includes(shard)).map(() => 'fallback websocket.lost')
  const begun = shards.filter(shard => !had.includes(shard)).map(shard => `${shardName(shard)} connection.start`)
  return [...ended, ...begun].join()
}

describe('gateway, in every state it can get into', () => {
  it('every state and every edge is reachable', () => {
    expect(unreached(gatewayMachine, all)).toEqual([])
  })

  it('each fact does something or is ignored on purpose, and what is ignored changes nothing', () => {
    expect(silent(all)).toEqual(sorted(ignoredByGateway))
    expect(disturbed(all)).toEqual([])
  })

  it('who must hear what hears it, in every state, and nobody else', () => {
    const passed: Record<string, string> = {
      'leadership.gained': 'connection connection.start,fallback websocket.lost',
      'leadership.solo': 'connection connection.start,fallback websocket.lost',
      'leadership.lost': 'connection connection.stop',
      'standby.wanted': 'connection connection.start',
      'standby.over': 'connection connection.stop',
      'standby.covered': 'leadership standby.covered',
      'leadership.hand-over': 'leadership leadership.hand-over',
      'connection.down': 'fallback websocket.lost',
      'relay.current': 'leadership relay.current',
      'relay.behind': 'leadership relay.behind',
      'relay.report': 'relay relay.report',
      'websocket.heard': 'fallback websocket.heard',
      'websocket.lost': 'fallback websocket.lost',
      'lease.released': 'leadership lease.released',
      'lease.fenced': 'leadership lease.fenced',
    }
    expect(
      brokenSteps(all, ({ from, to, event, sent }) => {
        const retires = isIn(to, 'draining.retiring') && !isIn(from, 'draining.retiring')
        if (event.type === 'shards.wanted') return sent.join() === reconciled(from, event.shards)
        return sent.join() === (retires ? 'leadership leadership.retire' : (passed[event.type] ?? ''))
      }),
    ).toEqual([])
  })

  it('the four machines live until the end, connections beside the first while they are wanted, the doors and the farewell as long as they are waited for', () => {
    const machines = ['connection', 'fallback', 'leadership', 'relay']
    const due = (spot: (typeof all.initial)[number]): string[] => [
      ...machines,
      ...spot.snapshot.context.shards.map(shardName),
      ...(isIn(spot, 'starting') ? ['doors'] : []),
      ...(isIn(spot, 'draining.parting') ? ['farewell'] : []),
    ]
    expect(broken(all, spot => isStopped(spot) || spot.children.join() === due(spot).sort().join())).toEqual([])
    expect(leaks(all)).toEqual([])
  })

  it('draining ends by timers alone, and can be asked for in every state', () => {
    const draining = { ...all, spots: new Map([...all.spots].filter(([, spot]) => !isIn(spot, 'starting', 'serving'))) }
    expect(draining.spots.size).toBeGreaterThan(2)
    expect(stuck(draining, isStopped, isTimer)).toEqual([])
    expect(stuck(all, isStopped, step => isTimer(step) || step.event.type === 'gateway.drain')).toEqual([])
  })

  it('readers are sent away only after the lease was given up, or was waited for long enough', () => {
    const fair = ['leadership.retired', 'xstate.after.retireMaxMs.gateway.draining.retiring']
    expect(
      brokenSteps(
        all,
        ({ from, to, event }) => !isIn(to, 'draining.parting') || isIn(from, 'draining.parting') || fair.includes(event.type),
      ),
    ).toEqual([])
  })
})

interface Family {
  readonly clock: FakeClock
  readonly gateway: ReturnType<typeof createActor<typeof gatewayMachine>>
  /** Speaks for the port that runs under this name. */
  readonly say: (port: string, event: AnyEventObject) => void
  readonly ports: () => string[]
  readonly errors: unknown[]
  readonly where: (part: string) => unknown
}

/** All five machines together, with ports that only remember that they run. */
function family(breaks?: string): Family {
  const clock = fakeClock()
  const running = new Map<string, (event: AnyEventObject) => void>()
  const port = fromCallback<AnyEventObject>(({ self, sendBack }) => {
    if (self.id === breaks) throw new Error('a port broke')
    running.set(self.id, sendBack)
    return () => void running.delete(self.id)
  }) as never
  const named = (names: readonly string[]): never => Object.fromEntries(names.map(name => [name, port])) as never
  const lasting = (machine: { implementations: { delays?: object } }): never =>
    Object.fromEntries(Object.keys(machine.implementations.delays ?? {}).map((name, at) => [name, 1000 + at])) as never
  const gateway = createActor(
    gatewayMachine.provide({
      actors: {
        connection: connectionMachine.provide({ actors: named(['socket']), delays: lasting(connectionMachine) }),
        relay: relayMachine.provide({ actors: named(['following']), delays: lasting(relayMachine) }),
        fallback: fallbackMachine.provide({ actors: named(['probe']), delays: lasting(fallbackMachine) }),
        leadership: leadershipMachine.provide({
          actors: named(['acquire', 'renew', 'offer', 'claim', 'handOver']),
          delays: { ...(lasting(leadershipMachine) as object), leaseSafetyMs: 9000 },
          guards: { isStillGood: () => true },
        }),
        ...(named(['doors', 'farewell']) as object),
      },
      delays: { retireMaxMs: 5000, partMaxMs: 5000 },
    }),
    { clock, input: { eligible: true, onLoss: 'solo' } },
  )
  const errors: unknown[] = []
  gateway.subscribe({ error: error => void errors.push(error) })
  return {
    clock,
    gateway,
    say: (name, event) => running.get(name)?.(event),
    ports: () => [...running.keys()].sort(),
    errors,
    where: part => gateway.system.get(part)?.getSnapshot().value,
  }
}

const lead = ({ clock, gateway, say }: Family): void => {
  gateway.start()
  say('doors', { type: 'doors.open' })
  clock.advance(1000)
  say('acquire', { type: 'lease.granted', epoch: 1, validUntil: 9000 })
}

describe('the five machines together', () => {
  it('the socket is held exactly while leading', () => {
    const all = family()
    lead(all)
    expect(all.where('connection')).toBe('connecting')
    all.say('a', { type: 'socket.opened', link: 'a' })
    all.gateway.send({ type: 'lease.fenced' })
    expect([all.where('leadership'), all.where('connection')]).toEqual([{ follower: 'watching' }, 'intentionally-disconnected'])
    all.clock.advance(1000)
    all.say('acquire', { type: 'lease.granted', epoch: 2, validUntil: 9000 })
    expect(all.where('connection')).toBe('connecting')
    expect(all.errors).toEqual([])
  })

  it('a solo holds a socket, and lets go of it when the relay says on being asked that it is current', () => {
    const all = family()
    all.gateway.start()
    for (let miss = 0; miss < 3; miss += 1) {
      all.clock.advance(1000)
      all.say('acquire', { type: 'lease.unreachable', cause: 'timeout' })
    }
    expect([all.where('leadership'), all.where('connection')]).toEqual([{ solo: 'alone' }, 'connecting'])
    all.clock.advance(1100)
    all.say('following', { type: 'bus.subscribed' })
    all.say('following', { type: 'bus.caught-up' })
    expect(all.where('relay')).toBe('current')
    all.say('acquire', { type: 'lease.refused', remainingMs: 5000 })
    expect([all.where('leadership'), all.where('connection')]).toEqual([{ follower: 'watching' }, 'intentionally-disconnected'])
  })

  it('a leader that drains gives the lease up, lets its socket go, says farewell, and leaves nothing running', () => {
    const all = family()
    lead(all)
    all.gateway.send({ type: 'gateway.drain' })
    expect(all.ports()).toContain('offer')
    all.clock.advance(1000 + Object.keys(leadershipMachine.implementations.delays ?? {}).indexOf('claimMaxMs'))
    expect(all.ports()).toContain('handOver')
    expect(all.ports()).not.toContain('farewell')
    all.say('handOver', { type: 'lease.given-up' })
    expect(all.where('connection')).toBe('intentionally-disconnected')
    expect(all.ports()).toContain('farewell')
    all.say('farewell', { type: 'readers.gone' })
    expect([all.gateway.getSnapshot().status, all.ports(), all.clock.waiting]).toEqual(['done', [], 0])
  })

  it('a successor has its socket before it has the lease, and keeps it when it leads', () => {
    const all = family()
    all.gateway.start()
    all.gateway.send({ type: 'lease.offered', from: 'other' })
    expect(all.where('connection')).toBe('idle')
    all.say('claim', { type: 'claim.granted' })
    expect(all.where('connection')).toBe('connecting')
    all.say('a', { type: 'socket.opened', link: 'a' })
    all.gateway.send({ type: 'standby.covered' })
    all.say('acquire', { type: 'lease.granted', epoch: 2, validUntil: 9000 })
    expect([all.where('leadership'), all.where('connection')]).toEqual([{ leader: 'holding' }, { connected: { settled: 'streaming' } }])
    expect(all.ports()).toContain('a')
    expect(all.errors).toEqual([])
  })

  it('a successor that does not get the lease lets its socket go', () => {
    const all = family()
    all.gateway.start()
    all.gateway.send({ type: 'lease.offered', from: 'other' })
    all.say('claim', { type: 'claim.granted' })
    all.gateway.send({ type: 'relay.behind' })
    expect([all.where('leadership'), all.where('connection')]).toEqual([{ follower: 'watching' }, 'intentionally-disconnected'])
  })

  it('asked to drain before its doors are open, it drains', () => {
    const all = family()
    all.gateway.start()
    all.gateway.send({ type: 'gateway.drain' })
    all.clock.advance(10_000)
    expect([all.gateway.getSnapshot().status, all.ports()]).toEqual(['done', []])
  })

  it('an exchange that never answers makes a new leader doubt its prices', () => {
    const all = family()
    lead(all)
    all.gateway.send({ type: 'websocket.heard' })
    all.say('a', { type: 'socket.closed', link: 'a', cause: 'refused' })
    expect(all.where('fallback')).toEqual({ live: 'doubted' })
  })

  it.each(['acquire', 'following', 'a', 'doors', 'probe'])(
    'a port that breaks its rules (%s) ends the instance, heard by its observer',
    name => {
      const all = family(name)
      lead(all)
      expect(String(all.errors[0])).toContain('a port broke')
      expect(all.gateway.getSnapshot().status).toBe('error')
      expect(all.errors).toHaveLength(1)
    },
  )
})
