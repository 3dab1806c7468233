/**
 * Where our Redis is, now. One server: always at its address. Sentinel: where the sentinels say the master is. Cluster: whoever holds our slot,
 * as all our names are in one. So a following and the commands see one server in every case, which may be another one the next time they ask.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from './clock.ts'
import type { Address, RedisTarget } from './redis-url.ts'
import { createWire, type Reply, type Wire } from './redis-wire.ts'

export interface Place {
  readonly clock: Clock
  readonly target: RedisTarget
  /** Certificates (PEM) that may vouch for the servers; undefined: the ones Node trusts. */
  readonly ca?: string | undefined
  /** Any of our keys: in a Cluster it tells which server is ours. */
  readonly key: string
}

export interface Locator {
  /** Rejects when nobody who could know answers. */
  locate(): Promise<Address>
  /** What it last said proved wrong: ask somebody else the next time. A sentinel that is cut off from the others names the old master for ever. */
  doubt(): void
  /** Connects, without a word said. */
  dial(address: Address): Promise<Socket>
}

/** Less than a following gives a step, so that it hears why. */
const dialWithinMs = 900
const answerWithinMs = 500
const movesMax = 3

export function createLocator({ clock, target, ca, key }: Place): Locator {
  const { kind, isTls, addresses, group, username, password } = target
  /** Who was right the last time. */
  let known: Address | undefined
  /** Who is asked first when nobody is known. By chance, so that no sentinel has to tell everybody. */
  let first = Math.floor(clock.random() * addresses.length)

  const dial = ({ host, port }: Address): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = isTls
        ? connectTls({ host, port, ...(ca !== undefined && { ca }), ...(isIP(host) === 0 && { servername: host }) })
        : connectTcp({ host, port })
      socket.setNoDelay(true)
      const fail = (error: Error): void => {
        clock.clearTimeout(timer)
        socket.destroy()
        reject(error)
      }
      let isMute = false
      const timer = clock.setTimeout(() => fail(new Error(isMute ? 'Mute in TLS' : 'connect timed out')), dialWithinMs)
      socket.once('connect', () => {
        isMute = isTls
      })
      socket.once('error', fail)
      socket.once(isTls ? 'secureConnect' : 'connect', () => {
        clock.clearTimeout(timer)
        socket.off('error', fail)
        socket.setKeepAlive(true, 5000)
        resolve(socket)
      })
    })

  /** One question to one server, and hang up. */
  const ask = async (address: Address, ...words: readonly string[]): Promise<Reply> => {
    const socket = await dial(address)
    const wire = createWire(socket, { message: () => {}, over: () => {} })
    const timer = clock.setTimeout(() => wire.close(new Error('Command timed out')), answerWithinMs)
    try {
      if (kind === 'cluster' && !(await introduce(wire, target)).isCluster) throw new Error('This instance has cluster support disabled')
      return await wire.ask(...words).catch(async (error: Error) => {
        if (!error.message.startsWith('NOAUTH') || password === undefined) throw error
        await wire.ask('AUTH', ...(username === undefined ? [] : [username]), password)
        return wire.ask(...words)
      })
    } finally {
      clock.clearTimeout(timer)
      wire.close()
    }
  }

  const askSentinel = async (sentinel: Address): Promise<Address> => {
    const reply = await ask(sentinel, 'SENTINEL', 'get-master-addr-by-name', group)
    const [host, port] = Array.isArray(reply) ? reply.map(String) : []
    if (host === undefined || port === undefined) throw new Error(`No sentinel watches a group named ${group}`)
    known = sentinel
    return { host, port: Number(port) }
  }

  const askCluster = async (server: Address): Promise<Address> => {
    let at = server
    for (let moves = 0; moves < movesMax; moves += 1) {
      const moved = await ask(at, 'GET', key).then(() => undefined, readMoved)
      if (moved === undefined) {
        known = at
        return at
      }
      at = { host: moved.host || at.host, port: moved.port }
    }
    return at
  }

  const locate = async (): Promise<Address> => {
    const [only] = addresses
    if (kind === 'standalone' && only !== undefined) return only
    let last: unknown
    const others = [...addresses.slice(first), ...addresses.slice(0, first)]
    for (const address of known === undefined ? others : [known, ...others.filter(other => other !== known)]) {
      try {
        return await (kind === 'sentinel' ? askSentinel : askCluster)(address)
      } catch (error) {
        last = error
        known = undefined
      }
    }
    throw last
  }

  const doubt = (): void => {
    known = undefined
    first = (first + 1) % addresses.length
  }

  return { locate, doubt, dial }
}

/** Where an error reply sends us; another error is thrown again. While a slot is on its way (ASK) its old holder is still the one to know. */
function readMoved(error: Error): Address | undefined {
  if (/^(ASK|TRYAGAIN) /.test(error.message)) return undefined
  const match = /^MOVED \d+ (.*):(\d+)$/.exec(error.message)
  if (match === null) throw error
  return { host: match[1] ?? '', port: Number(match[2]) }
}

/** What a server says of itself. */
export interface Introduction {
  readonly isReplica: boolean
  readonly isCluster: boolean
  /** It has pub/sub within a slot: a Cluster of Redis 7.0 or newer. */
  readonly isSharded: boolean
}

export async function introduce(wire: Wire, { username = 'default', password }: RedisTarget): Promise<Introduction> {
  const reply = await wire.ask('HELLO', '3', ...(password === undefined ? [] : ['AUTH', username, password]))
  const words = Array.isArray(reply) ? reply.map(String) : []
  const said = (name: string): string => words[words.indexOf(name) + 1] ?? ''
  const isCluster = said('mode') === 'cluster'
  return { isReplica: said('role') === 'replica', isCluster, isSharded: isCluster && Number.parseInt(said('version'), 10) >= 7 }
}
