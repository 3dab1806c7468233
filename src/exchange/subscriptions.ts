import { backoffMs, type Clock, type Timer } from '../clock.ts'
import { createBudget } from './budget.ts'

/**
 * Keeps the streams of one live socket as they are wanted, by SUBSCRIBE and UNSUBSCRIBE, never by closing it.
 *
 * Limits (web-socket-streams.md): five messages a second for pings, pongs and these together, so three are taken here; 1,024 streams a
 * socket, and asking for one more closes it and loses all. Seen in the field: messages over 4,096 bytes are answered only ten seconds later.
 * An acknowledgement proves nothing (any name is acknowledged); a stream is confirmed by its first message.
 *
 * The exchange obeys in the order we ask, so the last message that names a stream decides; replies to earlier ones do not matter to it.
 */
export interface Subscriptions {
  want(streams: ReadonlySet<string>): void
  /** A message of this stream arrived. Returns true the first time. */
  heard(stream: string): boolean
  /** Leaves these streams and joins them anew: they have fallen silent on the exchange's side. */
  renew(streams: Iterable<string>): void
  /** Asks the exchange what it believes us to be subscribed to, and mends what differs. */
  compare(): void
  /** Answer to one of our messages. */
  replied(id: number | undefined, error: string | undefined, result?: unknown): void
  stop(): void
  readonly confirmed: ReadonlySet<string>
  /** Subscribed to, confirmed or not. */
  readonly asked: ReadonlySet<string>
  /** All that is wanted was asked for, and the exchange has answered. */
  readonly isSettled: boolean
}

export interface SubscriptionsOptions {
  readonly clock: Clock
  readonly send: (text: string) => void
  /** That one socket may carry; default {@link streamsMax}. */
  readonly max?: number | undefined
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Three in any second and a half: what left a second apart may arrive closer together, and the exchange counts what arrives. */
export const messagesMax = 3
export const messagesWindowMs = 1500
export const streamsMax = 1024
export const namesMax = 200
export const bytesMax = 4000
/** An acknowledgement that takes longer is taken for lost, and the names are asked for again. */
const replyMaxMs = 12_000
/** What was refused is asked for again after half a second and up to another one; the latter doubles each time, up to a minute. */
const againMs = { least: 500, first: 1000, max: 60_000 }

type Method = 'SUBSCRIBE' | 'UNSUBSCRIBE'

interface Request {
  readonly method: Method
  readonly names: readonly string[]
  readonly timer: Timer
}

export function createSubscriptions({ clock, send, note, max = streamsMax }: SubscriptionsOptions): Subscriptions {
  const budget = createBudget(clock, messagesMax, messagesWindowMs)
  const asked = new Set<string>()
  const confirmed = new Set<string>()
  /** Unsubscribed from, but the exchange has not said so: they still count. */
  const leaving = new Set<string>()
  /** The request that named a stream last, while that is unanswered; 0 when it failed and the stream is to be named again. */
  const pending = new Map<string, number>()
  const unanswered = new Map<number, Request>()
  /** To be left and joined anew. */
  const renewing = new Set<string>()
  /** Of the list we asked for; it says something only as long as nothing else was said since. */
  let listId = 0
  let wanted: ReadonlySet<string> = new Set()
  let timer: Timer | undefined
  let timerAt = Number.POSITIVE_INFINITY
  let lastId = 0
  let failures = 0
  let restUntil = Number.NEGATIVE_INFINITY
  let leftOut = 0
  let isOver = false

  const say = (method: Method, names: readonly string[]): void => {
    lastId += 1
    const id = lastId
    for (const name of names) {
      pending.set(name, id)
      if (method === 'SUBSCRIBE') {
        asked.add(name)
        leaving.delete(name)
      } else {
        asked.delete(name)
        confirmed.delete(name)
        renewing.delete(name)
        leaving.add(name)
      }
    }
    unanswered.set(id, { method, names, timer: clock.setTimeout(() => failed(id, 'no answer'), replyMaxMs) })
    send(JSON.stringify({ method, params: names, id }))
  }

  const settle = (id: number): Request | undefined => {
    const request = unanswered.get(id)
    if (request !== undefined) clock.clearTimeout(request.timer)
    unanswered.delete(id)
    return request
  }

  const accepted = (id: number): void => {
    const request = settle(id)
    if (request === undefined) return
    failures = 0
    for (const name of request.names) {
      if (pending.get(name) !== id) continue
      pending.delete(name)
      leaving.delete(name)
    }
    // Room may have come free.
    if (request.method === 'UNSUBSCRIBE') reconcile()
  }

  /** The exchange did not do what we asked, or did not say so: ask again, but not in a loop. */
  const failed = (id: number, error: string): void => {
    const request = settle(id)
    if (request === undefined) return
    note('a subscription was not accepted', { method: request.method, streams: request.names.length, error })
    for (const name of request.names) {
      if (pending.get(name) !== id) continue
      if (confirmed.has(name)) pending.delete(name)
      else pending.set(name, 0)
    }
    const waitMs = againMs.least + backoffMs(clock, failures, againMs.first, againMs.max)
    failures += 1
    restUntil = Math.max(restUntil, clock.now() + waitMs)
    later(waitMs)
  }

  const later = (ms: number): void => {
    const at = clock.now() + ms
    if (timerAt <= at) return
    clock.clearTimeout(timer)
    timerAt = at
    timer = clock.setTimeout(() => {
      timerAt = Number.POSITIVE_INFINITY
      reconcile()
    }, ms)
  }

  /** To be left: subscribed to and not wanted, or left before in vain. */
  const toLeave = (canRepeat: boolean): string[] => {
    const gone = batch(asked, name => !wanted.has(name))
    return gone.length > 0 || !canRepeat ? gone : batch(leaving, name => !wanted.has(name) && pending.get(name) === 0)
  }

  const toJoin = (canRepeat: boolean): string[] => {
    const fresh = batch(wanted, name => !asked.has(name) && !leaving.has(name), max - asked.size - leaving.size)
    if (fresh.length > 0) return fresh
    const back = batch(wanted, name => leaving.has(name))
    return back.length > 0 || !canRepeat ? back : batch(asked, name => pending.get(name) === 0)
  }

  const reconcile = (): void => {
    while (!isOver) {
      const restMs = restUntil - clock.now()
      const gone = toLeave(restMs <= 0)
      const names = gone.length > 0 ? gone : toJoin(restMs <= 0)
      if (names.length === 0 && renewing.size > 0) {
        // Both at once, or what comes in between is missed.
        const again = batch(asked, name => renewing.has(name))
        const waitMs = budget.waitMs(2)
        if (again.length > 0 && waitMs > 0) return later(waitMs)
        if (again.length === 0) renewing.clear()
        else if (budget.take()) say('UNSUBSCRIBE', again)
        continue
      }
      if (names.length === 0) break
      if (!budget.take()) return later(budget.waitMs())
      say(gone.length > 0 ? 'UNSUBSCRIBE' : 'SUBSCRIBE', names)
    }
    const restMs = restUntil - clock.now()
    if (!isOver && restMs > 0) later(restMs)
  }

  /** What the exchange has and we do not think so, and the other way round. */
  const mend = (listed: readonly unknown[]): void => {
    const held = new Set(listed)
    for (const name of asked) if (!held.has(name)) pending.set(name, 0)
    for (const name of held) {
      if (typeof name !== 'string' || asked.has(name) || leaving.has(name)) continue
      leaving.add(name)
      pending.set(name, 0)
    }
    reconcile()
  }

  return {
    asked,
    confirmed,
    renew: streams => {
      for (const stream of streams) if (asked.has(stream)) renewing.add(stream)
      reconcile()
    },
    compare: () => {
      if (isOver || unanswered.size > 0 || !budget.take()) return
      lastId += 1
      listId = lastId
      send(JSON.stringify({ method: 'LIST_SUBSCRIPTIONS', id: listId }))
    },
    get isSettled() {
      return pending.size === 0 && [...wanted].every(name => asked.has(name))
    },
    want: streams => {
      wanted = streams
      const over = Math.max(0, wanted.size - max)
      if (over > leftOut) note('more streams are wanted than one socket may carry', { wanted: wanted.size, max })
      leftOut = over
      reconcile()
    },
    heard: stream => {
      if (!asked.has(stream) || confirmed.has(stream)) return false
      confirmed.add(stream)
      if (pending.get(stream) === 0) pending.delete(stream)
      return true
    },
    replied: (id, error, result) => {
      if (id === undefined) return
      if (id === listId && lastId === listId && Array.isArray(result)) return mend(result)
      if (error === undefined) accepted(id)
      else failed(id, error)
    },
    stop: () => {
      isOver = true
      clock.clearTimeout(timer)
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
