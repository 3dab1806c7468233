import { type Clock, every } from '../clock.ts'
import type { Names } from '../names.ts'
import { connectFollower, type Follower } from '../redis-follower.ts'
import { retryMs, type Telling } from './telling.ts'

export interface RedisTellingOptions {
  readonly url: string
  readonly clock: Clock
  readonly names: Names
  /** Certificates (PEM) that may vouch for the server. */
  readonly ca?: string | undefined
}

/** Nothing heard, nothing said for so long: the connection is given back. */
const idleMs = 3000
/** Publications without an answer; more are dropped. */
const inFlightMax = 64

/** Over Redis on a connection of its own, which is there only while somebody looks. */
export function createRedisTelling({ url, clock, names, ca }: RedisTellingOptions): Telling {
  const heard = new Map<string, (text: string) => void>()
  let follower: Follower | undefined
  let opening: Promise<Follower | undefined> | undefined
  let stopWatching: (() => void) | undefined
  let usedAt = 0
  let triedAt = Number.NEGATIVE_INFINITY
  let inFlight = 0
  let isClosed = false

  const lose = (): void => {
    follower?.close()
    follower = undefined
    opening = undefined
  }

  const open = async (): Promise<Follower | undefined> => {
    triedAt = clock.now()
    const mine = connectFollower(url, {
      clock,
      ca,
      key: names.epoch,
      message: (channel, payload) => heard.get(channel)?.(payload.toString()),
      over: lose,
    })
    follower = mine
    try {
      await mine.open()
      if (heard.size > 0) await mine.subscribe([...heard.keys()])
      return mine
    } catch {
      lose()
      return undefined
    }
  }

  const watch = (): void => {
    if (heard.size === 0 && clock.now() - usedAt > idleMs) {
      stopWatching?.()
      stopWatching = undefined
      lose()
    } else if (opening === undefined) connection()
  }

  /** The connection, opened if need be and not just tried in vain. */
  const connection = (): Promise<Follower | undefined> => {
    if (isClosed || (opening === undefined && clock.now() - triedAt < retryMs)) return Promise.resolve(undefined)
    stopWatching ??= every(clock, retryMs, watch)
    opening ??= open()
    return opening
  }

  const publish = async (channel: string, text: string): Promise<void> => {
    if (inFlight >= inFlightMax) return
    usedAt = clock.now()
    inFlight += 1
    try {
      await (await connection())?.publish(channel, text)
    } catch {
      // Lost: whoever counts notices.
    }
    inFlight -= 1
  }

  const hear: Telling['hear'] = (to, listen) => {
    const channel = names.inspectOf(to)
    heard.set(channel, listen)
    if (opening === undefined) void connection()
    else void opening.then(open => open?.subscribe([channel])).catch(() => {})
    return () => {
      heard.delete(channel)
      usedAt = clock.now()
      void opening?.then(open => open?.unsubscribe([channel])).catch(() => {})
    }
  }

  return {
    call: text => void publish(names.inspect, text),
    say: (to, text) => void publish(names.inspectOf(to), text),
    hear,
    close: () => {
      isClosed = true
      stopWatching?.()
      lose()
    },
  }
}
