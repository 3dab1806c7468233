import { createPrivateKey, X509Certificate } from 'node:crypto'
import { type StreamKind, streamKinds } from './exchange/exchange.ts'
import { type Pair, parsePair } from './price.ts'
import { objectionToPrefix, readRedisUrl } from './redis-url.ts'
import {
  aliases,
  atLeastOne,
  certificates,
  listOf,
  oneOf,
  privateKey,
  redisUrl,
  type Setting,
  setting,
  shown,
  url,
  webOrigin,
  wholeNumber,
  word,
  workers,
} from './setting.ts'

/**
 * Every setting, from the environment, read once at start. One table: it is what is read, what is checked, what `--help` and the README say.
 */

export const settings = {
  port: setting('PORT', '8080', 'where to listen; 0 takes any free port', wholeNumber(0, 65535)),
  host: setting('HOST', '127.0.0.1', 'address to listen on', word(255)),
  redisUrl: setting('REDIS_URL', '', 'the Redis that instances share; unset: embedded bus', redisUrl),
  redisCa: setting(
    'TICKCAST_REDIS_CA',
    '',
    'file (PEM) of the only authorities that may vouch for a TLS Redis; unset: those Node trusts',
    certificates,
  ),
  pairs: setting('TICKCAST_PAIRS', 'BTC/USD,ETH/USD', 'pairs held from the start', listOf<Pair>('pair such as BTC/USD', parsePair)),
  quoteAliases: setting('TICKCAST_QUOTE_ALIASES', 'USD=USDT', 'quote currency people say = the one the exchange trades', aliases),
  streams: setting(
    'TICKCAST_STREAMS',
    'trade,ticker',
    `streams of each symbol: ${streamKinds.join(', ')}`,
    atLeastOne(
      'stream',
      listOf<StreamKind>(`stream (${streamKinds.join(', ')})`, text => streamKinds.find(kind => kind === text)),
    ),
  ),
  exchangeWsUrls: setting(
    'TICKCAST_EXCHANGE_WS_URLS',
    'wss://stream.binance.com:9443,wss://stream.binance.com:443,wss://data-stream.binance.vision',
    'WebSocket hosts, tried in order',
    atLeastOne('host', listOf('WebSocket URL', url('ws:', 'wss:'))),
  ),
  exchangeRestUrls: setting(
    'TICKCAST_EXCHANGE_REST_URLS',
    'https://api.binance.com,https://data-api.binance.vision,https://api-gcp.binance.com',
    'REST hosts, tried in order',
    atLeastOne('host', listOf('HTTP URL', url('http:', 'https:'))),
  ),
  instanceId: setting('TICKCAST_INSTANCE_ID', '', 'name in logs, status and Redis; unset: made from host and process', word(100)),
  prefix: setting('TICKCAST_PREFIX', '', 'prefix of every Redis name', word(100)),
  leaseTtlMs: setting('TICKCAST_LEASE_TTL_MS', '3000', 'life of the lease: a dead leader is replaced after it', wholeNumber(300, 60_000)),
  redisLoss: setting('TICKCAST_REDIS_LOSS', 'solo', 'without Redis: solo (own socket to the exchange) or cache', oneOf('solo', 'cache')),
  leaderEligible: setting('TICKCAST_LEADER_ELIGIBLE', 'true', 'false: this instance only ever follows', oneOf('true', 'false')),
  staleAfterMs: setting('TICKCAST_STALE_AFTER_MS', '60000', 'a price nobody confirmed for so long is stale', wholeNumber(1000, 86_400_000)),
  lingerMs: setting('TICKCAST_LINGER_MS', '30000', 'how long a pair nobody wants stays subscribed', wholeNumber(0, 86_400_000)),
  readersMax: setting('TICKCAST_READERS_MAX', '20000', 'streams open at once; more are told to come back', wholeNumber(1, 1_000_000)),
  joinsPerSecond: setting(
    'TICKCAST_JOINS_PER_SECOND',
    '5000',
    'streams let in each second (twice as many after a calm one); more are told to come back. 0: no limit',
    wholeNumber(0, 1_000_000),
  ),
  streamLifeMs: setting(
    'TICKCAST_STREAM_LIFE_MS',
    '3600000',
    'longest life of a stream, then told to reconnect; each gets four fifths or more of it. 0: no end',
    wholeNumber(0, 7 * 86_400_000),
  ),
  drainMs: setting(
    'TICKCAST_DRAIN_MS',
    '10000',
    'longest time over which a stopping instance sends its readers away',
    wholeNumber(0, 600_000),
  ),
  unreadyMs: setting(
    'TICKCAST_UNREADY_MS',
    '0',
    'how long a stopping instance says that it is not ready before it sends readers away',
    wholeNumber(0, 600_000),
  ),
  windowMs: setting(
    'TICKCAST_WINDOW_MS',
    '10',
    'under load, prices that come within so long may leave together; in calm each leaves at once. 0: always at once',
    wholeNumber(0, 1000),
  ),
  gzip: setting(
    'TICKCAST_GZIP',
    'off',
    'on: streams are compressed for who takes gzip, once for all who read the same',
    oneOf('on', 'off'),
  ),
  workers: setting(
    'TICKCAST_WORKERS',
    '0',
    'processes that hold the readers, beside the one that holds all else; auto: one per core; 0: one process does both',
    workers,
  ),
  http2: setting(
    'TICKCAST_HTTP2',
    'off',
    'on: HTTP/2 without TLS on the same port, too, for proxies (prior knowledge)',
    oneOf('on', 'off'),
  ),
  tlsCert: setting('TICKCAST_TLS_CERT', '', 'file (PEM) of the certificate, and those between: HTTPS, HTTP/2 included', certificates),
  tlsKey: setting('TICKCAST_TLS_KEY', '', 'file (PEM) of its private key', privateKey),
  corsOrigins: setting(
    'TICKCAST_CORS_ORIGINS',
    '',
    'origins that may read from other pages, or *',
    listOf('origin such as https://example.com', webOrigin),
  ),
  inspect: setting('TICKCAST_INSPECT', 'on', 'the visualizer of the machines at /machines', oneOf('on', 'off')),
  adminToken: setting('TICKCAST_ADMIN_TOKEN', '', 'token to send events to machines from /machines; unset: nobody may', word(200)),
  logLevel: setting('LOG_LEVEL', 'info', 'how much is logged', oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')),
} as const

type Values = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never }
export type Config = Values

/** Not secret, but nothing to repeat in a message either. */
const unsaid = new Set(['REDIS_URL', 'TICKCAST_ADMIN_TOKEN'])

/** Reads all settings; every mistake is one sentence. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
): { readonly config: Config } | { readonly mistakes: readonly string[] } {
  const mistakes: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, { name, fallback, read }] of Object.entries(settings) as [string, Setting<unknown>][]) {
    const text = environment[name]?.trim() || fallback
    const got = read(text)
    if ('value' in got) values[key] = got.value
    else mistakes.push(unsaid.has(name) ? `${name} ${got.wrong}.` : `${name}=${shown(text)} ${got.wrong}.`)
  }
  const objection = objectionTogether(values as unknown as Values)
  if (mistakes.length === 0 && objection !== undefined) mistakes.push(`${objection}.`)
  const known = new Set(Object.values(settings).map(({ name }) => name as string))
  for (const name of Object.keys(environment))
    if (name.startsWith('TICKCAST_') && !known.has(name)) mistakes.push(`${shown(name)} is no setting of Tickcast${closest(name, known)}`)
  return mistakes.length > 0 ? { mistakes } : { config: values as unknown as Config }
}

/** Settings that are right one by one and not together. */
function objectionTogether({ redisUrl: url, prefix, tlsCert, tlsKey }: Values): string | undefined {
  if ((tlsCert === '') !== (tlsKey === '')) return 'TICKCAST_TLS_CERT and TICKCAST_TLS_KEY need each other'
  if (tlsCert !== '' && !isPair(tlsCert, tlsKey)) return 'TICKCAST_TLS_KEY is not the key of TICKCAST_TLS_CERT'
  const reading = url ? readRedisUrl(url) : undefined
  return reading?.kind === 'read' ? objectionToPrefix(reading.target, prefix) : undefined
}

function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

function closest(name: string, known: ReadonlySet<string>): string {
  const parts = name.split('_').slice(1)
  const near = [...known]
    .filter(other => other.startsWith('TICKCAST_'))
    .find(other => parts.some(part => part.length > 2 && other.includes(part)))
  return near === undefined ? '.' : `; did you mean ${near}?`
}

/** The table of all settings as Markdown, for the README. */
export const settingsTable = (): string =>
  [
    '| setting | default | meaning |',
    '|---|---|---|',
    ...Object.values(settings).map(
      ({ name, fallback, meaning }) => `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${meaning} |`,
    ),
  ].join('\n')

/** How much to log before the settings have been checked. */
export function logLevel(environment: Readonly<Record<string, string | undefined>>): string {
  const read = settings.logLevel.read(environment.LOG_LEVEL?.trim() || settings.logLevel.fallback)
  return 'value' in read ? read.value : settings.logLevel.fallback
}
