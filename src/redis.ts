/**
 * Connections to Redis. ioredis 6 is told to be simple: it queues nothing, repeats nothing and subscribes nothing again by itself, because a
 * command that runs later than its caller believes, or twice, is worse than one that fails.
 */
import { Redis } from 'ioredis'
import { after, type Clock, every, type Timer } from './clock.ts'
import { createRunner, type Script } from './redis-script.ts'
import { type RedisTarget, readRedisUrl } from './redis-url.ts'

/** `unreachable`: nobody knows whether the command was, or will yet be, obeyed. */
export type Answer<T> = { readonly kind: 'answered'; readonly value: T } | { readonly kind: 'unreachable'; readonly cause: string }

export type ConnectionNote = { readonly kind: 'connected' } | { readonly kind: 'lost'; readonly cause: string }

/** The connection commands go through. It connects again by itself, for ever. */
export interface Commands {
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<Answer<unknown>>
  read(keys: readonly string[]): Promise<Answer<readonly (Buffer | null)[]>>
  close(): Promise<void>
}

const commandTimeoutMs = 500
const pingEveryMs = 1000
const closeWithinMs = 1000
/** Different causes noted in one outage. */
const causesMax = 5
/** A following gives one step this long, and a PING twice as long: it may wait behind a burst of prices. */
const stepWithinMs = 1000
const pingWithinMs = 2000
/** Names in one SUBSCRIBE or MGET, so that no single command holds Redis up. */
const batchMax = 500

function commonOptions({ options, kind }: RedisTarget, clock: Clock): RedisTarget['options'] {
  return {
    ...options,
    lazyConnect: true,
    protocol: 3,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1000,
    disconnectTimeout: 50,
    keepAlive: 5000,
    disableClientInfo: true,
    sentinelCommandTimeout: commandTimeoutMs,
    sentinelRetryStrategy: attempt => retryMs(clock, attempt),
    failoverDetector: kind === 'sentinel',
  }
}

const retryMs = (clock: Clock, attempt: number): number => Math.min(1000, 50 * 2 ** Math.min(attempt - 1, 5)) * (0.5 + clock.random() / 2)

function targetOf(url: string): RedisTarget {
  const reading = readRedisUrl(url)
  // A programmer's error: config.ts refuses such an address at start.
  if (reading.kind === 'refused') throw new TypeError(reading.cause)
  return reading.target
}

export interface CommandsOptions {
  readonly clock: Clock
  /** Told each change once; while Redis stays away, each further cause once. */
  readonly note: (note: ConnectionNote) => void
}

/** Throws only for an address that readRedisUrl refuses. */
export function connectCommands(url: string, { clock, note }: CommandsOptions): Commands {
  const target = targetOf(url)
  const state = { closed: false, connected: false, trouble: '' }
  /** What has been noted since the connection was lost. */
  const causes = new Set<string>()
  const redis = new Redis({
    ...commonOptions(target, clock),
    commandTimeout: commandTimeoutMs,
    socketTimeout: 1500,
    retryStrategy: attempt => retryMs(clock, attempt),
    reconnectOnError: error => {
      if (!error.message.startsWith('READONLY')) return false
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
    state.trouble = causeOf(error, target)
    // With no sentinel in reach there is never a connection to close.
    if (!state.connected) lose(state.trouble)
  })
  redis.on('ready', () => {
    state.trouble = ''
    state.connected = true
    causes.clear()
    tell({ kind: 'connected' })
  })
  redis.on('close', () => lose(state.trouble || `Redis at ${target.place} closed the connection`))
  redis.connect().catch(ignore)

  // ioredis watches for silence only while a command waits for its answer.
  const stopPings = every(clock, pingEveryMs, () => {
    if (redis.status === 'ready') redis.ping().catch(ignore)
  })
  const answer = async <T>(reply: Promise<T>): Promise<Answer<T>> => {
    try {
      return { kind: 'answered', value: await reply }
    } catch (error) {
      const cause = state.trouble || (state.connected ? causeOf(error, target) : `not connected to Redis at ${target.place}`)
      return { kind: 'unreachable', cause }
    }
  }

  return {
    run: (script, keys, args) => answer(run(script, keys, args)),
    read: keys => answer(inBatches(keys, batch => redis.mgetBuffer([...batch])).then(batches => batches.flat())),
    close: async () => {
      if (state.closed) return
      state.closed = true
      stopPings()
      const isOver = redis.status === 'reconnecting' || redis.status === 'end'
      const ended = new Promise<void>(resolve => void redis.once('end', () => resolve()))
      redis.disconnect()
      if (!isOver) await Promise.race([ended, after(clock, closeWithinMs)])
    },
  }
}

/** One connection's life; what a following needs, see src/bus/follow.ts. */
export interface Follower {
  open(): Promise<void>
  subscribe(channels: readonly string[]): Promise<void>
  unsubscribe(channels: readonly string[]): Promise<void>
  read(keys: readonly string[]): Promise<readonly (Buffer | null)[]>
  close(): void
}

export interface FollowerOptions {
  readonly clock: Clock
  /** Must not throw: ioredis would end the process. */
  readonly message: (channel: string, payload: Buffer) => void
  /** The connection is over. Once, never after `close`. */
  readonly over: (cause: string) => void
}

/** A connection that never connects again by itself; whatever goes wrong ends it. Throws only for an address that readRedisUrl refuses. */
export function connectFollower(url: string, { clock, message, over }: FollowerOptions): Follower {
  const target = targetOf(url)
  const redis = new Redis({ ...commonOptions(target, clock), socketTimeout: 2500, retryStrategy: null, sentinelRetryStrategy: () => null })
  let ended = false
  let pingTimer: Timer

  const close = (): void => {
    ended = true
    clock.clearTimeout(pingTimer)
    redis.disconnect()
  }
  const end = (error: unknown): void => {
    if (ended) return
    close()
    const cause = causeOf(error, target)
    clock.soon(() => over(cause))
  }
  const step = async <T>(promise: Promise<T>, ms = stepWithinMs): Promise<T> => {
    try {
      return await within(clock, ms, promise)
    } catch (error) {
      end(error)
      throw new Error(causeOf(error, target))
    }
  }
  const ping = (): void => {
    if (ended) return
    pingTimer = clock.setTimeout(() => void step(redis.ping(), pingWithinMs).then(ping, ignore), pingEveryMs)
  }
  redis.on('error', end)
  redis.on('end', () => end(new Error('Connection is closed.')))
  redis.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
    if (!ended) message(channel.toString(), payload)
  })

  return {
    open: () => step(redis.connect()).then(ping),
    subscribe: async channels => void (await step(inBatches(channels, batch => redis.subscribe(...batch)))),
    unsubscribe: async channels => void (await step(inBatches(channels, batch => redis.unsubscribe(...batch)))),
    read: keys => step(inBatches(keys, batch => redis.mgetBuffer([...batch])).then(batches => batches.flat())),
    close,
  }
}

function inBatches<T>(names: readonly string[], send: (batch: readonly string[]) => Promise<T>): Promise<T[]> {
  const replies: Promise<T>[] = []
  for (let at = 0; at < names.length; at += batchMax) replies.push(send(names.slice(at, at + batchMax)))
  return Promise.all(replies)
}

/** Looks once more after the input that is already waiting: when this process stood still, the answer may be there. */
function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => clock.soon(() => reject(new Error('Command timed out'))), ms)
    promise.finally(() => clock.clearTimeout(timer)).then(resolve, reject)
  })
}

const ignore = (): void => undefined

const reasons: readonly (readonly [RegExp, (place: string) => string])[] = [
  [
    /WRONGPASS|invalid (username-)?password/,
    place => `Redis at ${place} does not accept the user name or password in REDIS_URL (WRONGPASS)`,
  ],
  [/NOAUTH/, place => `Redis at ${place} asks for a password and REDIS_URL has none (NOAUTH)`],
  [/ECONNREFUSED/, place => `nothing listens at ${place} (connection refused)`],
  [/^All sentinels are unreachable/, place => `no sentinel of ${place} can be reached`],
  [/ENOTFOUND|EAI_AGAIN/, place => `the host name of ${place} is not known`],
  [/timed? ?out/i, place => `Redis at ${place} did not answer in time`],
  [/Connection is closed|ECONNRESET|EPIPE|isn't writeable/, place => `the connection to Redis at ${place} is closed`],
  [/^READONLY/, place => `Redis at ${place} is a read-only replica (READONLY)`],
  [/^NOREPLICAS/, place => `Redis at ${place} has too few replicas to accept writes (NOREPLICAS)`],
  [/^OOM/, place => `Redis at ${place} is out of memory (OOM)`],
  [/^LOADING/, place => `Redis at ${place} is still loading its data (LOADING)`],
]

/** Why Redis refuses or fails us, in one sentence without the password. */
export function causeOf(error: unknown, { place, password }: { readonly place: string; readonly password?: string | undefined }): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = `${error instanceof Error ? error.message : String(error)} ${code}`.trim()
  if (/NOPERM/.test(text)) return `the Redis user in REDIS_URL lacks a permission: ${tidy(text, password)}`
  const reason = reasons.find(([pattern]) => pattern.test(text))
  return reason === undefined ? `Redis at ${place}: ${tidy(text, password)}` : reason[1](place)
}

function tidy(text: string, password = ''): string {
  const safe = password === '' ? text : text.replaceAll(password, '***')
  return safe.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 200)
}
