import type { Clock, Timer } from '../clock.ts'
import { createBudget } from './budget.ts'

/**
 * Keeps the streams of one live socket as they are wanted, by SUBSCRIBE and UNSUBSCRIBE, never by closing it.
 *
 * Limits (web-socket-streams.md): five messages a second for pings, pongs and these together, so three are taken here; 1,024 streams a
 * socket, and asking for one more closes it and loses all. Seen in the field: messages over 4,096 bytes are answered only ten seconds later.
 * An acknowledgement proves nothing (any name is acknowledged); a stream is confirmed by its first message.
 */
export interface Subscriptions {
  want(streams: ReadonlySet<string>): void
  /** A message of this stream arrived. Returns true the first time. */
  heard(stream: string): boolean
  /** Answer to one of our messages. */
  replied(id: number | undefined, error: string | undefined): void
  stop(): void
  readonly confirmed: ReadonlySet<string>
  readonly asked: ReadonlySet<string>
}

export interface SubscriptionsOptions {
  readonly clock: Clock
  readonly send: (text: string) => void
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
}

export const messagesPerSecond = 3
export const streamsMax = 1024
export const namesMax = 200
export const bytesMax = 4000
/** An acknowledgement that takes longer is taken for lost, and the names are asked for again. */
const replyMaxMs = 12_000

type Method = 'SUBSCRIBE' | 'UNSUBSCRIBE'

export function createSubscriptions({ clock, send, note }: SubscriptionsOptions): Subscriptions {
  const budget = createBudget(clock, messagesPerSecond, 1000)
  const asked = new Set<string>()
  const confirmed = new Set<string>()
  const unanswered = new Map<number, { method: Method; names: string[]; timer: Timer }>()
  let wanted: ReadonlySet<string> = new Set()
  let timer: Timer | undefined
  let lastId = 0

  const say = (method: Method, names: string[]): void => {
    lastId += 1
    const id = lastId
    unanswered.set(id, { method, names, timer: clock.setTimeout(() => forget(id, 'no answer'), replyMaxMs) })
    send(JSON.stringify({ method, params: names, id }))
  }

  /** The exchange did not do what we asked: ask again. */
  const forget = (id: number, error: string): void => {
    const request = unanswered.get(id)
    if (request === undefined) return
    unanswered.delete(id)
    clock.clearTimeout(request.timer)
    note('a subscription was not accepted', { method: request.method, streams: request.names.length, error })
    for (const name of request.names) if (!confirmed.has(name)) asked.delete(name)
    later(1000)
  }

  const later = (ms: number): void => {
    timer ??= clock.setTimeout(() => {
      timer = undefined
      reconcile()
    }, ms)
  }

  const reconcile = (): void => {
    for (;;) {
      const gone = batch(asked, name => !wanted.has(name))
      const fresh = gone.length > 0 ? [] : batch(wanted, name => !asked.has(name), streamsMax - asked.size)
      if (gone.length === 0 && fresh.length === 0) return
      if (!budget.take()) return later(budget.waitMs())
      for (const name of gone) {
        asked.delete(name)
        confirmed.delete(name)
      }
      for (const name of fresh) asked.add(name)
      if (gone.length > 0) say('UNSUBSCRIBE', gone)
      else say('SUBSCRIBE', fresh)
    }
  }

  return {
    asked,
    confirmed,
    want: streams => {
      wanted = streams
      reconcile()
    },
    heard: stream => {
      if (!asked.has(stream) || confirmed.has(stream)) return false
      confirmed.add(stream)
      return true
    },
    replied: (id, error) => {
      if (id === undefined) return
      if (error !== undefined) return forget(id, error)
      clock.clearTimeout(unanswered.get(id)?.timer)
      unanswered.delete(id)
    },
    stop: () => {
      if (timer !== undefined) clock.clearTimeout(timer)
      for (const request of unanswered.values()) clock.clearTimeout(request.timer)
      unanswered.clear()
    },
  }
}

/** The next names to put in one message: at most {@link namesMax} and {@link bytesMax}, so many that `room` allows. */
function batch(names: Iterable<string>, belongs: (name: string) => boolean, room = namesMax): string[] {
  const taken: string[] = []
  let bytes = 64
  for (const name of names) {
    if (taken.length >= Math.min(room, namesMax)) break
    if (!belongs(name)) continue
    bytes += Buffer.byteLength(name) + 3
    if (bytes > bytesMax) break
    taken.push(name)
  }
  return taken
}
