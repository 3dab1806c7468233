import { afterAll, describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { connectionMachine } from '../../machines/connection.ts'
import { systemClock } from '../../src/clock.ts'
import { startExchange } from '../../src/simulator/exchange.ts'
import { abdicate, type Cluster, clockThatCuts, type Member, usurp, withCluster } from '../support/cluster.ts'
import type { Coverage } from '../support/coverage.ts'
import { reportPart } from '../support/coverage-parts.ts'
import { expectNoneOlder, flows } from '../support/expectations.ts'
import type { Reader } from '../support/reader.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { walkOf } from '../support/walk.ts'

/** What the world can do to a leader's connection, and where that must leave it: two walks, taken side by side, as silence takes its time. */
const loud = createMachine({
  id: 'loud',
  initial: 'streaming',
  states: {
    streaming: { on: { cut: 'streaming', leave: 'streaming', refuseSuccessor: 'streaming', shutOnLeaving: 'rotating' } },
    rotating: { on: { admit: 'streaming', refuseSuccessor: 'streaming', shut: 'away', depose: 'stopped' } },
    away: { on: { admit: 'streaming', refuse: 'blocked', hang: 'hanging', depose: 'stopped' } },
    blocked: { on: { admit: 'streaming', shut: 'away', depose: 'stopped' } },
    hanging: { on: { admit: 'streaming', endure: 'streaming', refuse: 'blocked', depose: 'stopped' } },
    stopped: { on: { restore: 'streaming', restoreShut: 'away' } },
  },
})
const silent = createMachine({
  id: 'silent',
  initial: 'streaming',
  states: {
    streaming: { on: { silence: 'quiet' } },
    quiet: { on: { speak: 'streaming', outlast: 'streaming', cut: 'streaming', shutOnLeaving: 'rotating', depose: 'stopped' } },
    rotating: { on: { admit: 'streaming' } },
    stopped: { on: { restore: 'streaming' } },
  },
})

interface Real {
  readonly cluster: Cluster
  readonly member: Member
  readonly reader: Reader
}

const ever = ({ cluster }: Real): number => cluster.exchange.stats().connections.ever
const admit = ({ cluster }: Real): void => cluster.exchange.faults.clear()
/** So long that what ends the old socket is the rotation and not the announced end. */
const leavingMs = 60_000

async function newSocket(real: Real, act: () => void | Promise<void>): Promise<void> {
  const had = ever(real)
  await act()
  await until('another socket is open', () => ever(real) > had, 12_000)
}

const acts: Record<string, (real: Real) => void | Promise<void>> = {
  admit,
  speak: admit,
  cut: real =>
    newSocket(real, () => {
      real.cluster.exchange.faults.kill()
      admit(real)
    }),
  leave: real => newSocket(real, () => real.cluster.exchange.faults.shutdown(leavingMs)),
  outlast: async real => {
    await newSocket(real, () => {})
    admit(real)
  },
  silence: ({ cluster }) => {
    cluster.exchange.faults.silent = true
  },
  shut: ({ cluster: { exchange } }) => {
    exchange.faults.upgradeStatus = 503
    exchange.faults.kill()
  },
  shutOnLeaving: async ({ cluster: { exchange }, member }) => {
    exchange.faults.upgradeStatus = 503
    exchange.faults.silent = false
    exchange.faults.shutdown(leavingMs)
    await member.reaches('connection', 'connected.rotating.pausing')
  },
  refuseSuccessor: async real => {
    const { faults } = real.cluster.exchange
    faults.retryAfterS = 1
    faults.upgradeStatus = 429
    faults.shutdown(leavingMs)
    await real.member.reaches('connection', 'connected.rotating').catch(() => {})
    await real.member.reaches('connection', 'connected.settled')
    const refusedAt = performance.now()
    admit(real)
    // Before that nothing is tried, whatever the machine wants.
    await until('the exchange will have us again', () => performance.now() - refusedAt > 1000)
  },
  refuse: ({ cluster: { exchange } }) => {
    exchange.faults.retryAfterS = 1
    exchange.faults.upgradeStatus = 429
    exchange.faults.blackhole = false
  },
  hang: ({ cluster: { exchange } }) => {
    exchange.faults.blackhole = true
    exchange.faults.upgradeStatus = null
  },
  endure: async real => {
    await until('it gives up waiting', () => real.member.at('connection') === 'reconnecting', 12_000)
    admit(real)
  },
  depose: async real => {
    await usurp(real.cluster)
    await real.member.reaches('connection', 'intentionally-disconnected')
    admit(real)
  },
  restore: ({ cluster }) => abdicate(cluster),
  restoreShut: async ({ cluster }) => {
    cluster.exchange.faults.upgradeStatus = 503
    await abdicate(cluster)
  },
}

const sees = ({ cluster: { exchange } }: Real, now: number): Promise<unknown> =>
  until(`the exchange sees ${now} connections`, () => exchange.stats().connections.now === now)

async function expectSettled(real: Real, state: string): Promise<void> {
  await real.member.reaches('connection', state)
  await sees(real, 1)
  await until('both streams are subscribed', () => real.cluster.exchange.stats().streams[0] === 2)
  await flows(real.reader)
  // Only a ticker that was heard makes three seconds of silence suspicious.
  await until('both streams have spoken', async () => (await real.member.status()).exchange.confirmed === 2)
  expect(await real.member.status()).toMatchObject({ connection: 'connected', role: 'leader', level: 'live' })
}

async function expectApart(real: Real, state: string, role = 'leader'): Promise<void> {
  await until(`the status says ${state}`, async () => (await real.member.status()).connection === state)
  await sees(real, 0)
  expect((await real.member.status()).role).toBe(role)
  await until('the reader is told', () => real.reader.named('status').at(-1)?.data.level !== 'live')
}

const looks: Record<string, (real: Real) => Promise<void>> = {
  streaming: real => expectSettled(real, 'connected.settled.streaming'),
  rotating: real => expectSettled(real, 'connected.rotating'),
  quiet: async real => {
    await real.member.reaches('connection', 'connected.settled.quiet')
    expect((await real.member.status()).connection).toBe('connected')
    expect(real.cluster.exchange.stats().connections.now).toBe(1)
  },
  away: real => expectApart(real, 'reconnecting'),
  blocked: real => expectApart(real, 'blocked'),
  hanging: real => expectApart(real, 'connecting'),
  stopped: real => expectApart(real, 'intentionally-disconnected', 'follower'),
}

const total: Coverage = {}
afterAll(() => reportPart('integration', 'connection', total, [connectionMachine]))

async function open(cluster: Cluster, options: Parameters<Cluster['start']>[0] = {}): Promise<Real> {
  const member = await cluster.start({ ...options, environment: { TICKCAST_LEASE_TTL_MS: '900', ...options.environment } })
  const reader = await member.read()
  const real = { cluster, member, reader }
  await expectSettled(real, 'connected.settled.streaming')
  return real
}

describe.skipIf(!redisAvailable)('the connection, held by real sockets', () => {
  it.concurrent.each([loud, silent])('is where a $id world leaves it, along every arrow that world can take', { timeout: 90_000 }, world =>
    withCluster(total, async cluster => {
      const real = await open(cluster)
      const walk = walkOf(world, 'streaming')
      const trail: string[] = []
      for (const { from, act, to } of walk) {
        trail.push(`${from} ${act}`)
        try {
          await acts[act]?.(real)
          await looks[to]?.(real)
        } catch (failure) {
          throw new Error(`${(failure as Error).message}\nafter ${trail.join(', ')}`, { cause: failure })
        }
      }
      expectNoneOlder(real.reader)
      expect(cluster.exchange.stats().violations).toEqual({})
      expect(real.reader.isOver).toBe(false)
    }),
  )

  it.concurrent('promotes a successor that is all there is: the old socket closes, or both are silent', { timeout: 30_000 }, () =>
    withCluster(total, async cluster => {
      const real = await open(cluster)
      const { faults } = cluster.exchange
      faults.silent = true
      faults.shutdown(1000)
      await real.member.reaches('connection', 'connected.rotating.covering')
      await sees(real, 2)
      await real.member.reaches('connection', 'connected.settled')
      await sees(real, 1)
      faults.silent = false
      await expectSettled(real, 'connected.settled.streaming')
      faults.silent = true
      faults.shutdown(leavingMs)
      await real.member.reaches('connection', 'connected.rotating.covering')
      await real.member.reaches('connection', 'connected.settled.quiet')
      await sees(real, 1)
      faults.silent = false
      await expectSettled(real, 'connected.settled.streaming')
      expectNoneOlder(real.reader)
    }),
  )

  it.concurrent(
    'keeps the old socket while a successor elsewhere is mute or dies, and takes it over after the overlap',
    { timeout: 30_000 },
    () =>
      withCluster(total, async cluster => {
        const other = await startExchange({ clock: systemClock, symbols: 20, rate: 3 })
        other.faults.silent = true
        const urls = `${cluster.exchange.wsUrl},${other.wsUrl}`
        const clock = clockThatCuts({ 30000: 1500, 10000: 600 })
        const real = await open(cluster, { clock, environment: { TICKCAST_EXCHANGE_WS_URLS: urls } })
        cluster.exchange.faults.upgradeStatus = 503
        cluster.exchange.faults.shutdown(leavingMs)
        await real.member.reaches('connection', 'connected.rotating.covering')
        const had = other.stats().connections.ever
        other.faults.kill()
        await until('it tries again', () => other.stats().connections.ever > had)
        await flows(real.reader)
        await until('the successor has it all', () => cluster.exchange.stats().connections.now === 0)
        await real.member.reaches('connection', 'connected.settled')
        other.faults.silent = false
        await flows(real.reader)
        expectNoneOlder(real.reader)
        await other.close()
      }),
  )

  it.concurrent('gives up on sockets that never open, and replaces one that has grown old', { timeout: 30_000 }, () =>
    withCluster(total, async cluster => {
      const real = await open(cluster, { clock: clockThatCuts({ 10000: 600, 30000: 300, [23 * 3_600_000]: 2500 }) })
      const { faults } = cluster.exchange
      await newSocket(real, () => {})
      await expectSettled(real, 'connected.settled')
      faults.connectDelayMs = leavingMs
      await real.member.reaches('connection', 'connected.rotating.opening')
      await real.member.reaches('connection', 'connected.rotating.pausing')
      await flows(real.reader)
      faults.kill()
      await real.member.reaches('connection', 'connecting')
      await real.member.reaches('connection', 'reconnecting')
      admit(real)
      await expectSettled(real, 'connected.settled')
      expectNoneOlder(real.reader)
    }),
  )
})
