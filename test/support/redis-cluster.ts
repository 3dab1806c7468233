/** Real Redis Clusters for tests: three masters with a third of the slots each, and a replica of each where asked for. */
import { Cluster, Redis } from 'ioredis'
import { type RedisServer, startRedis } from './redis.ts'
import { until } from './until.ts'

export interface RedisCluster {
  readonly url: string
  readonly nodes: readonly RedisNode[]
  /** Follows slots to wherever they are. */
  readonly hand: Cluster
  /** The master that holds the slot of this key now. */
  ownerOf(key: string): Promise<RedisNode>
  /** Sends a command to every master. */
  everywhere(...words: readonly [string, ...string[]]): Promise<void>
  /** Moves the slot of this key, with its keys, as `redis-cli --cluster reshard` does. */
  moveSlot(key: string, to: RedisNode): Promise<void>
  stop(): Promise<void>
}

export interface RedisNode {
  readonly server: RedisServer
  readonly hand: Redis
  readonly id: string
}

const nodeTimeoutMs = 1000
const slots = 16_384

export async function startRedisCluster({ replicas = false, args = [] as readonly string[] } = {}): Promise<RedisCluster> {
  const count = replicas ? 6 : 3
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode(args)))
  const masters = nodes.slice(0, 3)
  const [first] = nodes
  if (first === undefined) throw new Error('no node')
  for (const [index, { hand }] of masters.entries()) {
    const from = Math.floor((index * slots) / 3)
    await hand.call('CLUSTER', 'ADDSLOTSRANGE', from, Math.floor(((index + 1) * slots) / 3) - 1)
    await hand.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
  }
  for (const { server } of nodes) await first.hand.call('CLUSTER', 'MEET', '127.0.0.1', server.port)
  const says = async ({ hand }: RedisNode, ...words: readonly string[]): Promise<boolean> => {
    const told = String(await hand.call('CLUSTER', 'INFO'))
    return words.every(word => told.includes(word))
  }
  const all = async (...words: readonly string[]): Promise<boolean> =>
    (await Promise.all(nodes.map(node => says(node, ...words)))).every(Boolean)
  await until('all servers know each other', () => all(`cluster_known_nodes:${count}`), 20_000)
  await until('the cluster is up', () => all('cluster_state:ok'), 20_000)
  for (const [index, { hand }] of nodes.slice(3).entries()) await hand.call('CLUSTER', 'REPLICATE', masters[index]?.id ?? '')
  for (const { hand } of nodes.slice(3))
    await until('the replica follows', async () => (await hand.info('replication')).includes('master_link_status:up'), 20_000)

  const hand = new Cluster(nodes.map(({ server }) => ({ host: '127.0.0.1', port: server.port })))
  hand.on('error', () => {})
  const ownerOf = async (key: string): Promise<RedisNode> => {
    const owner = await until(`somebody holds ${key}`, async () => {
      for (const node of nodes) {
        const isHeld = await node.hand.get(key).then(
          () => true,
          () => false,
        )
        if (isHeld) return node
      }
      return undefined
    })
    return owner
  }
  return {
    url: `redis+cluster://${nodes.map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`,
    nodes,
    hand,
    ownerOf,
    everywhere: async (...[command, ...words]) => {
      for (const node of nodes) if (await says(node, 'cluster_state:ok')) await node.hand.call(command, ...words).catch(() => {})
    },
    moveSlot: async (key, to) => {
      const from = await ownerOf(key)
      const slot = Number(await from.hand.call('CLUSTER', 'KEYSLOT', key))
      await to.hand.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
      await from.hand.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
      for (;;) {
        const keys = (await from.hand.call('CLUSTER', 'GETKEYSINSLOT', slot, 10)) as string[]
        if (keys.length === 0) break
        await from.hand.call('MIGRATE', '127.0.0.1', to.server.port, '', 0, 2000, 'KEYS', ...keys)
      }
      for (const node of [to, from]) await node.hand.call('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
    },
    stop: async () => {
      hand.disconnect()
      for (const node of nodes) node.hand.disconnect()
      await Promise.all(nodes.map(({ server }) => server.stop()))
    },
  }
}

async function startNode(args: readonly string[]): Promise<RedisNode> {
  const server = await startRedis({
    args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs), '--repl-diskless-sync-delay', '0', ...args],
  })
  const hand = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: 1 })
  hand.on('error', () => {})
  return { server, hand, id: String(await hand.call('CLUSTER', 'MYID')) }
}
