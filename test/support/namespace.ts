/** A network of its own for one process, so that the kernel drops packets, not a proxy that imitates it. Needs Linux and root. */
import { execFileSync } from 'node:child_process'
import { startChaos } from './chaos.ts'

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' })

function probe(): boolean {
  const name = `tickcast-probe-${process.pid}`
  try {
    ip('netns', 'add', name)
    ip('netns', 'delete', name)
    return true
  } catch {
    return false
  }
}

/** Looked at once. Where it is false, only the proxy plays half-open connections. */
export const canIsolate = probe()
if (!canIsolate) console.warn('no network namespaces here (they need root): half-open connections are played by a proxy only')

export interface Namespace {
  /** Before the program: runs it inside. */
  readonly command: readonly string[]
  /** Where a process inside finds Redis and the exchange, and listens. */
  readonly environment: Readonly<Record<string, string>>
  /** From now on nothing that Redis sends arrives. */
  dropAnswers(): void
  restore(): void
  close(): Promise<void>
}

let opened = 0
/** What a test that ended early must not leave behind. */
const undo = new Set<() => void>()
process.once('exit', () => {
  for (const one of undo) one()
})

export async function openNamespace(ports: { readonly redis: number; readonly exchange: number }): Promise<Namespace> {
  opened += 1
  const tag = `${process.pid}-${opened}`
  const name = `tickcast-${tag}`
  const [outer, inner] = [`tc${tag}a`.slice(-15), `tc${tag}b`.slice(-15)]
  const net = `10.231.${(process.pid + opened) % 250}`
  const [here, redis, there] = [`${net}.1`, `${net}.3`, `${net}.2`]
  ip('netns', 'add', name)
  ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner)
  ip('link', 'set', inner, 'netns', name)
  for (const address of [here, redis]) ip('address', 'add', `${address}/24`, 'dev', outer)
  ip('link', 'set', outer, 'up')
  ip('-n', name, 'address', 'add', `${there}/24`, 'dev', inner)
  ip('-n', name, 'link', 'set', inner, 'up')
  ip('-n', name, 'link', 'set', 'lo', 'up')
  const toRedis = await startChaos({ target: ports.redis, host: redis })
  const toExchange = await startChaos({ target: ports.exchange, host: here })
  const rule = ['from', redis, 'to', there, 'blackhole']
  let isDropping = false
  const restore = (): void => {
    if (isDropping) ip('rule', 'delete', ...rule)
    isDropping = false
  }
  const remove = (): void => {
    undo.delete(remove)
    restore()
    ip('netns', 'delete', name)
  }
  undo.add(remove)
  return {
    command: ['ip', 'netns', 'exec', name],
    environment: {
      HOST: there,
      REDIS_URL: `redis://${redis}:${toRedis.port}`,
      TICKCAST_EXCHANGE_WS_URLS: `ws://${here}:${toExchange.port}`,
      TICKCAST_EXCHANGE_REST_URLS: `http://${here}:${toExchange.port}`,
      TICKCAST_INSTANCE_ID: 'far',
    },
    dropAnswers: () => {
      ip('rule', 'add', ...rule)
      isDropping = true
    },
    restore,
    close: async () => {
      await Promise.all([toRedis.close(), toExchange.close()])
      remove()
    },
  }
}
