/** One Redis with two replicas, watched by three sentinels. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort, noRedis, type RedisServer, redisBinary, startRedis } from './redis.ts'
import { until } from './until.ts'

export interface SentinelGroup {
  /** As REDIS_URL takes it. */
  readonly url: string
  readonly nodes: readonly RedisServer[]
  /** The node that sentinels name now. */
  master(): Promise<RedisServer>
  /** A planned change to another node. */
  failOver(): Promise<void>
  stop(): Promise<void>
}

const group = 'prices'

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** `downAfterMs`: silence for so long, and a node counts as down. */
export async function startSentinels(downAfterMs: number): Promise<SentinelGroup> {
  const first = await startRedis()
  const replicaOf = ['--replicaof', '127.0.0.1', String(first.port)]
  const nodes = [first, await startRedis({ args: replicaOf }), await startRedis({ args: replicaOf })]
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-sentinel-'))
  const ports = await Promise.all([0, 1, 2].map(at => launch(folder, at, first.port, downAfterMs)))
  const [asked = 0] = ports
  const masterPort = async (): Promise<number> => {
    const [, port] = (await ask(asked, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group)) as string[]
    return Number(port)
  }
  await until(
    'the sentinels know each other and both replicas',
    async () => {
      for (const port of ports) {
        const fields = new Map(pairsOf((await ask(port, 'SENTINEL', 'MASTER', group)) as Fields))
        const count = (name: string): number => Number(fields.get(name) ?? 0)
        if (count('num-slaves') < 2 || count('num-other-sentinels') < 2) return false
      }
      return true
    },
    20_000,
  )
  await until(
    'both replicas are in step',
    async () => String(await ask(first.port, 'INFO', 'replication')).split('state=online').length === 3,
    20_000,
  )
  return {
    url: `redis+sentinel://${ports.map(port => `127.0.0.1:${port}`).join(',')}/${group}`,
    nodes,
    master: async () => {
      const port = await masterPort()
      const node = nodes.find(one => one.port === port)
      if (node === undefined) throw new Error(`no node of ours listens on ${port}`)
      return node
    },
    failOver: async () => void (await ask(asked, 'SENTINEL', 'FAILOVER', group)),
    stop: async () => {
      for (const child of running) child.kill('SIGKILL')
      await Promise.all(nodes.map(node => node.stop()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A map as RESP3 or as RESP2 brings it. */
type Fields = readonly string[] | Readonly<Record<string, string>>
const pairsOf = (fields: Fields): [string, string][] =>
  Array.isArray(fields)
    ? fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? ''] as [string, string]] : []))
    : Object.entries(fields)

async function launch(folder: string, at: number, masterPort: number, downAfterMs: number): Promise<number> {
  if (redisBinary === undefined) throw new Error(noRedis)
  const port = await freePort()
  const file = join(folder, `sentinel-${at}.conf`)
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${group} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${group} ${downAfterMs}`,
    `sentinel failover-timeout ${group} 3000`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const child = spawn(redisBinary, [file, '--sentinel'], { stdio: 'ignore' })
  running.add(child)
  child.on('exit', () => running.delete(child))
  await until('a sentinel answers', () => ask(port, 'PING').catch(() => undefined))
  return port
}

/** The reply to one command. */
async function ask(port: number, command: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    enableReadyCheck: false,
    retryStrategy: () => null,
    commandTimeout: 2000,
    lazyConnect: true,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await redis.call(command, ...args)
  } finally {
    redis.disconnect()
  }
}
