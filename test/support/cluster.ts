import type { Server } from 'node:http'
import { Redis } from 'ioredis'
import type { AnyActorRef } from 'xstate'
import { createRedisBus } from '../../src/bus/redis-bus.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { createRedisLedger } from '../../src/demand/redis-ledger.ts'
import { createInstance, type Instance } from '../../src/instance.ts'
import { createRedisLease } from '../../src/leadership/redis-lease.ts'
import { names } from '../../src/names.ts'
import { connectCommands } from '../../src/redis.ts'
import { closeServer, createServer, listen } from '../../src/server.ts'
import { type ExchangeOptions, type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { type Collector, type Coverage, createCollector } from './coverage.ts'
import { addCoverage } from './coverage-parts.ts'
import { openReader, type Reader } from './reader.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { until } from './until.ts'

/** Real time, but chance that hardly waits: a back-off that has grown to half a minute is drawn from its beginning. */
export const promptClock: Clock = { ...systemClock, random: () => Math.random() * 0.02 }

/** The same with some waits of the machines cut: what takes `from` ms takes `to`. Nothing else may use the very same length. */
export const clockThatCuts = (waits: Readonly<Record<number, number>>): Clock => ({
  ...promptClock,
  setTimeout: (then, ms) => systemClock.setTimeout(then, waits[ms] ?? ms),
})

export interface StartOptions {
  readonly name?: string
  readonly clock?: Clock
  readonly environment?: Readonly<Record<string, string>>
}

/** An instance in this process, wired as src/main.ts wires it: real sockets, a real Redis, a real HTTP server. */
export interface Member {
  readonly name: string
  readonly url: string
  readonly instance: Instance
  /** The state of a machine, in dots: `connected.settled.quiet`. */
  at(machine: 'connection' | 'leadership' | 'relay' | 'fallback' | 'gateway'): string
  /** Waits until a machine is in a state or within it. */
  reaches(machine: Parameters<Member['at']>[0], state: string, withinMs?: number): Promise<unknown>
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the route answers; tests look at it
  status(): Promise<any>
  read(pairs?: string): Promise<Reader>
  stop(): Promise<void>
}

export interface Cluster {
  readonly redis: RedisServer
  /** A connection to Redis for the hand of the test. */
  readonly hand: Redis
  readonly exchange: SimulatedExchange
  readonly collector: Collector
  /** What ended a machine, which nothing may. */
  readonly crashes: unknown[]
  /** How often an edge was taken here, in the words of {@link edgeOf}. */
  taken(machine: string, edge: string): number
  start(options?: StartOptions): Promise<Member>
  end(): Promise<void>
}

const dotted = (value: unknown): string => {
  if (typeof value === 'string') return value
  const [[key, inner] = ['', '']] = Object.entries(value as object)
  return `${key}.${dotted(inner)}`
}

export async function startCluster(options: Partial<ExchangeOptions> = {}): Promise<Cluster> {
  const [redis, exchange] = await Promise.all([startRedis(), startExchange({ clock: systemClock, rate: 3, symbols: 20, ...options })])
  const hand = new Redis(redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: 100 })
  hand.on('error', () => {})
  const collector = createCollector()
  const members: Member[] = []
  const crashes: unknown[] = []
  const hosts = { TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl, TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl }
  return {
    redis,
    hand,
    exchange,
    collector,
    crashes,
    taken: (machine, edge) => collector.coverage[machine]?.edges[edge] ?? 0,
    start: async ({ name = `member-${members.length + 1}`, clock = promptClock, environment = {} } = {}) => {
      const all = { PORT: '0', TICKCAST_PAIRS: 'BTC/USD', TICKCAST_LEASE_TTL_MS: '1500', REDIS_URL: redis.url, ...hosts, ...environment }
      const member = await startMember({ name, clock, environment: all, collector, crashes })
      members.push(member)
      return member
    },
    end: async () => {
      redis.resume()
      exchange.faults.clear()
      await Promise.all(members.map(member => member.stop()))
      hand.disconnect()
      await exchange.close()
      await redis.stop()
      if (crashes.length > 0 || collector.faults.length > 0) throw new Error(`crashed: ${[...crashes, ...collector.faults].join(', ')}`)
    },
  }
}

interface MemberOptions extends Required<StartOptions> {
  readonly collector: Collector
  readonly crashes: unknown[]
}

async function startMember({ name, clock, environment, collector, crashes }: MemberOptions): Promise<Member> {
  const read = readConfig(environment)
  if ('mistakes' in read) throw new Error(read.mistakes.join(' '))
  const { config } = read
  const ours = names(config.prefix)
  const commands = connectCommands(config.redisUrl, { clock, note: () => {} })
  const bus = createRedisBus({ url: config.redisUrl, commands, clock, names: ours })
  const server: Server = createServer({ clock, config, doors: () => instance.doors })
  const url = await listen(server, config)
  const instance: Instance = createInstance({
    clock,
    config,
    name,
    id: `${name}-${Math.random()}`,
    bus,
    lease: createRedisLease({ commands, names: ours }),
    ledger: createRedisLedger({ commands, names: ours }),
    openDoors: opened => clock.soon(opened),
    log: { info: () => {}, warn: () => {} },
    crashed: error => void crashes.push(error),
  })
  collector.observe(instance.gateway.system)
  instance.start()
  return memberOf({ name, url, instance }, async () => {
    await instance.drain()
    await closeServer(server, clock)
    await bus.close()
    await commands.close()
  })
}

function memberOf(part: Pick<Member, 'name' | 'url' | 'instance'>, close: () => Promise<void>): Member {
  const { url, name, instance } = part
  const readers: Reader[] = []
  let stopping: Promise<void> | undefined
  const at: Member['at'] = machine => {
    const actor: AnyActorRef | undefined = machine === 'gateway' ? instance.gateway : instance.gateway.system.get(machine)
    return dotted(actor?.getSnapshot().value ?? 'gone')
  }
  return {
    ...part,
    at,
    reaches: (machine, state, withinMs = 10_000) =>
      until(`${machine} of ${name} is ${state}`, () => `${at(machine)}.`.startsWith(`${state}.`), withinMs).catch((error: Error) => {
        throw new Error(`${error.message}; it is ${at(machine)}`)
      }),
    status: async () => (await fetch(`${url}/v1/status`)).json(),
    read: async (pairs = 'BTC/USD') => {
      const reader = await openReader(`${url}/v1/stream?pairs=${pairs}`)
      readers.push(reader)
      return reader
    },
    stop: () => {
      stopping ??= close().finally(() => {
        for (const reader of readers) reader.close()
      })
      return stopping
    },
  }
}

/** A cluster for the time of one test; tests that run at the same time have one each. What was taken is added to `total`. */
export async function withCluster(total: Coverage, run: (cluster: Cluster) => Promise<void>): Promise<void> {
  const cluster = await startCluster()
  try {
    await run(cluster)
  } catch (failure) {
    await cluster.end().catch(() => {})
    throw failure
  }
  await cluster.end()
  addCoverage(total, cluster.collector.coverage)
}

/** Somebody we do not know holds the lease now. */
export const usurp = ({ hand }: Cluster, ms = 60_000): Promise<unknown> => hand.set('prices:leader', 'a stranger', 'PX', ms)

/** And gives it up. */
export async function abdicate({ hand }: Cluster): Promise<void> {
  await hand.del('prices:leader')
  await hand.publish('prices:released', 'a stranger')
}

/** Redis goes on, but refuses these commands, from everybody. */
export const forbid = ({ hand }: Cluster, ...commands: string[]): Promise<unknown> =>
  hand.call('ACL', 'SETUSER', 'default', ...commands.map(name => `-${name}`))
export const permit = ({ hand }: Cluster, ...commands: string[]): Promise<unknown> =>
  hand.call('ACL', 'SETUSER', 'default', ...commands.map(name => `+${name}`))
/** Cuts the connections on which the channels are followed, and only those. */
export const cutFollowings = ({ hand }: Cluster): Promise<unknown> => hand.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
