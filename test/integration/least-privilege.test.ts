import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { type Fleet, reaches, startFleet } from '../support/fleet.ts'
import { openReader } from '../support/reader.ts'
import { redisAvailable } from '../support/redis.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { until } from '../support/until.ts'

/** What the README tells people to type, so that it cannot drift from what is tested. */
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const lineOf = (user: string): string[] => {
  const line = readme.split('\n').find(text => text.startsWith(`ACL SETUSER ${user} on >PASSWORD `))
  if (line === undefined) throw new Error(`the README has no ACL line for ${user}`)
  return line.replace('PASSWORD', 'pw').split(/ (?![^(]*\))/)
}
const additions = readme.match(/In a Cluster, to the first add `([^`]+)`, to the second `([^`]+)`/)?.slice(1) ?? []

const allow = (hand: Redis, words: readonly string[]): Promise<unknown> => hand.call('ACL', ...words.slice(1))
const as = (url: string, user: string): string => url.replace('://', `://${user}:pw@`)

let fleet: Fleet | undefined
const hands: Redis[] = []
const handOf = (port: number, options: { readonly username?: string; readonly password?: string } = {}): Redis => {
  const hand = new Redis(port, '127.0.0.1', { ...options, enableReadyCheck: false, disableClientInfo: true })
  hands.push(hand)
  return hand
}
afterEach(async () => {
  await fleet?.end()
  fleet = undefined
  for (const hand of hands.splice(0)) hand.disconnect()
})

const refused = async (hand: Redis, commands: readonly (readonly [string, ...string[]])[]): Promise<void> => {
  for (const [name, ...words] of commands)
    await expect(hand.call(name, ...words), `${name} ${words.join(' ')}`).rejects.toThrow(
      /NOPERM|^ERR The user executing the script can't (access|publish)/,
    )
}

const foreign = [
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['KEYS', '*'],
  ['CONFIG', 'GET', '*'],
  ['CLIENT', 'LIST'],
  ['ACL', 'LIST'],
  ['SCRIPT', 'FLUSH'],
  ['GET', 'foreign'],
  ['SET', 'foreign', '1'],
  ['EVAL', "return redis.call('GET', 'foreign')", '0'],
  ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'foreign'],
  ['PUBLISH', 'foreign', 'x'],
  ['SUBSCRIBE', 'foreign'],
] as const

describe.skipIf(!redisAvailable)('the least Redis must allow', () => {
  it('is enough for a leader and a follower, through demand, hand-over and all', async () => {
    fleet = await startFleet()
    const admin = handOf(fleet.redis.port)
    for (const user of ['tickcast', 'tickcast-follower']) await allow(admin, lineOf(user))
    const one = await fleet.start({ REDIS_URL: as(fleet.redis.url, 'tickcast') })
    await fleet.leader([one])
    const two = await fleet.start({ REDIS_URL: as(fleet.redis.url, 'tickcast-follower'), TICKCAST_LEADER_ELIGIBLE: 'false' })
    await reaches(two, 'live')
    const reader = await openReader(`${two.url}/v1/stream?pairs=SOL/USD`)
    await until(
      'a pair only the follower wants flows',
      () => reader.prices('SOL/USD').filter(({ data }) => data.source === 'websocket').length > 2,
    )
    const next = await fleet.start({ REDIS_URL: as(fleet.redis.url, 'tickcast') })
    one.signal('SIGTERM')
    expect(await one.exited()).toBe(0)
    await fleet.leader([next])
    const had = reader.prices('SOL/USD').length
    await until('it flows on', () => reader.prices('SOL/USD').length > had + 2)
    two.signal('SIGTERM')
    expect(await two.exited()).toBe(0)
    // Every refusal is written there: nothing was even tried that is not allowed.
    expect(await admin.call('ACL', 'LOG')).toEqual([])
  }, 40_000)

  it('is enough for nothing else', async () => {
    fleet = await startFleet()
    const admin = handOf(fleet.redis.port)
    await admin.set('foreign', '1')
    for (const user of ['tickcast', 'tickcast-follower']) await allow(admin, lineOf(user))
    const leader = handOf(fleet.redis.port, { username: 'tickcast', password: 'pw' })
    await refused(leader, foreign)
    const follower = handOf(fleet.redis.port, { username: 'tickcast-follower', password: 'pw' })
    await refused(follower, [
      ...foreign,
      ['SET', 'prices:leader', 'me'],
      ['SET', 'prices:epoch', '9'],
      ['SET', 'price:BTC/USD:latest', 'x'],
      ['GET', 'prices:epoch'],
      ['DEL', 'prices:leader'],
      ['PUBLISH', 'prices:dist:BTC/USD:latest', 'x'],
      ['PUBLISH', 'prices:heartbeat', 'x'],
      ['EVAL', "return redis.call('PUBLISH', 'prices:released', 'x')", '0'],
      ['EVAL', 'return 1', '1', 'prices:leader'],
    ])
    expect(await follower.publish('prices:demands', 'x')).toBe(0)
  })

  it('is enough in a Cluster, with what is added there', async () => {
    const cluster = await startRedisCluster()
    fleet = await startFleet()
    try {
      const tagged = (words: readonly string[]): string[] => words.map(word => word.replaceAll(/([~&])(?=price)/g, '$1{t}:'))
      const lines = ['tickcast', 'tickcast-follower'].map((user, at) =>
        tagged([...lineOf(user), ...(additions[at] ?? '').split(/ (?![^(]*\))/)]),
      )
      expect(additions).toHaveLength(2)
      for (const { hand } of cluster.nodes) for (const line of lines) await allow(hand, line)
      const prefix = { TICKCAST_PREFIX: '{t}:' }
      const one = await fleet.start({ ...prefix, REDIS_URL: as(cluster.url, 'tickcast') })
      await fleet.leader([one])
      const two = await fleet.start({ ...prefix, REDIS_URL: as(cluster.url, 'tickcast-follower'), TICKCAST_LEADER_ELIGIBLE: 'false' })
      await reaches(two, 'live')
      const reader = await openReader(`${two.url}/v1/stream?pairs=SOL/USD`)
      await until(
        'a pair only the follower wants flows',
        () => reader.prices('SOL/USD').filter(({ data }) => data.source === 'websocket').length > 2,
      )
      for (const process of [two, one]) {
        process.signal('SIGTERM')
        expect(await process.exited()).toBe(0)
      }
      for (const { hand } of cluster.nodes) expect(await hand.call('ACL', 'LOG')).toEqual([])
    } finally {
      await cluster.stop()
    }
  }, 60_000)
})
