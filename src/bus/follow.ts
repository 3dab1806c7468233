/**
 * Follows a set of pairs over one line: subscribe first, then read the last prices on the same line, so that nothing falls between.
 *
 * A stored price is told only while its pair has told no live one: what was stored is then never newer than what was told.
 */
import type { Names } from '../names.ts'
import type { Pair } from '../price.ts'
import type { Bulletin, Bus, FollowEvents, Following } from './bus.ts'

/** One connection to what carries prices. Every call is bounded in time and rejects once the line is over. */
export interface Line {
  open(): Promise<void>
  subscribe(channels: readonly string[]): Promise<void>
  unsubscribe(channels: readonly string[]): Promise<void>
  read(keys: readonly string[]): Promise<readonly (Buffer | null)[]>
  close(): void
}

export interface LineEvents {
  message(channel: string, payload: Buffer): void
  /** Once, never after `close`. */
  over(cause: string): void
}

export interface FollowRequest {
  readonly connect: (events: LineEvents) => Line
  readonly names: Names
  readonly pairs: ReadonlySet<Pair>
  readonly events: FollowEvents
}

/** The followings of one bus, so that closing it ends them all. */
export function createFollowings(names: Names, connect: FollowRequest['connect']): Pick<Bus, 'follow' | 'close'> {
  const followings = new Set<Following>()
  return {
    follow: (pairs, events) => {
      const following = follow({ connect, names, pairs, events })
      followings.add(following)
      const stop = (): void => {
        followings.delete(following)
        following.stop()
      }
      return { want: following.want, stop }
    },
    close: async () => {
      for (const following of followings) following.stop()
      followings.clear()
    },
  }
}

export function follow({ connect, names, pairs, events }: FollowRequest): Following {
  let wanted: ReadonlySet<Pair> = new Set(pairs)
  /** Channel → pair, of the pairs whose prices are told. */
  const told = new Map<string, Pair>()
  /** What the other end has been asked to send us: `told`, and what is not yet unsubscribed. */
  const held = new Set<Pair>()
  const unread = new Set<Pair>()
  /** Subscribed, and no live price told since. */
  const silent = new Set<Pair>()
  const progress = { opened: false, busy: false, subscribed: false, caughtUp: false, over: false }
  const bulletins = new Map<string, Bulletin>([
    [names.heartbeat, 'heartbeat'],
    [names.released, 'released'],
    [names.offered, 'offered'],
    [names.claimed, 'claimed'],
    [names.demands, 'demand'],
    [names.missed, 'missed'],
    [names.inspect, 'inspect'],
  ])

  const line = connect({
    message: (channel, payload) => {
      try {
        tell(channel, payload)
      } catch (error) {
        lose(textOf(error))
      }
    },
    over: cause => lose(cause),
  })

  function tell(channel: string, payload: Buffer): void {
    const pair = told.get(channel)
    if (pair !== undefined) {
      if (silent.size > 0) silent.delete(pair)
      return events.price(pair, payload, false)
    }
    const kind = bulletins.get(channel)
    if (kind !== undefined) events.bulletin(kind, payload)
  }

  function lose(cause: string): void {
    if (progress.over) return
    progress.over = true
    line.close()
    events.lost(cause)
  }

  const missing = (): Pair[] => [...wanted].filter(pair => !told.has(names.channel(pair)))
  const unwanted = (): Pair[] => [...held].filter(pair => !wanted.has(pair))
  const settled = (): boolean => missing().length === 0 && unread.size === 0 && unwanted().length === 0

  async function subscribeMissing(): Promise<void> {
    for (let pairs = missing(); pairs.length > 0; pairs = missing()) {
      for (const pair of pairs) {
        told.set(names.channel(pair), pair)
        for (const set of [held, unread, silent]) set.add(pair)
      }
      await line.subscribe(pairs.map(names.channel))
    }
  }

  async function readLast(): Promise<void> {
    const pairs = [...unread]
    if (pairs.length === 0) return
    unread.clear()
    const payloads = await line.read(pairs.map(names.key))
    for (const [index, pair] of pairs.entries()) {
      const payload = payloads[index]
      if (payload && silent.has(pair) && !progress.over) events.price(pair, payload, true)
      if (!unread.has(pair)) silent.delete(pair)
    }
  }

  async function dropUnwanted(): Promise<void> {
    const pairs = unwanted()
    if (pairs.length === 0) return
    for (const pair of pairs) held.delete(pair)
    await line.unsubscribe(pairs.map(names.channel))
  }

  async function reconcile(): Promise<void> {
    while (!settled() || !progress.subscribed) {
      await subscribeMissing()
      if (progress.over) return
      if (!progress.subscribed) {
        progress.subscribed = true
        events.subscribed()
      }
      await readLast()
      await dropUnwanted()
    }
    progress.busy = false
    if (progress.caughtUp || progress.over) return
    progress.caughtUp = true
    events.caughtUp()
  }

  /** One reconciliation at a time: what is wanted meanwhile is seen by the one under way. */
  function start(first: Promise<void>): void {
    progress.busy = true
    first.then(reconcile).catch((error: unknown) => lose(textOf(error)))
  }

  start(line.open().then(() => line.subscribe([...bulletins.keys()])))

  return {
    want: next => {
      if (progress.over) return
      wanted = new Set(next)
      for (const [channel, pair] of told) {
        if (wanted.has(pair)) continue
        told.delete(channel)
        unread.delete(pair)
        silent.delete(pair)
      }
      if (!progress.busy) start(Promise.resolve())
    },
    stop: () => {
      progress.over = true
      line.close()
    },
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
