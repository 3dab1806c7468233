import { systemClock } from '../../src/clock.ts'
import { type ExchangeOptions, type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { type Process, type ProcessOptions, startProcess } from './instance.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { until } from './until.ts'

/** A real Redis, a simulated exchange, and instances as real processes. */
export interface Fleet {
  readonly redis: RedisServer
  readonly exchange: SimulatedExchange
  start(environment?: Readonly<Record<string, string>>, options?: ProcessOptions): Promise<Process>
  /** The one instance among these that leads. */
  leader(among: readonly Process[], withinMs?: number): Promise<Process>
  end(): Promise<void>
}

export interface FleetOptions extends Partial<ExchangeOptions> {
  readonly redisArgs?: readonly string[]
}

export async function startFleet({ redisArgs = [], ...options }: FleetOptions = {}): Promise<Fleet> {
  const [redis, exchange] = await Promise.all([startRedis({ args: redisArgs }), startExchange({ clock: systemClock, ...options })])
  const common = { REDIS_URL: redis.url, TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl, TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl }
  const started: Process[] = []
  return {
    redis,
    exchange,
    start: async (environment, how) => {
      const one = await startProcess(['serve'], { ...common, ...environment }, how)
      started.push(one)
      return one
    },
    leader: (among, withinMs) =>
      until(
        'one instance leads',
        async () => {
          for (const one of among) if ((await one.status()).role === 'leader') return one
          return undefined
        },
        withinMs,
      ),
    end: async () => {
      for (const one of started) one.signal('SIGKILL')
      await exchange.close()
      await redis.stop()
    },
  }
}

/** Waits until this instance, or this pair of it, is at a level. */
export const reaches = (one: Process, level: string, withinMs?: number): Promise<unknown> =>
  until(`${one.url} is ${level}`, async () => (await one.status()).level === level, withinMs)
