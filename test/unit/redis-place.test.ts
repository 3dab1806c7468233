import { expect, test } from 'vitest'
import { introduce } from '../../src/redis-place.ts'
import { readRedisUrl } from '../../src/redis-url.ts'
import type { Reply, Wire } from '../../src/redis-wire.ts'

/** What Redis 7.0.15 answers to HELLO, with other words. */
const hello = (version: string, mode: string, role: string): Reply =>
  ['server', 'redis', 'version', version, 'proto', 3, 'id', 7, 'mode', mode, 'role', role, 'modules', []].map(word =>
    typeof word === 'string' ? Buffer.from(word) : (word as Reply),
  )

const meet = async (reply: Reply, url = 'redis://h') => {
  const asked: (readonly string[])[] = []
  const wire: Wire = {
    ask: async (...words) => {
      asked.push(words)
      return reply
    },
    settle: async () => {},
    close: () => {},
  }
  const reading = readRedisUrl(url)
  if (reading.kind === 'refused') throw new Error(reading.cause)
  return { ...(await introduce(wire, reading.target)), asked }
}

test('prices are followed in their slot where a Cluster can tell them there, which is from Redis 7.0 on', async () => {
  expect(await meet(hello('7.0.15', 'cluster', 'master'))).toMatchObject({ isCluster: true, isSharded: true, isReplica: false })
  expect(await meet(hello('10.1.0', 'cluster', 'master'))).toMatchObject({ isSharded: true })
  expect(await meet(hello('6.2.14', 'cluster', 'master'))).toMatchObject({ isCluster: true, isSharded: false })
  expect(await meet(hello('7.2.4', 'standalone', 'replica'))).toMatchObject({ isCluster: false, isSharded: false, isReplica: true })
  expect(await meet(null)).toMatchObject({ isCluster: false, isSharded: false, isReplica: false })
})

test('a password is given with the user it belongs to', async () => {
  expect((await meet(null)).asked).toEqual([['HELLO', '3']])
  expect((await meet(null, 'redis://:pw@h')).asked).toEqual([['HELLO', '3', 'AUTH', 'default', 'pw']])
  expect((await meet(null, 'redis://ann:pw@h')).asked).toEqual([['HELLO', '3', 'AUTH', 'ann', 'pw']])
})
