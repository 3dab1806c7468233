import { systemClock } from '../../src/clock.ts'
import { type ExchangeOptions, type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { endAll, type Process, startProcess } from './instance.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { until } from './until.ts'

/** A real Redis, a simulated exchange, and instances as real processes. */
export interface Fleet {
  readonly redis: RedisServer
  readonly exchange: SimulatedExchange
  start(environment?: Readonly<Record<string, string>>): Promise<Process>
  /** The one instance among these that leads. */
  leader(among: readonly Process[], withinMs?: number): Promise<Process>
  end(): Promise<void>
}

export async function startFleet(options: Partial<ExchangeOptions> = {}): Promise<Fleet> {
  const [redis, exchange] = await Promise.all([startRedis(), startExchange({ clock: systemClock, ...options })])
  const common = { REDIS_URL: redis.url, TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl, TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl }
  return {
    redis,
    exchange,
    start: environment => startProcess(['serve'], { ...common, ...environment }),
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
      endAll()
      await exchange.close()
      await redis.stop()
    },
  }
}

/** Waits until this instance, or this pair of it, is at a level. */
export const reaches = (one: Process, level: string, withinMs?: number): Promise<unknown> =>
  until(`${one.url} is ${level}`, async () => (await one.status()).level === level, withinMs)
