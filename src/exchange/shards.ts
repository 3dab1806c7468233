import type { ConnectionEvent, Link } from '../../machines/connection.ts'
import type { Timer } from '../clock.ts'
import { createAttempts, type Share } from './attempts.ts'
import { createFeed, type Feed, type FeedCounts, type FeedOptions, silentMax } from './feed.ts'
import { createHosts } from './hosts.ts'
import { createPlacement } from './placement.ts'
import { streamsMax as streamsOfBinance } from './subscriptions.ts'

/**
 * The feed over as many connections as the wanted symbols need. The first is always there; each other one begins when symbols find no place
 * on those before it, and ends when it has none left. Each is a {@link Feed} of its own: what happens to one concerns no other.
 */
export interface Shards {
  /** Stream exactly these symbols, each over the connection it is on. */
  want(symbols: ReadonlySet<string>): void
  /** Opens a socket of this connection when its turn comes, and reports on it until the returned function is called. */
  open(link: Link, tell: (event: ConnectionEvent) => void, shard: number): () => void
  /** Every connection is. See {@link Feed}. */
  isCovered(): boolean
  /**
   * Monotonic clock: what was last heard of this symbol before, its connection does not vouch for. While that is broken, and others are not:
   * now. Where there is one connection only, the level of the instance says all there is to say: -Infinity.
   */
  streamedSince(symbol: string | undefined): number
  /** Symbols whose connection is broken while others may not be. */
  broken(): readonly string[]
  counts(): ShardsCounts
  stop(): void
}

export interface ShardsCounts extends FeedCounts {
  readonly shards: readonly ShardCounts[]
}

export interface ShardCounts extends Pick<FeedCounts, 'sockets' | 'streams' | 'confirmed'> {
  readonly shard: number
}

export interface ShardsOptions extends Omit<FeedOptions, 'hosts' | 'banned'> {
  /** A connection whose socket lives brings nothing. */
  readonly quiet?: () => void
  /** See {@link Share}. */
  readonly share?: Share | undefined
  /** Exactly these connections are wanted beside the first, numbered from 2. */
  readonly beside: (shards: readonly number[]) => void
}

interface Shard {
  readonly feed: Feed
  symbols: ReadonlySet<string>
  /** Nothing is streamed since then. */
  brokenAt: number | undefined
  /** Since when it streams again, after it was broken for long enough to matter. */
  since: number
  lingering: Timer | undefined
}

/** All that Binance lists (3,600 in 2026), with five streams each, take 18. */
const shardsMax = 20
/** A connection that is back so soon was never missed; as long as machines/fallback.ts doubts. */
const doubtMs = 1000
/** Before a connection without symbols ends. */
const lingerMs = 5000
const first = 1

export function createShards(options: ShardsOptions): Shards {
  const { clock, urls, streams, tick, note, connect, streamsMax = streamsOfBinance, beside } = options
  const hosts = createHosts(clock, urls)
  const attempts = createAttempts({ clock, share: options.share })
  const placement = createPlacement({ room: Math.max(1, Math.floor(streamsMax / streams.length)), shardsMax })
  const shards = new Map<number, Shard>()
  let left = 0
  /** Counted by connections that have ended. */
  let past: Counters = { attempts: 0, opened: 0, refused: 0, ticks: 0, garbage: 0, foreign: 0 }

  const begin = (): Shard => {
    const shard: Shard = {
      feed: createFeed({
        ...{ clock, urls, hosts, streams, note, connect, streamsMax, banned: attempts.refused },
        tick: (one, receivedAt) => {
          if (shard.brokenAt !== undefined) heal(shard)
          tick(one, receivedAt)
        },
      }),
      symbols: new Set(),
      brokenAt: clock.now(),
      since: Number.NEGATIVE_INFINITY,
      lingering: undefined,
    }
    return shard
  }

  const isMissed = ({ brokenAt }: Shard): boolean => brokenAt !== undefined && clock.now() - brokenAt >= doubtMs

  const heal = (shard: Shard): void => {
    if (isMissed(shard)) shard.since = clock.now()
    shard.brokenAt = undefined
  }

  const lookBroken = (shard: Shard): void => {
    if (!shard.feed.isStreaming()) shard.brokenAt ??= clock.now()
  }

  const end = (number: number, shard: Shard): void => {
    clock.clearTimeout(shard.lingering)
    shard.feed.stop()
    past = addUp([past, shard.feed.counts()])
    shards.delete(number)
  }

  /** Who streams nothing at all is no leader any more: nothing lingers then. */
  const lookEmpty = (number: number, shard: Shard, isAllOver: boolean): void => {
    if (shard.symbols.size > 0 || isAllOver) {
      clock.clearTimeout(shard.lingering)
      shard.lingering = undefined
    }
    if (number === first || shard.symbols.size > 0) return
    if (isAllOver) end(number, shard)
    else
      shard.lingering ??= clock.setTimeout(() => {
        end(number, shard)
        tellBeside()
      }, lingerMs)
  }

  let told = ''
  const tellBeside = (): void => {
    const others = [...shards.keys()].filter(number => number !== first)
    if (told === others.join()) return
    told = others.join()
    beside(others)
  }

  shards.set(first, begin())
  return {
    want: symbols => {
      const placed = placement.place(symbols)
      if (placed.left > left) note('more symbols are wanted than there are connections for', { left: placed.left, connections: shardsMax })
      left = placed.left
      for (const number of placed.shards.keys()) {
        if (!shards.has(number)) shards.set(number, begin())
      }
      for (const [number, shard] of [...shards]) {
        // While nothing was wanted of it, it was not missed.
        if (shard.symbols.size === 0 && shard.brokenAt !== undefined) shard.brokenAt = clock.now()
        shard.symbols = placed.shards.get(number) ?? new Set()
        shard.feed.want(shard.symbols)
        lookEmpty(number, shard, symbols.size === 0)
      }
      tellBeside()
    },
    open: (link, tell, number) => {
      const shard = shards.get(number)
      if (shard === undefined) return () => {}
      let close = (): void => {}
      let isOpen = true
      const cancel = attempts.ask(number, {
        go: () => {
          close = shard.feed.open(link, event => {
            tell(event)
            if (event.type !== 'feed.quiet') return
            lookBroken(shard)
            options.quiet?.()
          })
        },
        // Not before whoever asked has the answer to how it is taken back.
        stay: (cause, waitMs) => clock.soon(() => isOpen && tell({ type: 'socket.refused', link, cause, waitMs })),
      })
      return () => {
        isOpen = false
        cancel()
        close()
        lookBroken(shard)
      }
    },
    isCovered: () => [...shards.values()].every(({ feed, symbols }, at) => (at > 0 && symbols.size === 0) || feed.isCovered()),
    streamedSince: symbol => {
      const shard = shards.size === 1 || symbol === undefined ? undefined : shards.get(placement.shardOf(symbol) ?? first)
      if (shard === undefined) return Number.NEGATIVE_INFINITY
      return isMissed(shard) ? clock.now() : shard.since
    },
    broken: () => (shards.size === 1 ? [] : [...shards.values()].filter(isMissed).flatMap(({ symbols }) => [...symbols])),
    counts: () => countsOf(shards, past),
    stop: () => {
      for (const { feed, lingering } of shards.values()) {
        clock.clearTimeout(lingering)
        feed.stop()
      }
    },
  }
}

type Counters = Pick<FeedCounts, 'attempts' | 'opened' | 'refused' | 'ticks' | 'garbage' | 'foreign'>

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}

const addUp = (all: readonly Counters[]): Counters => ({
  attempts: sum(all, one => one.attempts),
  opened: sum(all, one => one.opened),
  refused: sum(all, one => one.refused),
  ticks: sum(all, one => one.ticks),
  garbage: sum(all, one => one.garbage),
  foreign: sum(all, one => one.foreign),
})

function countsOf(shards: ReadonlyMap<number, Shard>, past: Counters): ShardsCounts {
  const all = [...shards].map(([shard, { feed }]) => ({ shard, ...feed.counts() }))
  return {
    ...addUp([past, ...all]),
    host: all.find(one => one.host !== undefined)?.host,
    sockets: sum(all, one => one.sockets),
    streams: sum(all, one => one.streams),
    confirmed: sum(all, one => one.confirmed),
    silent: all.flatMap(one => one.silent).slice(0, silentMax),
    shards: all.map(({ shard, sockets, streams, confirmed }) => ({ shard, sockets, streams, confirmed })),
  }
}
