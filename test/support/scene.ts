/**
 * What every fault is played on: a Redis, a simulated exchange, three instances as processes, each behind a bad network of its own, a hundred
 * readers, and somebody who listens to Redis itself.
 */
import { setPriority } from 'node:os'
import type { ExchangeLimits } from '../../src/simulator/limits.ts'
import { type ChaosProxy, startChaos } from './chaos.ts'
import { type ConnectionLog, checkEverything, createConnectionLog } from './everything.ts'
import { type Fleet, startFleet } from './fleet.ts'
import type { Process } from './instance.ts'
import { openSwarmReader, type Sighting, type SwarmReader, type SwarmReaderOptions } from './swarm.ts'
import { until } from './until.ts'
import { openWatch, type Watch } from './watch.ts'

export const pairs = ['BTC/USD', 'ETH/USD']

export interface Subject {
  readonly name: string
  readonly process: Process
  /** Between it and Redis. */
  readonly net: ChaosProxy
  /** The test ended it; otherwise it must not end. */
  isEnded: boolean
}

export interface Scene {
  readonly fleet: Fleet
  readonly subjects: readonly Subject[]
  readonly readers: readonly SwarmReader[]
  readonly watch: Watch
  readonly connections: ConnectionLog
  /** Between all instances and the sockets of the exchange, if it is far. */
  readonly exchangeNet: ChaosProxy
  leader(withinMs?: number): Promise<Subject>
  followers(): Promise<readonly Subject[]>
  readersOf(subject: Subject): readonly SwarmReader[]
  /** One more instance, in place of one that ended. */
  add(): Promise<Subject>
  /** One more reader, at a place of its own choice. */
  read(options: Omit<SwarmReaderOptions, 'choose'> & { readonly at?: Subject }): SwarmReader
  /** Ends one for good, by a signal that ends processes. */
  end(subject: Subject, signal: NodeJS.Signals): Promise<number>
  /** One leader, one connection, and every reader on live prices newer than now. */
  converged(withinMs?: number): Promise<void>
}

export interface SceneOptions {
  readonly instances?: number
  readonly readers?: number
  /** Of the simulated market: 8 is about a hundred ticks a second of the two pairs. */
  readonly rate?: number
  readonly environment?: Readonly<Record<string, string>>
  readonly limits?: Partial<ExchangeLimits>
  readonly redisArgs?: readonly string[]
  /** Instead of the network in between: where instances find Redis. */
  readonly redisUrl?: string
  /** No network in between: Redis itself feels who does not read. */
  readonly isDirect?: boolean
  /** Sockets to the exchange go through `exchangeNet`. */
  readonly isExchangeFar?: boolean
  readonly watchAt?: string
  /** How long it may take at most. */
  readonly withinMs?: number
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** When this process itself stood still, and for how long: it is exchange, network and readers at once. */
const stalls: { readonly at: number; readonly ms: number }[] = []
const lookEveryMs = 50
let lookedAt = performance.now()
setInterval(() => {
  const now = performance.now()
  if (now - lookedAt > 2 * lookEveryMs) stalls.push({ at: now, ms: now - lookedAt - lookEveryMs })
  lookedAt = now
}, lookEveryMs).unref()

/**
 * What is measured on two loaded cores comes later than what happened: half a second, and whatever this process is known to have stood
 * still lately. Added to every time a scenario names.
 */
export function lateMs(): number {
  const since = performance.now() - 15_000
  return 500 + 2 * Math.max(0, ...stalls.filter(({ at }) => at >= since).map(({ ms }) => ms))
}

/** Where the machine allows it (root), what is measured goes before what runs beside it; the processes started from here, too. */
function goFirst(): void {
  try {
    setPriority(-10)
  } catch {
    // Only a wish.
  }
}
goFirst()

/** Scenes of one test file play at the same time, but no more than these: the limits below are meant for two cores. */
const scenesAtOnce = 2
let playing = 0
const waiting: (() => void)[] = []
async function takeTurn(): Promise<() => void> {
  if (playing >= scenesAtOnce) await new Promise<void>(resolve => waiting.push(resolve))
  playing += 1
  return () => {
    playing -= 1
    waiting.shift()?.()
  }
}

/** Plays one fault, then holds everything that was seen against what must hold always. Throws with all that is wrong. */
export async function playScene(options: SceneOptions, play: (scene: Scene) => Promise<void>): Promise<void> {
  const giveTurn = await takeTurn()
  try {
    await playNow(options, play)
  } finally {
    giveTurn()
  }
}

async function playNow(options: SceneOptions, play: (scene: Scene) => Promise<void>): Promise<void> {
  const connections = createConnectionLog()
  const fleet = await startFleet({
    rate: options.rate ?? 8,
    symbols: 50,
    note: (_line, fields) => connections.note(fields),
    ...(options.limits && { limits: options.limits }),
    ...(options.redisArgs && { redisArgs: options.redisArgs }),
  })
  const exchangeNet = await startChaos({ target: fleet.exchange.port })
  const subjects: Subject[] = []
  const readers: SwarmReader[] = []
  const watch = openWatch(options.watchAt ?? fleet.redis.url)
  try {
    const scene = await setUp({ options, fleet, subjects, readers, watch, connections, exchangeNet })
    await Promise.race([play(scene), timeUp(options.withinMs ?? 150_000)])
    await scene.converged()
    const wrong = checkEverything(scene)
    if (wrong.length > 0) throw new Error(wrong.slice(0, 20).join('\n'))
  } catch (error) {
    throw withLogs(error, subjects)
  } finally {
    for (const reader of readers) reader.close()
    watch.close()
    await fleet.end()
    await Promise.all([exchangeNet, ...subjects.map(({ net }) => net)].map(net => net.close()))
  }
}

/** Ends a scene that hangs while it can still say what it saw. */
const timeUp = (ms: number): Promise<never> =>
  new Promise((_, reject) => setTimeout(() => reject(new Error(`the scene was not over after ${ms} ms`)), ms).unref())

interface Parts {
  readonly options: SceneOptions
  readonly fleet: Fleet
  readonly subjects: Subject[]
  readonly readers: SwarmReader[]
  readonly watch: Watch
  readonly connections: ConnectionLog
  readonly exchangeNet: ChaosProxy
}

async function setUp({ options, fleet, subjects, readers, watch, connections, exchangeNet }: Parts): Promise<Scene> {
  const living = (): Subject[] => subjects.filter(({ isEnded }) => !isEnded)
  let named = 0
  const add = async (): Promise<Subject> => {
    named += 1
    const name = `instance-${named}`
    const net = await startChaos({ target: fleet.redis.port })
    const process = await fleet.start(
      {
        REDIS_URL: options.redisUrl ?? (options.isDirect ? fleet.redis.url : `redis://127.0.0.1:${net.port}`),
        ...(options.isExchangeFar && { TICKCAST_EXCHANGE_WS_URLS: `ws://127.0.0.1:${exchangeNet.port}` }),
        TICKCAST_INSTANCE_ID: name,
        ...options.environment,
      },
      { strings: true },
    )
    const subject = { name, process, net, isEnded: false }
    subjects.push(subject)
    return subject
  }
  const roleOf = async ({ process }: Subject): Promise<string> => (await process.status()).role
  const leader = (withinMs?: number): Promise<Subject> =>
    until(
      'one instance leads',
      async () => {
        for (const one of living()) if ((await roleOf(one).catch(() => '')) === 'leader') return one
        return undefined
      },
      withinMs,
    )
  let turn = 0
  const anywhere = (): Subject => {
    const there = living()
    turn += 1
    return there[turn % there.length] ?? lastResort(subjects)
  }
  const read: Scene['read'] = ({ at, ...more }) => {
    let isFirst = true
    const choose = (): { name: string; url: string } => {
      const chosen = at !== undefined && (isFirst || !at.isEnded) ? at : anywhere()
      isFirst = false
      return { name: chosen.name, url: chosen.process.url }
    }
    const reader = openSwarmReader({ choose, ...more })
    readers.push(reader)
    return reader
  }
  const scene: Scene = {
    fleet,
    subjects,
    readers,
    watch,
    connections,
    exchangeNet,
    leader,
    add,
    read,
    followers: async () => {
      const all = await Promise.all(living().map(async one => ({ one, role: await roleOf(one) })))
      return all.filter(({ role }) => role === 'follower').map(({ one }) => one)
    },
    readersOf: ({ name }) => readers.filter(reader => reader.instance === name),
    end: async (subject, signal) => {
      subject.isEnded = true
      subject.process.signal(signal)
      return subject.process.exited()
    },
    converged: (withinMs = 20_000) => convergence(scene, living, withinMs),
  }
  const { instances = 3, readers: count = 100 } = options
  // While processes start on a loaded machine Redis may seem out of reach for a moment; a fault begins with one connection.
  const forbid = connections.allow(instances)
  await add()
  await leader()
  await Promise.all(Array.from({ length: instances - 1 }, add))
  await until('all are live', async () => {
    for (const { process } of subjects) if ((await process.status()).level !== 'live') return false
    return true
  })
  for (let at = 0; at < count; at += 1)
    read({ name: `reader-${at}`, mode: at % 4 === 3 ? 'every' : 'latest', at: subjects[at % subjects.length] ?? lastResort(subjects) })
  await scene.converged()
  forbid()
  return scene
}

const lastResort = (subjects: readonly Subject[]): Subject => {
  const [first] = subjects
  if (first === undefined) throw new Error('no instance was started')
  return first
}

async function convergence(scene: Scene, living: () => Subject[], withinMs: number): Promise<void> {
  const since = Date.now()
  let missing = ''
  const look = async (): Promise<boolean> => {
    const states = await Promise.all(living().map(({ process }) => process.status().catch(() => undefined)))
    const roles = states.map(state => state?.role ?? 'silent')
    const open = scene.fleet.exchange.stats().connections.now
    const levels = states.map(state => state?.level ?? 'silent')
    missing = `${roles.join(' ')}; ${levels.join(' ')}; ${open} connections`
    if (roles.filter(role => role === 'leader').length !== 1 || roles.some(role => role !== 'leader' && role !== 'follower')) return false
    if (open !== 1 || levels.some(level => level !== 'live')) return false
    const behind = scene.readers.filter(reader => !reader.isClosed && !pairs.every(pair => isOnNewest(reader, pair, since)))
    missing += `; behind: ${behind.map(({ name, instance }) => `${name} at ${instance}`).join(', ')}`
    return behind.length === 0
  }
  await until('all converged', look, withinMs).catch((error: Error) => {
    throw new Error(`${error.message}: ${missing}`)
  })
}

/** Its last price of the pair is live, and the exchange's message came after `since` (wall clock). */
function isOnNewest(reader: SwarmReader, pair: string, since: number): boolean {
  const last = reader.log.findLast(sighting => sighting.pair === pair)
  return last !== undefined && last.receivedAt >= since && last.level === 'live'
}

/** The first live price that reached the reader after this moment and was received from the exchange after it (wall clock). */
export const firstLiveSince = (reader: SwarmReader, wallAt: number): Sighting | undefined =>
  reader.log.find(sighting => sighting.receivedAt > wallAt && sighting.level === 'live' && sighting.source === 'websocket')

/** Waits until every one of these has a live price made since then, and returns how long the slowest waited, ms. */
export async function allLiveSince(readers: readonly SwarmReader[], wallAt: number, withinMs = 15_000): Promise<number> {
  await until('all readers have live prices again', () => readers.every(reader => firstLiveSince(reader, wallAt) !== undefined), withinMs)
  return Math.max(...readers.map(reader => (firstLiveSince(reader, wallAt)?.wallAt ?? 0) - wallAt))
}

/** Lines of its log since this moment of the wall clock. */
export const linesSince = ({ process }: Subject, wallAt: number, message: RegExp): Readonly<Record<string, unknown>>[] =>
  process.logged(message).filter(({ time }) => Date.parse(String(time)) >= wallAt)

/** When each of these readers was told of a level since this moment (monotonic); waits until all were. The slowest, ms. */
export async function allTold(
  readers: readonly SwarmReader[],
  since: number,
  levels: readonly string[],
  withinMs = 15_000,
): Promise<number> {
  const toldAt = ({ told }: SwarmReader): number | undefined =>
    told.find(({ at, name, data }) => at >= since && name === 'status' && levels.includes(data.level))?.at
  await until(`all readers are told ${levels.join(' or ')}`, () => readers.every(reader => toldAt(reader) !== undefined), withinMs)
  return Math.max(...readers.map(reader => (toldAt(reader) ?? 0) - since))
}

/** The longest silence of prices on the bus between these moments (monotonic), ms. */
export function longestSilence(watch: Watch, from: number, to: number): number {
  const times = [from, ...watch.prices.map(({ at }) => at).filter(at => at > from && at < to), to]
  return Math.max(...times.map((at, index) => at - (times[index - 1] ?? at)))
}

/** Trades of a pair that a reader did not get between the first and the last it got, and was not told about by `event: gap`. */
export function missedTrades(reader: SwarmReader, since = 0): number {
  let missed = 0
  for (const pair of pairs) {
    const ids = reader.log.filter(sighting => sighting.pair === pair && sighting.at >= since).map(({ tradeId }) => tradeId)
    ids.forEach((id, at) => {
      const before = ids[at - 1]
      if (before !== undefined && id > before + 1) missed += id - before - 1
    })
  }
  return missed
}

/** The last lines of each log, so that a failure on another machine can be understood. */
function withLogs(error: unknown, subjects: readonly Subject[]): Error {
  const logs = subjects.map(({ name, process }) => {
    const lines = process.lines.slice(-25).map(({ time, level, msg, pid: _pid, hostname: _host, instance: _instance, ...more }) => {
      return `  ${String(time).slice(14, 23)} ${level} ${msg} ${JSON.stringify(more)}`
    })
    return `${name} (exit code ${process.exitCode}) ${process.said.join(' ')}\n${lines.join('\n')}`
  })
  const message = error instanceof Error ? error.message : String(error)
  return new Error(`${message}\n${logs.join('\n')}`, { cause: error })
}
