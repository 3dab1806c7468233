/** Reads REDIS_URL into ioredis options. Never repeats the address in a sentence: it may hold a password. */
import type { RedisOptions } from 'ioredis'

/** Replies in the shapes every Redis gives; ioredis types its clients by this. */
type LegacyReplies = RedisOptions & { readonly replyMapping?: 'legacy' }

export interface RedisTarget {
  readonly kind: 'standalone' | 'sentinel'
  readonly options: LegacyReplies
  /** For people: where it is, without user and password. */
  readonly place: string
  readonly password: string | undefined
}

export type UrlReading = { readonly kind: 'read'; readonly target: RedisTarget } | { readonly kind: 'refused'; readonly cause: string }

interface Address {
  readonly host: string
  readonly port: number
}

// The last @ ends the password, so that one with @ or / in it needs no escaping.
const shape = /^([a-z+]+):\/\/(?:(.*)@)?([^/@?#]+)(?:\/([^/@?#]*))?$/s

export function readRedisUrl(url: string): UrlReading {
  const match = shape.exec(url)
  if (match === null) return refuse('is not an address such as redis://host:6379 (nothing may follow a ? or #)')
  const [, scheme = '', credentials, hosts = '', path = ''] = match
  if (scheme === 'redis+cluster') return refuse('names a Redis Cluster, which is not supported yet: use one Redis or a Sentinel group')
  const login = readLogin(credentials)
  if (login === undefined) return refuse('has a user name or password with a broken %-escape')
  if (scheme === 'redis+sentinel') return readSentinel(hosts, path, login)
  if (scheme === 'redis' || scheme === 'rediss') return readStandalone(scheme, hosts, path, login)
  return refuse('must begin with redis://, rediss:// or redis+sentinel://')
}

interface Login {
  readonly username?: string
  readonly password?: string
}

function readStandalone(scheme: string, hosts: string, path: string, login: Login): UrlReading {
  const address = readAddress(hosts, 6379)
  if (address === undefined) return refuse('must name one host and a port from 1 to 65535')
  const db = readDatabase(path)
  if (db === undefined) return refuse('may end in a database number such as /0 and nothing else')
  const tls = scheme === 'rediss' ? { tls: {} } : {}
  return read('standalone', { ...address, db, ...login, ...tls }, `${address.host}:${address.port}`, login)
}

function readSentinel(hosts: string, name: string, login: Login): UrlReading {
  const sentinels = hosts.split(',').map(host => readAddress(host, 26_379))
  const known = sentinels.filter(address => address !== undefined)
  if (known.length < sentinels.length) return refuse('must name the sentinels as host:port,host:port')
  if (name === '') return refuse('must end in the name of the group the sentinels watch, such as /mymaster')
  return read('sentinel', { sentinels: known, name, ...login }, `the Sentinel group ${name}`, login)
}

const read = (kind: RedisTarget['kind'], options: LegacyReplies, place: string, { password }: Login): UrlReading => ({
  kind: 'read',
  target: { kind, options, place, password },
})

const refuse = (why: string): UrlReading => ({ kind: 'refused', cause: `REDIS_URL ${why}` })

function readLogin(text: string | undefined): Login | undefined {
  if (text === undefined || text === '') return {}
  const colon = text.indexOf(':')
  try {
    const username = decodeURIComponent(colon < 0 ? text : text.slice(0, colon))
    const password = colon < 0 ? '' : decodeURIComponent(text.slice(colon + 1))
    return username === '' ? { password } : { username, password }
  } catch {
    return undefined
  }
}

function readAddress(text: string, defaultPort: number): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  const host = match[1] ?? match[2]
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}

function readDatabase(path: string): number | undefined {
  if (path === '') return 0
  return /^\d{1,5}$/.test(path) ? Number(path) : undefined
}
