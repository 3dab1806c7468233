import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { type Config, readConfig, settings, settingsTable } from '../../src/config.ts'
import { createAuthority, opensslAvailable } from '../support/certificates.ts'

type Environment = Readonly<Record<string, string | undefined>>

const folder = mkdtempSync(join(tmpdir(), 'tickcast-ca-'))
const certificate = join(folder, 'ca.pem')
writeFileSync(certificate, '-----BEGIN CERTIFICATE-----\n')
afterAll(() => rmSync(folder, { recursive: true }))

const good = (environment: Environment): Config => {
  const read = readConfig(environment)
  if ('mistakes' in read) throw new Error(read.mistakes.join(' '))
  return read.config
}
const mistakes = (environment: Environment): readonly string[] => {
  const read = readConfig(environment)
  return 'mistakes' in read ? read.mistakes : []
}

test('without any setting everything is as the contract says', () => {
  const config = good({})
  expect(config).toMatchObject({
    port: 8080,
    host: '127.0.0.1',
    redisUrl: '',
    pairs: ['BTC/USD', 'ETH/USD'],
    streams: ['trade', 'ticker'],
    redisLoss: 'solo',
    leaderEligible: 'true',
    prefix: '',
    logLevel: 'info',
    corsOrigins: [],
  })
  expect([...config.quoteAliases]).toEqual([['USD', 'USDT']])
  expect(config.exchangeWsUrls[0]).toBe('wss://stream.binance.com:9443')
})

test('a setting that is empty or blank is as if it were not there', () => {
  const names = Object.values(settings).map(({ name }) => name)
  expect(good(Object.fromEntries(names.map(name => [name, '  '])))).toEqual(good({}))
})

const accepted: readonly (readonly [string, string, keyof Config, unknown])[] = [
  ['PORT', '0', 'port', 0],
  ['PORT', '65535', 'port', 65535],
  ['PORT', ' 81 ', 'port', 81],
  ['HOST', '::1', 'host', '::1'],
  ['REDIS_URL', 'redis://:s3cret@h:1/2', 'redisUrl', 'redis://:s3cret@h:1/2'],
  ['REDIS_URL', 'rediss://h', 'redisUrl', 'rediss://h'],
  ['REDIS_URL', 'redis+sentinel://a:1,b:2/main', 'redisUrl', 'redis+sentinel://a:1,b:2/main'],
  ['REDIS_URL', 'rediss+sentinel://a:1,b:2/group', 'redisUrl', 'rediss+sentinel://a:1,b:2/group'],
  ['TICKCAST_REDIS_CA', certificate, 'redisCa', '-----BEGIN CERTIFICATE-----\n'],
  ['TICKCAST_PAIRS', 'btc-usd, ETH/USD ,BTC/USD', 'pairs', ['BTC/USD', 'ETH/USD']],
  ['TICKCAST_PAIRS', ',', 'pairs', []],
  [
    'TICKCAST_QUOTE_ALIASES',
    'usd=usdt,EUR=EURI',
    'quoteAliases',
    new Map([
      ['USD', 'USDT'],
      ['EUR', 'EURI'],
    ]),
  ],
  ['TICKCAST_STREAMS', 'trade,bookTicker,trade', 'streams', ['trade', 'bookTicker']],
  ['TICKCAST_STREAMS', 'aggTrade,miniTicker', 'streams', ['aggTrade', 'miniTicker']],
  ['TICKCAST_EXCHANGE_WS_URLS', 'ws://localhost:1/,wss://b/path', 'exchangeWsUrls', ['ws://localhost:1', 'wss://b/path']],
  ['TICKCAST_EXCHANGE_REST_URLS', 'http://localhost:1', 'exchangeRestUrls', ['http://localhost:1']],
  ['TICKCAST_INSTANCE_ID', 'one', 'instanceId', 'one'],
  ['TICKCAST_PREFIX', 'staging:', 'prefix', 'staging:'],
  ['TICKCAST_LEASE_TTL_MS', '300', 'leaseTtlMs', 300],
  ['TICKCAST_REDIS_LOSS', 'cache', 'redisLoss', 'cache'],
  ['TICKCAST_LEADER_ELIGIBLE', 'false', 'leaderEligible', 'false'],
  ['TICKCAST_STALE_AFTER_MS', '1000', 'staleAfterMs', 1000],
  ['TICKCAST_LINGER_MS', '0', 'lingerMs', 0],
  ['TICKCAST_READERS_MAX', '1', 'readersMax', 1],
  ['TICKCAST_WORKERS', '4', 'workers', 4],
  ['TICKCAST_HTTP2', 'on', 'http2', 'on'],
  ['TICKCAST_JOINS_PER_SECOND', '0', 'joinsPerSecond', 0],
  ['TICKCAST_STREAM_LIFE_MS', '0', 'streamLifeMs', 0],
  ['TICKCAST_DRAIN_MS', '25000', 'drainMs', 25_000],
  ['TICKCAST_WINDOW_MS', '0', 'windowMs', 0],
  ['TICKCAST_GZIP', 'on', 'gzip', 'on'],
  ['TICKCAST_UNREADY_MS', '5000', 'unreadyMs', 5000],
  ['TICKCAST_CORS_ORIGINS', '*', 'corsOrigins', ['*']],
  ['TICKCAST_CORS_ORIGINS', 'https://A.example/, http://b:81', 'corsOrigins', ['https://a.example', 'http://b:81']],
  ['TICKCAST_INSPECT', 'off', 'inspect', 'off'],
  ['TICKCAST_ADMIN_TOKEN', 'abc', 'adminToken', 'abc'],
  ['LOG_LEVEL', 'silent', 'logLevel', 'silent'],
]

test.each(accepted)('%s=%s is taken', (name, text, key, value) => {
  expect(good({ [name]: text })[key]).toEqual(value)
})

test('every setting is tried with something good', () => {
  const tried = [...accepted.map(([name]) => name), 'TICKCAST_TLS_CERT', 'TICKCAST_TLS_KEY']
  expect(new Set(tried)).toEqual(new Set(Object.values(settings).map(({ name }) => name)))
})

test.skipIf(!opensslAvailable)('a certificate and its key are taken together, and neither alone nor with another', () => {
  const authority = createAuthority()
  const [one, other] = [authority.certify('DNS:a'), authority.certify('DNS:b')]
  const { tlsCert, tlsKey } = good({ TICKCAST_TLS_CERT: one.certificate, TICKCAST_TLS_KEY: one.key })
  expect([tlsCert, tlsKey]).toEqual([readFileSync(one.certificate, 'utf8'), readFileSync(one.key, 'utf8')])
  expect(mistakes({ TICKCAST_TLS_CERT: one.certificate })).toEqual(['TICKCAST_TLS_CERT and TICKCAST_TLS_KEY need each other.'])
  expect(mistakes({ TICKCAST_TLS_KEY: one.key })).toEqual(['TICKCAST_TLS_CERT and TICKCAST_TLS_KEY need each other.'])
  expect(mistakes({ TICKCAST_TLS_CERT: one.certificate, TICKCAST_TLS_KEY: other.key })).toEqual([
    'TICKCAST_TLS_KEY is not the key of TICKCAST_TLS_CERT.',
  ])
  authority.remove()
})

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['PORT', '65536', /^PORT=65536 is no whole number from 0 to 65535\.$/],
  ['PORT', '-1', /no whole number/],
  ['PORT', '80.5', /no whole number/],
  ['PORT', '1e3', /no whole number/],
  ['PORT', 'http', /no whole number/],
  ['HOST', 'two words', /must be printable/],
  ['HOST', 'x'.repeat(256), /at most 255/],
  ['REDIS_URL', 'localhost:6379', /^REDIS_URL is not an address such as redis:/],
  ['REDIS_URL', 'http://h', /must begin with redis:/],
  ['TICKCAST_REDIS_CA', '/nowhere/ca.pem', /^TICKCAST_REDIS_CA=\/nowhere\/ca.pem cannot be read \(ENOENT\)\.$/],
  ['TICKCAST_REDIS_CA', fileURLToPath(new URL('../../package.json', import.meta.url)), /is a file without a certificate/],
  ['TICKCAST_PAIRS', 'BTC/USD,DOGE', /^TICKCAST_PAIRS=BTC\/USD,DOGE holds "DOGE", which is no pair such as BTC\/USD\.$/],
  ['TICKCAST_QUOTE_ALIASES', 'USD', /holds "USD", which is not of the form USD=USDT/],
  ['TICKCAST_QUOTE_ALIASES', 'USD=USDT=X', /not of the form/],
  ['TICKCAST_STREAMS', 'trades', /holds "trades", which is no stream \(trade, /],
  ['TICKCAST_STREAMS', ',', /needs at least one stream/],
  ['TICKCAST_EXCHANGE_WS_URLS', 'https://h', /no WebSocket URL/],
  ['TICKCAST_EXCHANGE_WS_URLS', 'wss://h?x=1', /no WebSocket URL/],
  ['TICKCAST_EXCHANGE_WS_URLS', ', ,', /needs at least one host/],
  ['TICKCAST_EXCHANGE_REST_URLS', 'wss://h', /no HTTP URL/],
  ['TICKCAST_EXCHANGE_REST_URLS', 'https://h#x', /no HTTP URL/],
  ['TICKCAST_INSTANCE_ID', 'a b', /must be printable/],
  ['TICKCAST_PREFIX', 'é', /must be printable/],
  ['TICKCAST_LEASE_TTL_MS', '299', /from 300 to 60000/],
  ['TICKCAST_REDIS_LOSS', 'Solo', /is none of solo, cache/],
  ['TICKCAST_LEADER_ELIGIBLE', 'yes', /is none of true, false/],
  ['TICKCAST_STALE_AFTER_MS', '999', /from 1000/],
  ['TICKCAST_LINGER_MS', '86400001', /from 0 to 86400000/],
  ['TICKCAST_READERS_MAX', '0', /from 1/],
  ['TICKCAST_WORKERS', 'all', /^TICKCAST_WORKERS=all is neither auto nor a whole number from 0 to 256\.$/],
  ['TICKCAST_WORKERS', '257', /neither auto/],
  ['TICKCAST_HTTP2', 'yes', /is none of on, off/],
  ['TICKCAST_TLS_CERT', '/nowhere/cert.pem', /^TICKCAST_TLS_CERT=\/nowhere\/cert.pem cannot be read \(ENOENT\)\.$/],
  ['TICKCAST_TLS_KEY', fileURLToPath(new URL('../../package.json', import.meta.url)), /is a file without a private key \(PEM\)/],
  ['TICKCAST_JOINS_PER_SECOND', '-1', /from 0/],
  ['TICKCAST_STREAM_LIFE_MS', 'ever', /from 0/],
  ['TICKCAST_DRAIN_MS', '600001', /to 600000/],
  ['TICKCAST_WINDOW_MS', '1001', /to 1000/],
  ['TICKCAST_GZIP', 'yes', /none of on, off/],
  ['TICKCAST_UNREADY_MS', '1s', /from 0 to 600000/],
  ['TICKCAST_CORS_ORIGINS', 'example.com', /no origin such as/],
  ['TICKCAST_CORS_ORIGINS', 'https://a/path', /no origin such as/],
  ['TICKCAST_CORS_ORIGINS', 'mailto:a@b', /no origin such as/],
  ['TICKCAST_INSPECT', 'yes', /is none of on, off/],
  ['TICKCAST_ADMIN_TOKEN', 'a b', /^TICKCAST_ADMIN_TOKEN must be printable, without spaces, at most 200 characters\.$/],
  ['LOG_LEVEL', 'loud', /is none of trace/],
]

test.each(refused)('%s=%s is refused in one sentence', (name, text, sentence) => {
  const [only, ...more] = mistakes({ [name]: text })
  expect(only).toMatch(sentence)
  expect(only).not.toMatch(/[\r\n]/)
  expect(only?.length).toBeLessThan(400)
  expect(more).toEqual([])
})

test('every setting that can be wrong is tried with something wrong', () => {
  expect(new Set(refused.map(([name]) => name))).toEqual(new Set(Object.values(settings).map(({ name }) => name)))
})

test('a Redis Cluster is taken with a hash tag in the prefix, and refused without one', () => {
  const REDIS_URL = 'redis+cluster://a:1,b:2'
  expect(good({ REDIS_URL, TICKCAST_PREFIX: '{tickcast}:' }).redisUrl).toBe(REDIS_URL)
  expect(mistakes({ REDIS_URL, TICKCAST_PREFIX: 'tickcast:' })).toEqual([
    'REDIS_URL names a Redis Cluster, where one server must hold everything of Tickcast: TICKCAST_PREFIX needs a hash tag ({tickcast}: has one).',
  ])
})

test('all mistakes are told at once, one sentence each', () => {
  expect(mistakes({ PORT: 'x', TICKCAST_LINGER_MS: 'y', TICKCAST_PORT: '1' })).toHaveLength(3)
})

test('a name that is no setting is refused, with the nearest one that is', () => {
  expect(mistakes({ TICKCAST_LEASE_TTL: '1' })).toEqual([
    'TICKCAST_LEASE_TTL is no setting of Tickcast; did you mean TICKCAST_LEASE_TTL_MS?',
  ])
  expect(mistakes({ TICKCAST_XYZZY: '' })).toEqual(['TICKCAST_XYZZY is no setting of Tickcast.'])
  expect(mistakes({ PATH: '/bin', TICKCASTLE: 'x' })).toEqual([])
})

test('no secret is repeated in a message, whichever setting it was put into', () => {
  const secret = 'hunter2'
  for (const [name, text] of [
    ['REDIS_URL', `redis:/user:${secret}@host`],
    ['TICKCAST_ADMIN_TOKEN', `${secret} ${secret}`],
    ['TICKCAST_EXCHANGE_WS_URLS', `wss://ok,https://user:${secret}@host`],
    ['TICKCAST_EXCHANGE_REST_URLS', `ftp://user:${secret}@host`],
    ['TICKCAST_CORS_ORIGINS', `https://user:${secret}@host`],
    ['TICKCAST_PAIRS', `redis://user:${secret}@host`],
  ] as const) {
    const [only] = mistakes({ [name]: text })
    expect(only, name).toBeDefined()
    expect(only, name).not.toContain(secret)
  }
})

test('no value, however strange, makes it throw or breaks a line', () => {
  const names = Object.values(settings).map(({ name }) => name)
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string({ unit: 'binary', maxLength: 200 }), (name, text) => {
      for (const sentence of mistakes({ [name]: text })) expect(sentence).not.toMatch(/\p{Cc}/u)
    }),
    { numRuns: 2000 },
  )
})

test('the table shows every setting with its default', () => {
  const rows = settingsTable().split('\n')
  expect(rows).toHaveLength(2 + Object.keys(settings).length)
  for (const { name } of Object.values(settings)) expect(settingsTable()).toContain(`| \`${name}\` |`)
  for (const row of rows) expect(row.match(/\|/g)).toHaveLength(4)
})
