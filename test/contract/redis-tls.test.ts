import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, createAuthority, opensslAvailable } from '../support/certificates.ts'
import { redisAvailable } from '../support/redis.ts'
import { connect, follow, price, start } from './redis-subject.ts'
import { eventually, lead, record } from './subject.ts'

describe.skipIf(!redisAvailable || !opensslAvailable)('redis over TLS', () => {
  let ours: Authority
  let ca: string
  beforeAll(() => {
    ours = createAuthority()
    ca = readFileSync(ours.ca, 'utf8')
  })
  afterAll(() => ours.remove())

  /** The one sentence that the commands, a call and a following all say. */
  const trouble = async (url: string, authority: string | undefined): Promise<string> => {
    const { notes, bus } = await connect(url, authority === undefined ? {} : { ca: authority })
    const [note, ...more] = notes
    expect(more).toEqual([])
    const cause = note?.kind === 'lost' ? note.cause : 'connected'
    expect(await bus.publish(1, [])).toEqual({ kind: 'unreachable', cause })
    const follower = record(bus, ['BTC/USD'])
    await eventually(() => follower.losses.length > 0)
    expect(follower.losses).toEqual([cause])
    return cause
  }

  test('prices are published and followed, with a password, by host name and by address', async () => {
    const server = await start({ tls: ours.certify('DNS:localhost,IP:127.0.0.1'), password: 's3cret' })
    for (const host of ['localhost', '127.0.0.1']) {
      const member = await connect(`rediss://:s3cret@${host}:${server.port}/2`, { ca })
      expect(member.notes).toEqual([{ kind: 'connected' }])
      const epoch = await lead(member)
      const follower = await follow(member, ['BTC/USD'])
      expect(await member.bus.publish(epoch, [price('one')])).toEqual({ kind: 'accepted', uncached: 0 })
      await eventually(() => follower.prices.length > 0)
      expect(await member.bus.last(['BTC/USD'])).toEqual({ kind: 'read', payloads: new Map([['BTC/USD', Buffer.from('one')]]) })
      await member.lease.release({ id: 'first' })
    }
  })

  test('the servers of a Cluster speak it, too', async () => {
    const server = await start({
      tls: ours.certify('DNS:localhost,IP:127.0.0.1'),
      args: ['--cluster-enabled', 'yes', '--tls-cluster', 'yes'],
    })
    const hand = new Redis(server.port, 'localhost', { tls: { ca } })
    await hand.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383)
    await eventually(async () => String(await hand.call('CLUSTER', 'INFO')).includes('cluster_state:ok'), 10_000)
    hand.disconnect()
    const member = await connect(`rediss+cluster://localhost:${server.port}`, { ca, prefix: '{t}:' })
    const epoch = await lead(member)
    const follower = await follow(member, ['BTC/USD'])
    expect(await member.bus.publish(epoch, [price('one')])).toEqual({ kind: 'accepted', uncached: 0 })
    await eventually(() => follower.prices.length > 0)
  })

  test('a server that comes back over TLS is used again', async () => {
    const server = await start({ tls: ours.certify('DNS:localhost') })
    const member = await connect(`rediss://localhost:${server.port}`, { ca })
    const follower = await follow(member, ['BTC/USD'])
    await server.kill()
    await eventually(() => follower.losses.length > 0 && member.notes.length > 1)
    await server.restart()
    await eventually(async () => (await member.bus.publish(1, [])).kind === 'fenced')
    await follow(member, ['BTC/USD'])
  })

  test('an authority that is not trusted is one clear sentence', async () => {
    const server = await start({ tls: ours.certify('DNS:localhost') })
    const stranger = createAuthority()
    const place = `localhost:${server.port}`
    for (const authority of [undefined, readFileSync(stranger.ca, 'utf8')])
      expect(await trouble(`rediss://${place}`, authority)).toBe(
        `the certificate of Redis at ${place} is signed by an authority that is not trusted here: name its CA file in TICKCAST_REDIS_CA or NODE_EXTRA_CA_CERTS`,
      )
    stranger.remove()
  })

  test('a certificate for another host is one clear sentence', async () => {
    const server = await start({ tls: ours.certify('DNS:redis.example') })
    const place = `localhost:${server.port}`
    expect(await trouble(`rediss://${place}`, ca)).toBe(
      `the certificate of Redis at ${place} is for another host name than the one in REDIS_URL`,
    )
  })

  test('an expired certificate is one clear sentence', async () => {
    const server = await start({ tls: ours.certify('DNS:localhost', 0) })
    const place = `localhost:${server.port}`
    const cause = `the certificate of Redis at ${place} is expired or not yet valid`
    await eventually(async () => (await trouble(`rediss://${place}`, ca)) === cause)
  })

  test('TLS to a server without it, and none to a server with it, are told apart', async () => {
    const plain = await start()
    expect(await trouble(`rediss://127.0.0.1:${plain.port}`, ca)).toBe(
      `Redis at 127.0.0.1:${plain.port} does not answer in TLS: is it frozen, or is this not its TLS port (redis:// is without TLS)?`,
    )
    const server = await start({ tls: ours.certify('IP:127.0.0.1') })
    expect(await trouble(`redis://127.0.0.1:${server.port}`, undefined)).toBe(
      `Redis at 127.0.0.1:${server.port} closed the connection at once: does it speak TLS only (rediss://)?`,
    )
  })
})
