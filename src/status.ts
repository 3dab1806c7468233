import type { Board } from './board/board.ts'
import type { Hub } from './board/hub.ts'
import type { Bus } from './bus/bus.ts'
import type { Publisher } from './bus/publisher.ts'
import type { Clock } from './clock.ts'
import type { Wanted } from './demand/wanted.ts'
import type { Diary } from './diary.ts'
import type { Shards } from './exchange/shards.ts'
import type { Heartbeat, Trouble } from './heartbeat.ts'
import type { Levels } from './levels.ts'
import type { Missed } from './missed.ts'
import { isCached, type Pair } from './price.ts'
import type { Upstream } from './upstream.ts'

/** What `/v1/status` and `/health` say. */
export interface Status {
  view(): Readonly<Record<string, unknown>>
  /** Reasons not to send readers here; none: it is ready. */
  unready(): readonly string[]
  /** What was wrong on the bus so far. */
  counts(): { readonly garbled: number; readonly holes: number }
  /** Remembers the last thing that went wrong. */
  trouble(line: string, fields: object): void
  /** The last thing that went wrong here, for those who get their prices from here. */
  ownTrouble(): Trouble | undefined
  /** The leader says how it is. */
  heard(heartbeat: Heartbeat): void
  /** Something on the bus could not be read. */
  garbled(): void
  /** A price on the bus followed one that never came. */
  holed(): void
}

export interface StatusOptions {
  readonly clock: Clock
  readonly name: string
  readonly diary: Diary
  readonly levels: Levels
  readonly board: Board
  readonly hub: () => Hub
  readonly wanted: Wanted
  readonly bus: Bus
  readonly feed: Shards
  readonly publisher: Publisher
  readonly upstream: Upstream
  readonly missed: Missed
}

/** A change of leader may take so long without anybody being sent away. */
const graceMs = 5000

export function createStatus(options: StatusOptions): Status {
  const { clock, name, diary, levels, board, hub, wanted, bus, feed, publisher, upstream, missed } = options
  let lastError: Trouble | null = null
  let leaders: Heartbeat | undefined
  let garbled = 0
  let holes = 0

  /** A follower has its prices from the leader, so what went wrong there counts here, unless something newer did here. */
  const troubleNow = (): Trouble | null => {
    const theirs = diary.role() === 'follower' ? leaders?.trouble : undefined
    if (theirs === undefined) return lastError
    const isOursNewer = lastError !== null && lastError.at > theirs.at && !lastError.message.startsWith('level ')
    return isOursNewer ? lastError : { message: `leader ${leaders?.instance}: ${theirs.message}`.slice(0, 300), at: theirs.at }
  }

  const viewExchange = (): object => {
    const { shards, ...counts } = feed.counts()
    return { ...counts, shards: shards.map(one => ({ ...one, connection: diary.connection(one.shard) })) }
  }

  const viewPair = (pair: Pair): object => {
    const entry = board.get(pair)
    const level = levels.of(pair)
    if (entry === undefined) return { level }
    const source = entry.update.body.includes('"source":"rest"') ? 'rest' : 'websocket'
    return { level, source, ageMs: Math.max(0, clock.wall() - entry.receivedAt) }
  }

  return {
    counts: () => ({ garbled, holes }),
    garbled: () => {
      garbled += 1
    },
    holed: () => {
      holes += 1
    },
    trouble: (line, fields) => {
      const cause = 'cause' in fields && typeof fields.cause === 'string' ? `: ${fields.cause}` : ''
      // A level is what an error leads to: it must not hide the error.
      if (lastError !== null && line.startsWith('level ')) return
      lastError = { message: `${line}${cause}`.slice(0, 300), at: clock.wall() }
    },
    ownTrouble: () => lastError ?? undefined,
    heard: heartbeat => {
      if (leaders === undefined || heartbeat.epoch >= leaders.epoch) leaders = heartbeat
    },
    unready: () => {
      if (diary.gateway() !== 'serving') return [`the instance is ${diary.gateway()}`]
      const since = clock.wall() - diary.since()
      const level = diary.level()
      if (!isCached(level) || (level !== 'stale' && since < graceMs)) return []
      return [`prices have been ${level} for ${Math.round(since / 1000)} s`]
    },
    view: () => ({
      instance: name,
      role: diary.role(),
      epoch: diary.role() === 'leader' ? diary.term().epoch : publisher.seen.epoch,
      connection: diary.connection(),
      level: diary.level(),
      since: diary.since(),
      lastError: troubleNow(),
      pairs: Object.fromEntries([...wanted.here()].map(pair => [pair, viewPair(pair)])),
      readers: hub().counts().readers,
      bus: { kind: bus.kind, state: diary.relay(), garbled, holes, ...publisher.counts() },
      exchange: { symbols: upstream.symbolsKnown, ...viewExchange(), missedTrades: missed.counts() },
    }),
  }
}
