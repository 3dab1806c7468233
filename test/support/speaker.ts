import { createRedisBus } from '../../src/bus/redis-bus.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { writeHeartbeat } from '../../src/heartbeat.ts'
import { createRedisLease } from '../../src/leadership/redis-lease.ts'
import { names } from '../../src/names.ts'
import { type Level, writeBody, writePayload } from '../../src/price.ts'
import { connectCommands } from '../../src/redis.ts'
import { until } from './until.ts'

/** A leader that says exactly what the test wants: on the real bus, under a real lease, without an exchange. */
export interface Speaker {
  readonly epoch: number
  /** Publishes the next price of the pair, and returns its id. */
  price(of?: string): Promise<string>
  /** The same, but it is only stored: as if the message had been lost on its way to everybody. */
  lose(of?: string): Promise<string>
  /** A price now and every 200 ms, until told otherwise. */
  feed(isOn: boolean): void
  /** A heartbeat now and every 200 ms, saying this. */
  beat(level: Level): void
  stop(): Promise<void>
}

export async function startSpeaker(url: string, pair = 'BTC/USD'): Promise<Speaker> {
  const commands = connectCommands(url, { clock, note: () => {} })
  const bus = createRedisBus({ url, commands, clock, names: names() })
  const lease = createRedisLease({ commands, names: names() })
  const granted = await until('the lease is granted', async () => {
    const outcome = await lease.acquire({ id: 'speaker', ttlMs: 600_000, floorEpoch: 0 })
    return outcome.kind === 'granted' && outcome
  })
  const { epoch } = granted
  const last = new Map<string, number>()
  const said = { sequence: 0, isFed: false, level: undefined as Level | undefined }

  const next = (of: string): { readonly id: string; readonly payload: string } => {
    said.sequence += 1
    const { sequence } = said
    const now = Date.now()
    const fields = { pair: of, symbol: 'BTCUSDT', price: `${60_000 + sequence}.5`, tradeId: sequence, exchangeTime: now, receivedAt: now }
    const body = writeBody({ ...fields, source: 'websocket' }, 'trade', 'live')
    const prev = last.get(of) ?? 0
    last.set(of, sequence)
    return { id: `${epoch}-${sequence}`, payload: writePayload({ pair: of, at: { epoch, sequence }, prev, cause: 'trade', body }) }
  }
  const price = async (of = pair): Promise<string> => {
    const { id, payload } = next(of)
    await bus.publish(epoch, [{ pair: of, payload }])
    return id
  }
  const speak = (): void => {
    if (said.isFed) void price()
    if (said.level !== undefined) void bus.beat(epoch, writeHeartbeat({ epoch, instance: 'speaker', level: said.level, stale: [] }))
  }
  const timer = setInterval(speak, 200)
  return {
    epoch,
    price,
    lose: async (of = pair) => {
      const { id, payload } = next(of)
      const store = { lua: "return redis.call('SET', KEYS[1], ARGV[1])", sha: '0'.repeat(40) }
      await commands.run({ plain: store, sharded: store }, [names().key(of)], [payload])
      return id
    },
    feed: isOn => {
      said.isFed = isOn
      speak()
    },
    beat: level => {
      said.level = level
      speak()
    },
    stop: async () => {
      clearInterval(timer)
      await bus.close()
      await commands.close()
    },
  }
}
