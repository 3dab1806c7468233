/** Instances on a real Redis, closed after the test that made them. */
import { afterEach } from 'vitest'
import { createRedisBus } from '../../src/bus/redis-bus.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { createRedisLedger } from '../../src/demand/redis-ledger.ts'
import { createRedisLease } from '../../src/leadership/redis-lease.ts'
import { names as namesOf } from '../../src/names.ts'
import { type Commands, type ConnectionNote, connectCommands } from '../../src/redis.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { eventually, type Member, type Recording, record } from './subject.ts'

export interface Connected extends Member {
  readonly commands: Commands
  readonly notes: ConnectionNote[]
}

/** Everything opened in one test, closed after it, newest first. */
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

export async function connect(
  url: string,
  options: { readonly prefix?: string; readonly cacheTtlMs?: number; readonly ca?: string } = {},
): Promise<Connected> {
  const names = namesOf(options.prefix)
  const notes: ConnectionNote[] = []
  const commands = connectCommands(url, { clock, note: note => void notes.push(note), ca: options.ca, key: names.epoch })
  const bus = createRedisBus({
    url,
    commands,
    clock,
    names,
    ca: options.ca,
    ...(options.cacheTtlMs ? { cacheTtlMs: options.cacheTtlMs } : {}),
  })
  closing.push(async () => {
    await bus.close()
    await commands.close()
  })
  await eventually(() => notes.length > 0)
  return { bus, commands, notes, lease: createRedisLease({ commands, names }), ledger: createRedisLedger({ commands, names }) }
}

export async function start(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
  const server = await startRedis(options)
  closing.push(server.stop)
  return server
}

export async function follow({ bus }: Member, pairs: readonly string[]): Promise<Recording> {
  const recording = record(bus, pairs)
  closing.push(async () => recording.following.stop())
  await recording.caughtUp()
  return recording
}

export const price = (payload: string, pair = 'BTC/USD') => ({ pair, payload })
