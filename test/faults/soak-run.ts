import { randomBytes } from 'node:crypto'
import { seededRandom } from '../../src/simulator/random.ts'
import { playScene, type Scene, type Subject, sleep } from '../support/scene.ts'

/** A random hour of a bad day, from a seed: faults one after and over another, then everything is healed and must come together again. */

export const newSeed = (): string => randomBytes(4).toString('hex')

const kinds = [
  'kill',
  'kill-leader',
  'stop',
  'pause',
  'pause-leader',
  'blackhole',
  'hold',
  'refuse',
  'slow',
  'redis-kill',
  'redis-pause',
  'redis-empty',
] as const
type Kind = (typeof kinds)[number]

export interface Step {
  readonly atMs: number
  readonly kind: Kind
  /** Which of the living instances, counted round. */
  readonly target: number
  readonly forMs: number
}

/** Faults begin on average every four seconds and last up to eight; the last one ends in time for the healing. */
export function planSoak(seed: string, ms: number): readonly Step[] {
  const random = seededRandom(seed)
  const steps: Step[] = []
  for (let atMs = 1000; ; atMs += 1000 + random() * 6000) {
    const forMs = 500 + random() * 7500
    const kind = kinds[Math.floor(random() * kinds.length)]
    if (kind === undefined || atMs + forMs > ms) return steps
    steps.push({ atMs: Math.round(atMs), kind, target: Math.floor(random() * 3), forMs: Math.round(forMs) })
  }
}

export const writePlan = (steps: readonly Step[]): string =>
  steps.map(({ atMs, kind, target, forMs }) => `  ${(atMs / 1000).toFixed(1).padStart(6)} s  ${kind} ${target} for ${forMs} ms`).join('\n')

export interface SoakOptions {
  readonly seed: string
  readonly ms: number
  readonly readers?: number
  readonly note?: (line: string) => void
}

/** Throws with all that went wrong. */
export function soak({ seed, ms, readers = 60, note = () => {} }: SoakOptions): Promise<void> {
  const plan = planSoak(seed, ms)
  return playScene({ readers, rate: 4, withinMs: ms + 120_000 }, async scene => {
    // Each instance that is cut off holds a connection of its own, and one that ended may not be noticed yet.
    scene.connections.allow(6)
    const startedAt = performance.now()
    const healings: Promise<void>[] = []
    for (const step of plan) {
      await sleep(Math.max(0, startedAt + step.atMs - performance.now()))
      note(`${(step.atMs / 1000).toFixed(1)} s ${step.kind} for ${step.forMs} ms`)
      healings.push(play(scene, step))
    }
    await Promise.all(healings)
    await scene.converged(40_000)
  })
}

/** Something is wrong with it already: the next fault goes elsewhere. */
const busy = new WeakSet<object>()

/** Begins one fault and resolves when it is healed. One that finds nothing to act on does nothing. */
async function play(scene: Scene, { kind, target, forMs }: Step): Promise<void> {
  if (kind.startsWith('redis')) return playRedis(scene, kind, forMs)
  const subject = choose(scene, kind, target)
  if (subject === undefined) return
  busy.add(subject)
  await strike(scene, subject, kind)
  await sleep(forMs)
  if (subject.isEnded) await scene.add()
  else {
    subject.process.signal('SIGCONT')
    subject.net.heal()
  }
  busy.delete(subject)
}

function choose({ subjects, watch }: Scene, kind: Kind, target: number): Subject | undefined {
  const free = subjects.filter(subject => !subject.isEnded && !busy.has(subject))
  // One at least stays in good health, or there is nothing to hold the others against.
  if (free.length < 2) return undefined
  const leader = free.find(({ name }) => name === watch.heartbeats.at(-1)?.instance)
  return kind.endsWith('leader') && leader !== undefined ? leader : free[target % free.length]
}

async function strike(scene: Scene, subject: Subject, kind: Kind): Promise<void> {
  const { net, process } = subject
  if (kind === 'kill' || kind === 'kill-leader') await scene.end(subject, 'SIGKILL')
  else if (kind === 'stop') await scene.end(subject, 'SIGTERM')
  else if (kind === 'pause' || kind === 'pause-leader') process.signal('SIGSTOP')
  else if (kind === 'blackhole') net.blackhole()
  else if (kind === 'hold') net.hold('up')
  else if (kind === 'refuse') net.refuse()
  else net.weather({ delayMs: 100, jitterMs: 50, stallPercent: 1, stallMs: 200 })
}

async function playRedis({ fleet: { redis } }: Scene, kind: Kind, forMs: number): Promise<void> {
  if (busy.has(redis)) return
  busy.add(redis)
  if (kind === 'redis-empty') await redis.command('FLUSHALL')
  else if (kind === 'redis-kill') await redis.kill()
  else redis.pause()
  await sleep(forMs)
  if (kind === 'redis-kill') await redis.restart()
  else redis.resume()
  busy.delete(redis)
}
