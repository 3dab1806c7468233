/**
 * The connection to Redis that commands go through. ioredis 6 is told to be simple: it queues nothing, repeats nothing and finds no servers by
 * itself, because a command that runs later than its caller believes, or twice, is worse than one that fails. In particular its Cluster and
 * Sentinel clients are not used: where our Redis is, is asked of redis-place.ts, and asked again when it moves.
 */
import type { Socket } from 'node:net'
import { type AbstractConnector, Redis, type RedisOptions } from 'ioredis'
import { after, type Clock, every } from './clock.ts'
import { atOnce, causeOf } from './redis-cause.ts'
import { createLocator, type Locator, type Place } from './redis-place.ts'
import { createRunner, type Scripts } from './redis-script.ts'
import { type Address, type RedisTarget, readRedisUrl } from './redis-url.ts'

/** `unreachable`: nobody knows whether the command was, or will yet be, obeyed. */
export type Answer<T> = { readonly kind: 'answered'; readonly value: T } | { readonly kind: 'unreachable'; readonly cause: string }

export type ConnectionNote = { readonly kind: 'connected' } | { readonly kind: 'lost'; readonly cause: string }

/** It connects again by itself, for ever. */
export interface Commands {
  run(script: Scripts, keys: readonly string[], args: readonly string[]): Promise<Answer<unknown>>
  read(keys: readonly string[]): Promise<Answer<readonly (Buffer | null)[]>>
  close(): Promise<void>
}

const commandTimeoutMs = 500
const pingEveryMs = 1000
/** Between two questions to the sentinels whether the master is still the same. */
export const askMasterEveryMs = 500
const closeWithinMs = 1000
/** Different causes noted in one outage. */
const causesMax = 5
/** Names in one SUBSCRIBE or MGET, so that no single command holds Redis up. */
const batchMax = 500

const retryMs = (clock: Clock, attempt: number): number => Math.min(1000, 50 * 2 ** Math.min(attempt - 1, 5)) * (0.5 + clock.random() / 2)

export function targetOf(url: string): RedisTarget {
  const reading = readRedisUrl(url)
  // A programmer's error: config.ts refuses such an address at start.
  if (reading.kind === 'refused') throw new TypeError(reading.cause)
  return reading.target
}

/** Replies in the shapes every Redis gives; ioredis types its clients by this. */
type LegacyReplies = RedisOptions & { readonly replyMapping?: 'legacy' }

/** What every command to Redis goes through: how to get to it, and how not to. */
const commonOptions = ({ username, password, db }: RedisTarget): LegacyReplies => ({
  ...(username !== undefined && { username }),
  ...(password !== undefined && { password }),
  db,
  lazyConnect: true,
  protocol: 3,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  disableClientInfo: true,
  commandTimeout: commandTimeoutMs,
  socketTimeout: 1500,
})

/** Finds our Redis and connects to it, trying for ever; what ioredis calls a connector. */
interface Route {
  readonly at: Address | undefined
  readonly Connector: new () => AbstractConnector
}

function createRoute(clock: Clock, { locate, doubt, dial }: Locator, target: RedisTarget): Route {
  let at: Address | undefined
  let socket: Socket | undefined
  let attempts = 0
  let calls = 0

  const connect = async (emit: (event: string, error: Error) => void): Promise<Socket> => {
    calls += 1
    const call = calls
    for (;;) {
      try {
        at = await locate()
        socket = await dial(at)
        if (call !== calls) socket.destroy()
        else {
          attempts = 0
          return socket
        }
      } catch (error) {
        doubt()
        if (call === calls) emit('error', error instanceof Error ? error : new Error(String(error)))
      }
      attempts += 1
      if (call === calls) await after(clock, retryMs(clock, attempts))
      if (call !== calls) throw new Error('Connection is closed.')
    }
  }
  const connector = {
    connect,
    disconnect: (): void => {
      calls += 1
      socket?.destroy()
    },
    check: ({ role = 'master' }: { readonly role?: string }): boolean => {
      const isRight = target.kind === 'standalone' || role === 'master'
      if (!isRight) doubt()
      return isRight
    },
  }
  return {
    get at() {
      return at
    },
    // ioredis makes its connector with `new`; what that returns is ours.
    Connector: function create() {
      return connector
    } as unknown as Route['Connector'],
  }
}

export interface CommandsOptions extends Partial<Pick<Place, 'ca' | 'key'>> {
  readonly clock: Clock
  /** Told each change once; while Redis stays away, each further cause once. */
  readonly note: (note: ConnectionNote) => void
}

/** Throws only for an address that readRedisUrl refuses. */
export function connectCommands(url: string, { clock, note, ca, key = '' }: CommandsOptions): Commands {
  const target = targetOf(url)
  const locator = createLocator({ clock, target, ca, key })
  const route = createRoute(clock, locator, target)
  const state = { closed: false, connected: false, trouble: '' }
  /** What has been noted since the connection was lost. */
  const causes = new Set<string>()
  /** Until the first connection stands or fails, nobody knows whether Redis can be reached. */
  let decide = (): void => {}
  let undecided: Promise<void> | undefined = new Promise(resolve => {
    decide = () => {
      undecided = undefined
      resolve()
    }
  })
  const redis = new Redis({
    ...commonOptions(target),
    Connector: route.Connector,
    retryStrategy: attempt => retryMs(clock, attempt),
    reconnectOnError: error => {
      if (!/^(READONLY|MOVED) /.test(error.message)) return false
      state.trouble = causeOf(error, target)
      return 1
    },
  })
  const run = createRunner(redis)

  const tell = (next: ConnectionNote): void => {
    // Outside ioredis: a listener that throws there leaves it half way through its own work.
    if (!state.closed) clock.soon(() => note(next))
  }
  const lose = (cause: string): void => {
    state.connected = false
    if (causes.has(cause) || causes.size >= causesMax) return
    causes.add(cause)
    tell({ kind: 'lost', cause })
  }
  redis.on('error', (error: unknown) => {
    state.trouble = causeOf(state.connected ? error : atOnce(error, target), target)
    // While there is none, there is none to close either.
    if (!state.connected) lose(state.trouble)
    decide()
  })
  redis.on('ready', () => {
    state.trouble = ''
    state.connected = true
    causes.clear()
    tell({ kind: 'connected' })
    decide()
  })
  redis.on('close', () => lose(state.trouble || `Redis at ${target.place} closed the connection`))
  // ioredis ends for good when a failover cuts the connection while sentinels are still being asked for the address.
  redis.on('end', () => {
    decide()
    clock.setTimeout(() => state.closed || redis.connect().catch(ignore), retryMs(clock, 1))
  })
  redis.connect().catch(ignore)

  const ping = (): void => {
    if (redis.status !== 'ready') return
    // ioredis watches for silence only while a command waits for its answer. A server of a Cluster tells by a key whether it still holds our slot.
    const asked = target.kind === 'cluster' ? redis.get(key) : redis.ping()
    asked.catch(ignore)
  }
  /** A planned failover leaves the old master up, and taking writes that will be lost, for ten seconds. */
  const leave = (master: Address): void => {
    if (redis.status !== 'ready' || isSame(master, route.at)) return
    state.trouble = `the master of ${target.place} is another server now`
    redis.disconnect(true)
  }
  const stops = [every(clock, pingEveryMs, ping)]
  if (target.kind === 'sentinel') stops.push(every(clock, askMasterEveryMs, () => void locator.locate().then(leave, ignore)))
  const answer = async <T>(ask: () => Promise<T>): Promise<Answer<T>> => {
    if (undecided !== undefined) await undecided
    try {
      return { kind: 'answered', value: await ask() }
    } catch (error) {
      const cause = state.trouble || (state.connected ? causeOf(error, target) : `not connected to Redis at ${target.place}`)
      return { kind: 'unreachable', cause }
    }
  }

  return {
    run: (script, keys, args) => answer(() => run(target.kind === 'cluster' ? script.sharded : script.plain, keys, args)),
    read: keys => answer(() => inBatches(keys, batch => redis.mgetBuffer([...batch])).then(batches => batches.flat())),
    close: async () => {
      if (state.closed) return
      state.closed = true
      for (const stop of stops) stop()
      const isOver = redis.status === 'reconnecting' || redis.status === 'end'
      const ended = new Promise<void>(resolve => void redis.once('end', () => resolve()))
      redis.disconnect()
      if (!isOver) await Promise.race([ended, after(clock, closeWithinMs)])
    },
  }
}

export const isSame = (a: Address, b: Address | undefined): boolean => a.host === b?.host && a.port === b.port

export function inBatches<T>(names: readonly string[], send: (batch: readonly string[]) => Promise<T>): Promise<T[]> {
  const replies: Promise<T>[] = []
  for (let at = 0; at < names.length; at += batchMax) replies.push(send(names.slice(at, at + batchMax)))
  return Promise.all(replies)
}

const ignore = (): void => undefined
