/** A real Sentinel group for tests: a master, two replicas and three sentinels that watch them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type RedisServer, startRedis } from './redis.ts'
import { until } from './until.ts'

export interface SentinelGroup {
  readonly url: string
  /** The first is the master at the start. */
  readonly servers: readonly RedisServer[]
  readonly sentinels: readonly RedisServer[]
  /** The server the sentinels name. */
  master(): Promise<RedisServer>
  /** A planned failover. */
  failOver(): Promise<void>
  stop(): Promise<void>
}

const group = 'prices'

/** `downAfterMs`: a master that does not answer for so long is replaced. */
export async function startSentinelGroup({ downAfterMs = 2000 } = {}): Promise<SentinelGroup> {
  const args = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1']
  const first = await startRedis({ args })
  const replicaOf = [...args, '--replicaof', '127.0.0.1', String(first.port)]
  const servers = [first, await startRedis({ args: replicaOf }), await startRedis({ args: replicaOf })]
  const roles = async (server: RedisServer): Promise<string> => {
    const hand = new Redis(server.port, '127.0.0.1')
    const told = await hand.info('replication')
    hand.disconnect()
    return told
  }
  for (const server of servers.slice(1))
    await until('the replica follows', async () => (await roles(server)).includes('master_link_status:up'), 20_000)

  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(first.port, { downAfterMs })))
  const hands = sentinels.map(({ port }) => new Redis(port, '127.0.0.1', { retryStrategy: () => 100, maxRetriesPerRequest: 3 }))
  for (const hand of hands) {
    hand.on('error', () => {})
    await until(
      'the sentinels know each other and the replicas',
      async () => {
        const told = (await hand.call('SENTINEL', 'MASTER', group)) as string[]
        const said = (name: string): string | undefined => told[told.indexOf(name) + 1]
        return said('num-other-sentinels') === '2' && said('num-slaves') === '2' && said('flags') === 'master'
      },
      20_000,
    )
  }
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${group}`,
    servers,
    sentinels,
    master: async () => {
      const [, port] = ((await hands[0]?.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group)) as string[] | undefined) ?? []
      const found = servers.find(server => String(server.port) === port)
      if (found === undefined) throw new Error(`the sentinels name a stranger: ${port}`)
      return found
    },
    failOver: async () => {
      await until('a failover begins', () =>
        (hands[0] as Redis).call('SENTINEL', 'FAILOVER', group).then(
          () => true,
          () => false,
        ),
      )
    },
    stop: async () => {
      for (const hand of hands) hand.disconnect()
      await Promise.all([...sentinels, ...servers].map(server => server.stop()))
    },
  }
}

export interface SentinelOptions {
  readonly downAfterMs?: number
  /** Of the sentinel and of the master. */
  readonly password?: string
}

export function startSentinel(masterPort: number, { downAfterMs = 2000, password }: SentinelOptions = {}): Promise<RedisServer> {
  return startRedis({
    ready: /\+monitor master/,
    prepare: folder => {
      const file = join(folder, 'sentinel.conf')
      const lines = [
        `sentinel monitor ${group} 127.0.0.1 ${masterPort} 2`,
        `sentinel down-after-milliseconds ${group} ${downAfterMs}`,
        `sentinel failover-timeout ${group} 3000`,
        `sentinel parallel-syncs ${group} 2`,
      ]
      if (password !== undefined) lines.push(`sentinel auth-pass ${group} ${password}`, `requirepass ${password}`)
      writeFileSync(file, lines.join('\n'))
      return [file, '--sentinel']
    },
  })
}
