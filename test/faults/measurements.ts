import { openCrowd } from '../support/crowd.ts'
import {
  allLiveSince,
  linesSince,
  longestSilence,
  missedTrades,
  playScene,
  type Scene,
  type SceneOptions,
  sleep,
} from '../support/scene.ts'
import { until } from '../support/until.ts'

/** What is measured of the same fault again and again. */
export interface Measurement {
  readonly name: string
  readonly what: string
  readonly unit: 'ms' | 'trades' | 'gaps' | 'terms'
  readonly scene: SceneOptions
  /** One round. Leaves the fleet as it found it. Several figures when there are several instances to ask. */
  readonly round: (scene: Scene) => Promise<readonly number[]>
  /** Rounds for each one asked for. */
  readonly times?: number
}

const readers = 24

async function failover(scene: Scene): Promise<readonly number[]> {
  const one = await scene.leader()
  const others = scene.readers.filter(reader => reader.instance !== one.name)
  const killedAt = Date.now()
  await scene.end(one, 'SIGKILL')
  const waitedMs = await allLiveSince(others, killedAt)
  await scene.add()
  await scene.converged()
  return [waitedMs]
}

/** Ends the leader in order, and returns what `look` finds when the successor publishes. */
async function handOver(scene: Scene, look: (stoppedAt: number) => readonly number[]): Promise<readonly number[]> {
  const one = await scene.leader()
  scene.connections.allow(2)
  const stoppedAt = performance.now()
  await scene.end(one, 'SIGTERM')
  await scene.leader()
  await sleep(1000)
  const found = look(stoppedAt)
  await scene.add()
  await scene.converged()
  return found
}

/** Kills Redis for so long, and returns what `look` finds before and after it is back. */
async function withoutRedis(
  scene: Scene,
  { during, after }: { during?: (at: Lost) => Promise<readonly number[]>; after?: (at: Lost) => Promise<readonly number[]> },
): Promise<readonly number[]> {
  const { redis } = scene.fleet
  const leader = await scene.leader()
  const forbid = scene.connections.allow(3)
  const lost = { leader: leader.name, mono: performance.now(), wall: Date.now(), heard: scene.watch.prices.length }
  await redis.kill()
  const found = (await during?.(lost)) ?? []
  await sleep(3000)
  lost.heard = scene.watch.prices.length
  await redis.restart()
  const later = (await after?.({ ...lost, mono: performance.now() })) ?? []
  await scene.converged()
  forbid()
  return [...found, ...later]
}

interface Lost {
  readonly leader: string
  readonly mono: number
  readonly wall: number
  readonly heard: number
}

const everyOf = (scene: Scene, isOfInterest: (instance: string) => boolean) =>
  scene.readers.filter(({ mode, instance }) => mode === 'every' && isOfInterest(instance))

/** Readers that join a follower under load, fifty at a time: trades they lack between their first price and their thirtieth. */
async function join(scene: Scene): Promise<readonly number[]> {
  const [one] = await scene.followers()
  if (one === undefined) throw new Error('nobody follows')
  const joining = Array.from({ length: 50 }, (_, at) => scene.read({ name: `joining-${at}`, mode: 'every', at: one }))
  await until('they have read thirty prices', () => joining.every(({ log }) => log.length >= 30))
  const gaps = joining.map(reader => missedTrades(reader) + reader.told.filter(({ name }) => name === 'gap').length)
  for (const reader of joining) reader.close()
  return gaps
}

async function hang(scene: Scene): Promise<readonly number[]> {
  const forbid = scene.connections.allow(3)
  const stoppedAt = Date.now()
  scene.fleet.redis.pause()
  const living = scene.subjects.filter(({ isEnded }) => !isEnded)
  const noticed = (): readonly (number | undefined)[] =>
    living
      .map(one => linesSince(one, stoppedAt, /^(relay behind|Redis lost)/)[0]?.time)
      .map(time => (time === undefined ? undefined : Date.parse(String(time)) - stoppedAt))
  await until('all noticed', () => noticed().every(ms => ms !== undefined))
  const found = noticed().map(ms => ms ?? Number.NaN)
  scene.fleet.redis.resume()
  await scene.converged()
  forbid()
  return found
}

async function halfOpen(scene: Scene): Promise<readonly number[]> {
  const [one] = await scene.followers()
  if (one === undefined) throw new Error('nobody follows')
  const forbid = scene.connections.allow(2)
  const cutAt = Date.now()
  one.net.blackhole()
  await until('it noticed', () => linesSince(one, cutAt, /^(relay behind|Redis lost)/).length > 0)
  const found = Date.parse(String(linesSince(one, cutAt, /^(relay behind|Redis lost)/)[0]?.time)) - cutAt
  one.net.heal()
  await scene.converged()
  forbid()
  return [found]
}

/** Half a minute behind a slow, uneven and lossy way to Redis: the terms that ended. */
async function slowRedis(scene: Scene): Promise<readonly number[]> {
  const terms = scene.watch.epochs.length
  for (const { net } of scene.subjects) net.weather({ delayMs: 100, jitterMs: 50, stallPercent: 1, stallMs: 200 })
  await sleep(30_000)
  const ended = scene.watch.epochs.length - terms
  for (const { net } of scene.subjects) net.heal()
  return [ended]
}

/** Ten thousand readers of one instance that dies come back to the two others, all when `retry:` says. */
async function storm(scene: Scene): Promise<readonly number[]> {
  const [one] = await scene.followers()
  if (one === undefined) throw new Error('nobody follows')
  const others = scene.subjects.filter(subject => subject !== one && !subject.isEnded)
  const choose = (member: number): string => (one.isEnded ? others[member % others.length] : one)?.process.url ?? ''
  const crowd = await openCrowd({ size: 10_000, path: '/v1/stream?pairs=BTC/USD&interval=5000', choose })
  const diedAt = performance.now()
  await scene.end(one, 'SIGKILL')
  await until('all are away', () => crowd.served === 0)
  await until('all are back', () => crowd.served === crowd.size, 60_000)
  const lastAt = Math.max(...crowd.firsts())
  crowd.close()
  await scene.add()
  await scene.converged()
  return [lastAt - diedAt]
}

export const measurements: readonly Measurement[] = [
  {
    name: 'failover-3s',
    what: 'leader killed, lease 3 s: until all readers of the others are live',
    unit: 'ms',
    scene: { readers },
    round: failover,
  },
  {
    name: 'failover-1s',
    what: 'the same, lease 1 s',
    unit: 'ms',
    scene: { readers, environment: { TICKCAST_LEASE_TTL_MS: '1000' } },
    round: failover,
  },
  {
    name: 'hand-over',
    what: 'leader stopped: trades missed at readers of the others',
    unit: 'trades',
    scene: { readers },
    round: scene => {
      const every = scene.readers.filter(({ mode }) => mode === 'every')
      return handOver(scene, stoppedAt =>
        every.filter(({ partings }) => !partings.some(({ at }) => at >= stoppedAt)).map(reader => missedTrades(reader, stoppedAt - 500)),
      )
    },
  },
  {
    name: 'hand-over-own',
    what: 'leader stopped: trades missed at its own readers, who come back elsewhere',
    unit: 'trades',
    scene: { readers },
    round: scene => {
      const every = scene.readers.filter(({ mode }) => mode === 'every')
      return handOver(scene, stoppedAt =>
        every.filter(({ partings }) => partings.some(({ at }) => at >= stoppedAt)).map(reader => missedTrades(reader, stoppedAt - 500)),
      )
    },
  },
  {
    name: 'hand-over-silence',
    what: 'leader stopped: longest silence on the bus',
    unit: 'ms',
    scene: { readers },
    round: scene => handOver(scene, stoppedAt => [longestSilence(scene.watch, stoppedAt, performance.now())]),
  },
  {
    name: 'redis-killed-own',
    what: "Redis killed and back empty: trades missed at the leader's readers",
    unit: 'trades',
    scene: { readers },
    round: async scene => {
      const { name } = await scene.leader()
      const own = everyOf(scene, instance => instance === name)
      const since = performance.now()
      await withoutRedis(scene, {})
      return own.map(reader => missedTrades(reader, since))
    },
  },
  {
    name: 'redis-killed-others',
    what: "Redis killed: until followers' readers have live prices again",
    unit: 'ms',
    scene: { readers },
    round: scene =>
      withoutRedis(scene, {
        during: async ({ leader, wall }) => [
          await allLiveSince(
            scene.readers.filter(({ instance }) => instance !== leader),
            wall,
          ),
        ],
      }),
  },
  {
    name: 'redis-back',
    what: 'Redis back, empty: until prices are published',
    unit: 'ms',
    scene: { readers },
    round: scene =>
      withoutRedis(scene, {
        after: async ({ heard, mono }) => [(await until('prices are published', () => scene.watch.prices[heard])).at - mono],
      }),
  },
  { name: 'join', what: 'readers join a follower under load: gaps', unit: 'gaps', scene: { readers, rate: 16 }, round: join },
  { name: 'redis-hung', what: 'Redis hangs: until each instance notices', unit: 'ms', scene: { readers }, round: hang },
  {
    name: 'storm',
    what: '10,000 readers of an instance that dies: until all have a price elsewhere',
    unit: 'ms',
    scene: { readers },
    round: storm,
  },
  {
    name: 'slow-redis',
    what: 'half a minute of 200 ± 100 ms to Redis and back, 1 % of pieces lost: terms that ended',
    unit: 'terms',
    scene: { readers },
    round: slowRedis,
  },
  { name: 'half-open', what: 'bytes to one follower vanish: until it notices', unit: 'ms', scene: { readers }, round: halfOpen },
]

/** Plays all rounds of one on one fleet. */
export async function measure({ scene: options, round }: Measurement, rounds: number, progress: (done: number) => void): Promise<number[]> {
  const figures: number[] = []
  await playScene({ ...options, withinMs: rounds * 60_000 }, async scene => {
    for (let done = 0; done < rounds; done += 1) {
      figures.push(...(await round(scene)))
      progress(done + 1)
    }
  })
  return figures
}
