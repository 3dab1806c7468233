/**
 * The store the instances of one process share when there is no Redis: keys that expire, channels, and a clock of its own.
 *
 * It keeps Redis's manners, so that whoever works with it works with Redis: a question travels and its answer travels, so an answer may be lost
 * after the question was obeyed; each line gets messages in the order they were published; losing the store cuts every line.
 */
import type { Clock } from './clock.ts'

/** `unreachable`: the question may have been obeyed or not. */
export type EmbeddedAnswer<T> = { readonly kind: 'answered'; readonly value: T } | { readonly kind: 'unreachable'; readonly cause: string }

/** What a question may do; all of one question happens in one step. */
export interface Keys {
  get(key: string): string | undefined
  /** False: the store is full and nothing was written. Without `ttlMs` the key stays until deleted. */
  set(key: string, value: string, ttlMs?: number): boolean
  delete(key: string): void
  /** Until the key expires; undefined if it is not there, Infinity if it never does. */
  remainingMs(key: string): number | undefined
  startingWith(prefix: string): readonly string[]
  publish(channel: string, payload: string): void
  /** Microseconds since 1970. */
  timeMicros(): number
}

export interface LineListener {
  message(channel: string, payload: Buffer): void
  /** The line was cut; nothing more comes. Once, and never after `close`. */
  over(cause: string): void
}

/** One subscriber's connection. Every call rejects once the line is cut. */
export interface EmbeddedLine {
  open(): Promise<void>
  subscribe(channels: readonly string[]): Promise<void>
  unsubscribe(channels: readonly string[]): Promise<void>
  read(keys: readonly string[]): Promise<readonly (Buffer | null)[]>
  close(): void
}

export interface EmbeddedStore {
  /** Set to false to take the store away: questions answer unreachable, lines are cut. Setting it to true brings it back, contents kept. */
  reachable: boolean
  ask<T>(question: (keys: Keys) => T): Promise<EmbeddedAnswer<T>>
  line(listener: LineListener): EmbeddedLine
  /** Forgets every key, as a Redis that restarts without persistence. */
  clear(): void
}

const gone = 'store unreachable'

interface Entry {
  readonly value: string
  readonly expiresAt: number
}

/** `keysMax` stands for Redis's maxmemory: a new key beyond it is refused. */
export function createEmbeddedStore(clock: Clock, options: { readonly keysMax?: number } = {}): EmbeddedStore {
  const keysMax = options.keysMax ?? 20_000
  const entries = new Map<string, Entry>()
  const lines = new Set<Line>()
  let lastMicros = 0
  let reachable = true
  /** Counts how often the store was taken away: an answer under way at that moment never arrives. */
  let outages = 0

  const live = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (entry === undefined || entry.expiresAt > clock.now()) return entry
    entries.delete(key)
    return undefined
  }
  const startingWith = (prefix: string): readonly string[] => [...entries.keys()].filter(key => key.startsWith(prefix) && live(key))
  const full = (key: string): boolean => !entries.has(key) && entries.size >= keysMax && startingWith('').length >= keysMax

  const keys: Keys = {
    get: key => live(key)?.value,
    set: (key, value, ttlMs) => {
      if (full(key)) return false
      entries.set(key, { value, expiresAt: ttlMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + ttlMs })
      return true
    },
    delete: key => void entries.delete(key),
    remainingMs: key => {
      const entry = live(key)
      return entry === undefined ? undefined : entry.expiresAt - clock.now()
    },
    startingWith,
    publish: (channel, payload) => {
      const bytes = Buffer.from(payload)
      for (const line of lines) line.publish(channel, bytes)
    },
    timeMicros: () => {
      // The clock may tell only milliseconds: within one, count on.
      const micros = Math.floor(clock.wall() * 1000)
      lastMicros = micros <= lastMicros && lastMicros - micros < 1000 ? lastMicros + 1 : micros
      return lastMicros
    },
  }

  const ask = <T>(question: (keys: Keys) => T): Promise<EmbeddedAnswer<T>> =>
    new Promise(resolve => {
      const asked = outages
      const lose = () => resolve({ kind: 'unreachable', cause: gone })
      clock.soon(() => {
        if (!reachable || asked !== outages) return lose()
        const value = question(keys)
        clock.soon(() => (asked === outages ? resolve({ kind: 'answered', value }) : lose()))
      })
    })

  return {
    get reachable() {
      return reachable
    },
    set reachable(wanted: boolean) {
      if (reachable && !wanted) {
        outages += 1
        for (const line of lines) line.cut()
      }
      reachable = wanted
    },
    ask,
    line: listener => {
      const line = createLine(clock, ask, listener, () => void lines.delete(line))
      lines.add(line)
      return line
    },
    clear: () => entries.clear(),
  }
}

type Ask = <T>(question: (keys: Keys) => T) => Promise<EmbeddedAnswer<T>>

interface Line extends EmbeddedLine {
  publish(channel: string, payload: Buffer): void
  cut(): void
}

function createLine(clock: Clock, ask: Ask, listener: LineListener, forget: () => void): Line {
  const subscribed = new Set<string>()
  let waiting: { readonly channel: string; readonly payload: Buffer }[] = []
  let state: 'open' | 'cut' | 'closed' = 'open'

  const end = (next: 'cut' | 'closed'): void => {
    state = next
    waiting = []
    forget()
  }
  const cut = (): void => {
    if (state !== 'open') return
    end('cut')
    clock.soon(() => {
      if (state === 'cut') listener.over(gone)
    })
  }
  const deliver = (): void => {
    const messages = waiting
    waiting = []
    for (const { channel, payload } of messages) {
      if (state === 'open') listener.message(channel, payload)
    }
  }
  const question = async <T>(obey: (keys: Keys) => T): Promise<T> => {
    const answer = await ask(keys => (state === 'open' ? { value: obey(keys) } : undefined))
    if (answer.kind === 'unreachable') cut()
    if (state !== 'open' || answer.kind === 'unreachable' || answer.value === undefined) throw new Error(gone)
    return answer.value.value
  }

  return {
    open: () => question(() => undefined),
    subscribe: channels =>
      question(() => {
        for (const channel of channels) subscribed.add(channel)
      }),
    unsubscribe: channels =>
      question(() => {
        for (const channel of channels) subscribed.delete(channel)
      }),
    read: names =>
      question(keys => {
        const values = names.map(name => keys.get(name))
        return values.map(value => (value === undefined ? null : Buffer.from(value)))
      }),
    close: () => end('closed'),
    publish: (channel, payload) => {
      if (!subscribed.has(channel)) return
      waiting.push({ channel, payload })
      if (waiting.length === 1) clock.soon(deliver)
    },
    cut,
  }
}
