import { WebSocket } from 'ws'
import { createActor } from 'xstate'
import { shardName } from '../../machines/gateway.ts'
import { provideConnection } from '../../src/actors.ts'
import { systemClock as clock } from '../../src/clock.ts'
import type { StreamKind } from '../../src/exchange/exchange.ts'
import { emptyState, fold } from '../../src/exchange/fold.ts'
import { createShards, type Shards } from '../../src/exchange/shards.ts'
import { type ExchangeOptions, type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'

export interface Sharded {
  readonly exchange: SimulatedExchange
  readonly feed: Shards
  /** In the order of opening, open or not. */
  readonly sockets: readonly WebSocket[]
  /** When each was tried. */
  readonly triedAt: readonly number[]
  /** Ids of the trades that counted, by symbol. */
  readonly trades: ReadonlyMap<string, readonly number[]>
  /** Connections that said they were down, by number. */
  readonly downs: readonly number[]
  /** States of the connections beside the first. */
  readonly beside: () => string[]
  readonly end: () => Promise<void>
}

export interface ShardedOptions {
  readonly exchange: Partial<ExchangeOptions>
  readonly streams: readonly StreamKind[]
  readonly streamsMax?: number
  readonly rotateMs?: number
}

/** The sharded feed with a connection machine for each shard, over real sockets. */
export async function startSharded(options: ShardedOptions): Promise<Sharded> {
  const exchange = await startExchange({ clock, ...options.exchange })
  const states = new Map<string, ReturnType<typeof emptyState>>()
  const trades = new Map<string, number[]>()
  const downs: number[] = []
  const sockets: WebSocket[] = []
  const triedAt: number[] = []
  const connections = new Map<number, ReturnType<typeof connect>>()
  const feed = createShards({
    clock,
    urls: [exchange.wsUrl],
    streams: options.streams,
    streamsMax: options.streamsMax,
    note: () => {},
    connect: url => {
      const socket = new WebSocket(url, { perMessageDeflate: false })
      sockets.push(socket)
      triedAt.push(clock.now())
      return socket
    },
    beside: shards => {
      for (const [shard, actor] of connections) {
        if (shard === 1 || shards.includes(shard)) continue
        actor.stop()
        connections.delete(shard)
      }
      for (const shard of shards) if (!connections.has(shard)) connect(shard)
    },
    tick: tick => {
      const state = states.get(tick.symbol) ?? emptyState(tick.symbol)
      states.set(tick.symbol, state)
      if (fold(state, tick) !== 'trade' || tick.kind !== 'trade') return
      trades.set(tick.symbol, [...(trades.get(tick.symbol) ?? []), tick.tradeId])
    },
  })
  const connect = (shard: number) => {
    const machine = provideConnection({ clock, rotateMs: options.rotateMs ?? 86_000_000, openSocket: feed.open })
    const actor = createActor(machine.provide({ actions: { tellDown: () => void downs.push(shard) } }), {
      clock,
      id: shardName(shard),
      input: { shard },
    })
    connections.set(shard, actor)
    actor.start()
    actor.send({ type: 'connection.start' })
    return actor
  }
  connect(1)
  return {
    exchange,
    feed,
    sockets,
    triedAt,
    trades,
    downs,
    beside: () => [...connections].filter(([shard]) => shard !== 1).map(([, actor]) => JSON.stringify(actor.getSnapshot().value)),
    end: async () => {
      for (const actor of connections.values()) actor.stop()
      feed.stop()
      await exchange.close()
    },
  }
}

/** Trades of this symbol that were left out. */
export const missing = (ids: readonly number[]): number => ids.filter((id, at) => at > 0 && id !== (ids[at - 1] ?? 0) + 1).length
