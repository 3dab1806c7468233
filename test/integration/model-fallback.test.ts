import { afterAll, describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { fallbackMachine } from '../../machines/fallback.ts'
import { type Cluster, clockThatCuts, forbid, type Member, permit, withCluster } from '../support/cluster.ts'
import type { Coverage } from '../support/coverage.ts'
import { reportPart } from '../support/coverage-parts.ts'
import { expectNoneOlder } from '../support/expectations.ts'
import type { Reader } from '../support/reader.ts'
import { redisAvailable } from '../support/redis.ts'
import { type Speaker, startSpeaker } from '../support/speaker.ts'
import { until } from '../support/until.ts'
import { walkOf } from '../support/walk.ts'

const total: Coverage = {}
afterAll(() => reportPart('integration', 'fallback', total, [fallbackMachine]))

/** From every level below live each answer to "who has prices now?", and news from the stream. From live only what time shows. */
const answers = { rest: 'polling', shared: 'shared-cache', local: 'local-cache', none: 'stale', heard: 'live' }
const levels = createMachine({
  id: 'levels',
  initial: 'live',
  states: {
    live: { on: { rest: 'polling', flicker: 'live' } },
    polling: { on: answers },
    'shared-cache': { on: answers },
    'local-cache': { on: answers },
    stale: { on: answers },
  },
})

interface Real {
  readonly cluster: Cluster
  readonly speaker: Speaker
  readonly member: Member
  readonly reader: Reader
}

/** What the world must be for the follower of a leader to get this answer. */
const worlds: Record<string, (real: Real) => unknown> = {
  heard: ({ speaker }) => speaker.beat('live'),
  rest: ({ speaker }) => {
    speaker.feed(false)
    speaker.beat('polling')
  },
  shared: ({ speaker, cluster }) => {
    speaker.feed(true)
    speaker.beat('stale')
    return permit(cluster, 'mget')
  },
  local: ({ speaker, cluster }) => {
    speaker.feed(true)
    speaker.beat('stale')
    return forbid(cluster, 'mget')
  },
  none: ({ speaker }) => {
    speaker.feed(false)
    speaker.beat('stale')
  },
  flicker: async ({ speaker, member }) => {
    speaker.beat('stale')
    await member.reaches('fallback', 'live.doubted')
    speaker.beat('live')
    await member.reaches('fallback', 'live.steady')
  },
}

/** The answer that keeps a level where it is. */
const keeper: Record<string, string> = { polling: 'rest', 'shared-cache': 'shared', 'local-cache': 'local', stale: 'none', live: 'heard' }

const edgeOfLeg = (from: string, act: string, to: string): string | undefined => {
  if (from === 'live') return act === 'flicker' ? 'live.doubted|websocket.heard||live.steady' : 'live.doubted|after doubtMs||polling'
  return act === 'heard' ? `${from}|websocket.heard||live` : `${from}.asking|source.${act}||${to}.resting`
}

/** Goes there by that very arrow. The answer is fixed before we see the question, so now and then another arrow is taken first. */
async function go(real: Real, from: string, act: string, to: string): Promise<void> {
  const edge = edgeOfLeg(from, act, to) ?? ''
  const { cluster, member } = real
  const before = cluster.taken('fallback', edge)
  const isTaken = (): boolean => cluster.taken('fallback', edge) > before
  for (let attempt = 0; attempt < 4 && !isTaken(); attempt += 1) {
    await worlds[keeper[from] ?? '']?.(real)
    await member.reaches('fallback', from)
    await worlds[act]?.(real)
    const end = performance.now() + 3500
    await until('an answer', () => isTaken() || performance.now() > end)
  }
  if (!isTaken()) throw new Error(`${edge} was not taken; it is ${member.at('fallback')}`)
  await member.reaches('fallback', to)
  await until(`the reader is told ${to}`, () => real.reader.named('status').at(-1)?.data.level === to)
  expect((await member.status()).level).toBe(to)
}

async function open(cluster: Cluster, options: Parameters<Cluster['start']>[0] = {}): Promise<Real> {
  const speaker = await startSpeaker(cluster.redis.url)
  speaker.feed(true)
  speaker.beat('live')
  const environment = { TICKCAST_STALE_AFTER_MS: '1000' }
  const member = await cluster.start({ ...options, environment })
  const reader = await member.read()
  await member.reaches('fallback', 'live.steady')
  return { cluster, speaker, member, reader }
}

describe.skipIf(!redisAvailable)('the levels, by what really answers', { timeout: 90_000 }, () => {
  it.concurrent('are gone up and down along every arrow an answer can cause', () =>
    withCluster(total, async cluster => {
      const real = await open(cluster)
      for (const { from, act, to } of walkOf(levels, 'live')) await go(real, from, act, to)
      expectNoneOlder(real.reader)
      expect(real.reader.isOver).toBe(false)
      await real.speaker.stop()
    }))

  it.concurrent('sink to the local cache, then to stale, while the exchange leaves every question open', () =>
    withCluster(total, async cluster => {
      const member = await cluster.start({ clock: clockThatCuts({ 3300: 200, 4000: 200 }) })
      const reader = await member.read()
      await member.reaches('fallback', 'live.steady')
      const { faults } = cluster.exchange
      const silenced = async (from: string, to: string): Promise<void> => {
        const edge = `${from}.asking|after askMaxMs||${to}.resting`
        await until(edge, () => cluster.taken('fallback', edge) > 0)
      }
      faults.upgradeStatus = 503
      faults.kill()
      await member.reaches('fallback', 'polling.resting')
      faults.restDelayMs = 60_000
      await silenced('polling', 'local-cache')
      await silenced('local-cache', 'stale')
      await silenced('stale', 'stale')
      faults.restDelayMs = 0
      await member.reaches('fallback', 'polling')
      faults.restDown = true
      await member.reaches('fallback', 'shared-cache')
      faults.restDelayMs = 60_000
      faults.restDown = false
      await silenced('shared-cache', 'local-cache')
      faults.clear()
      await member.reaches('fallback', 'live')
      const told = reader.named('status').map(({ data }) => data.level)
      expect(new Set(told)).toEqual(new Set(['live', 'polling', 'local-cache', 'stale', 'shared-cache']))
      expectNoneOlder(reader)
    }))
})
