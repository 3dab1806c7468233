import { type Clock, every, type Timer } from './clock.ts'
import { askMasterEveryMs, inBatches, isSame, targetOf } from './redis.ts'
import { atOnce, causeOf } from './redis-cause.ts'
import { createLocator, introduce, type Place } from './redis-place.ts'
import type { Address } from './redis-url.ts'
import { createWire, type Reply, type Wire } from './redis-wire.ts'

/** One connection's life; what a following needs, see src/bus/follow.ts. */
export interface Follower {
  open(): Promise<void>
  subscribe(channels: readonly string[]): Promise<void>
  unsubscribe(channels: readonly string[]): Promise<void>
  read(keys: readonly string[]): Promise<readonly (Buffer | null)[]>
  /** Beside what is subscribed: RESP3 allows it on one connection. */
  publish(channel: string, text: string): Promise<unknown>
  close(): void
}

export interface FollowerOptions extends Partial<Pick<Place, 'ca' | 'key'>> {
  readonly clock: Clock
  /** Must not throw. */
  readonly message: (channel: string, payload: Buffer) => void
  /** The connection is over. Once, never after `close`. */
  readonly over: (cause: string) => void
}

const pingEveryMs = 1000
/** A step may take so long, and a PING twice: it may wait behind a burst of prices. A server that must first be asked for may take longer to find. */
const stepWithinMs = 1000
const pingWithinMs = 2000
const findWithinMs = 2500
/** What arrives after this process stood still for longer was buffered meanwhile, and is old. */
const stillMaxMs = 2000
const stirEveryMs = 250

/** A connection that never connects again by itself; whatever goes wrong ends it. Throws only for an address that readRedisUrl refuses. */
export function connectFollower(url: string, { clock, message, over, ca, key = '' }: FollowerOptions): Follower {
  const target = targetOf(url)
  const { locate, dial } = createLocator({ clock, target, ca, key })
  let wire: Wire | undefined
  let at: Address | undefined
  let isSharded = false
  let ended = false
  let pingTimer: Timer
  let stirTimer: Timer
  let stopAsking = (): void => {}
  let stirredAt = clock.now()

  const close = (): void => {
    ended = true
    clock.clearTimeout(pingTimer)
    clock.clearTimeout(stirTimer)
    stopAsking()
    wire?.close()
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
  const asked = (...words: readonly string[]): Promise<Reply> => wire?.ask(...words) ?? Promise.reject(new Error('Connection is closed.'))
  const settled = (command: string, channels: readonly string[]): Promise<unknown> =>
    inBatches(
      channels,
      batch => wire?.settle(isSharded ? `S${command}` : command, batch) ?? Promise.reject(new Error('Connection is closed.')),
    )

  const open = async (): Promise<void> => {
    at = await locate()
    const socket = await dial(at)
    if (ended) return void socket.destroy()
    wire = createWire(socket, { message, arrived, over: error => void clock.soon(() => end(error)) })
    const { isReplica, ...server } = await introduce(wire, target).catch((error: Error) => {
      throw atOnce(error, target)
    })
    if (isReplica && target.kind !== 'standalone') throw new Error('Read-only replica')
    isSharded = server.isSharded
    if (target.db > 0) await asked('SELECT', String(target.db))
    stirredAt = clock.now()
    stir()
    ping()
    if (target.kind === 'sentinel') stopAsking = every(clock, askMasterEveryMs, () => void locate().then(leave, ignore))
  }

  /** Waking up, either input or timers may come first. */
  const arrived = (): void => {
    if (clock.now() - stirredAt > stillMaxMs) end(new Error('this process stood still, what it missed is old'))
  }
  const stir = (): void => {
    arrived()
    if (ended) return
    stirredAt = clock.now()
    stirTimer = clock.setTimeout(stir, stirEveryMs)
  }

  /** In a Cluster the question is for a key, and a server that no longer holds our slot says so. */
  const isAlive = (): Promise<Reply> => (target.kind === 'cluster' ? asked('GET', key) : asked('PING'))
  /** A planned failover leaves the old master up for ten seconds. */
  const leave = (master: Address): void => {
    if (!isSame(master, at)) end(new Error(`the master of ${target.place} is another server now`))
  }
  const ping = (): void => {
    if (ended) return
    pingTimer = clock.setTimeout(() => void step(isAlive(), pingWithinMs).then(ping, ignore), pingEveryMs)
  }

  return {
    open: () => step(open(), target.kind === 'standalone' ? stepWithinMs : findWithinMs),
    subscribe: async channels => void (await step(settled('SUBSCRIBE', channels))),
    unsubscribe: async channels => void (await step(settled('UNSUBSCRIBE', channels))),
    read: keys => step(inBatches(keys, batch => asked('MGET', ...batch).then(valuesOf)).then(batches => batches.flat())),
    publish: (channel, text) => step(asked(isSharded ? 'SPUBLISH' : 'PUBLISH', channel, text)),
    close,
  }
}

const valuesOf = (reply: Reply): readonly (Buffer | null)[] =>
  Array.isArray(reply) ? reply.map((value: Reply) => (Buffer.isBuffer(value) ? value : null)) : []

/** Looks once more after the input that is already waiting: when this process stood still, the answer may be there. */
function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => clock.soon(() => reject(new Error('Command timed out'))), ms)
    promise.finally(() => clock.clearTimeout(timer)).then(resolve, reject)
  })
}

const ignore = (): void => undefined
