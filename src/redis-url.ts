/** Reads REDIS_URL. Never repeats the address in a sentence: it may hold a password. */

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Login {
  readonly username?: string
  readonly password?: string
}

export interface RedisTarget extends Login {
  readonly kind: 'standalone' | 'sentinel' | 'cluster'
  /** The server; or the sentinels; or some servers of the cluster. */
  readonly addresses: readonly Address[]
  /** The group the sentinels watch. */
  readonly group: string
  readonly db: number
  readonly isTls: boolean
  /** For people: where it is, without user and password. */
  readonly place: string
}

export type UrlReading = { readonly kind: 'read'; readonly target: RedisTarget } | { readonly kind: 'refused'; readonly cause: string }

// The last @ ends the password, so that one with @ or / in it needs no escaping.
const shape = /^([a-z+]+):\/\/(?:(.*)@)?([^/@?#]+)(?:\/([^/@?#]*))?$/s

export function readRedisUrl(url: string): UrlReading {
  const match = shape.exec(url)
  if (match === null) return refuse('is not an address such as redis://host:6379 (nothing may follow a ? or #)')
  const [, scheme = '', credentials, hosts = '', path = ''] = match
  const login = readLogin(credentials)
  if (login === undefined) return refuse('has a user name or password with a broken %-escape')
  const [first = '', kind, ...rest] = scheme.split('+')
  if ((first !== 'redis' && first !== 'rediss') || rest.length > 0)
    return refuse('must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://')
  const common = { ...login, isTls: first === 'rediss' }
  if (kind === 'sentinel') return readSentinel(hosts, path, common)
  if (kind === 'cluster') return readCluster(hosts, path, common)
  return kind === undefined ? readStandalone(hosts, path, common) : refuse('may have +sentinel or +cluster before :// and nothing else')
}

type Common = Login & { readonly isTls: boolean }

function readStandalone(hosts: string, path: string, common: Common): UrlReading {
  const address = readAddress(hosts, 6379)
  if (address === undefined) return refuse('must name one host and a port from 1 to 65535')
  const db = readDatabase(path)
  if (db === undefined) return refuse('may end in a database number such as /0 and nothing else')
  return read({ ...common, kind: 'standalone', addresses: [address], group: '', db, place: `${address.host}:${address.port}` })
}

function readSentinel(hosts: string, group: string, common: Common): UrlReading {
  const addresses = readAddresses(hosts, 26_379)
  if (addresses === undefined) return refuse('must name the sentinels as host:port,host:port')
  if (group === '') return refuse('must end in the name of the group the sentinels watch, such as /mymaster')
  return read({ ...common, kind: 'sentinel', addresses, group, db: 0, place: `the Sentinel group ${group}` })
}

function readCluster(hosts: string, path: string, common: Common): UrlReading {
  const addresses = readAddresses(hosts, 6379)
  if (addresses === undefined) return refuse('must name servers of the cluster as host:port,host:port')
  if (path !== '' && path !== '0') return refuse('names a Redis Cluster, which has no databases: nothing may follow the servers')
  return read({ ...common, kind: 'cluster', addresses, group: '', db: 0, place: `the Redis Cluster at ${hosts}` })
}

const read = (target: RedisTarget): UrlReading => ({ kind: 'read', target })

/** Keys with the same text in their first braces are held by the same server of a Redis Cluster. */
const hasHashTag = (prefix: string): boolean => /^[^{]*\{[^}]+\}/.test(prefix)

/** Why these names cannot be used there; undefined: they can. */
export const objectionToPrefix = ({ kind }: RedisTarget, prefix: string): string | undefined =>
  kind !== 'cluster' || hasHashTag(prefix)
    ? undefined
    : 'REDIS_URL names a Redis Cluster, where one server must hold everything of Tickcast: TICKCAST_PREFIX needs a hash tag ({tickcast}: has one)'

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

function readAddresses(hosts: string, defaultPort: number): readonly Address[] | undefined {
  const addresses = hosts.split(',').map(host => readAddress(host, defaultPort))
  return addresses.every(address => address !== undefined) ? addresses : undefined
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
