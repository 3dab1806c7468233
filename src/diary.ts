import { type Actor, type AnyActorRef, matchesState } from 'xstate'
import type { connectionMachine } from '../machines/connection.ts'
import type { fallbackMachine } from '../machines/fallback.ts'
import { type gatewayMachine, shardName } from '../machines/gateway.ts'
import type { leadershipMachine } from '../machines/leadership.ts'
import type { relayMachine } from '../machines/relay.ts'
import type { Clock } from './clock.ts'
import { isCached, type Level } from './price.ts'

/** What the machines say, for those who are no machines: the state words of the contract, and a line in the log for each change. */
export interface Diary {
  role(): 'follower' | 'leader' | 'solo'
  /** The first one's, or that of another beside it. */
  connection(shard?: number): string
  /** About to succeed a leader: the socket opens, the lease is not ours yet. */
  isStandby(): boolean
  relay(): string
  gateway(): string
  level(): Level
  /** Live and undoubted. */
  isLive(): boolean
  term(): { readonly epoch: number; readonly validUntil: number }
  /** Wall clock: since when the level is what it is. */
  since(): number
  /** The same on the monotonic clock. */
  levelSince(): number
  /** Begins to write. */
  open(): void
}

export interface DiaryOptions {
  readonly gateway: Actor<typeof gatewayMachine>
  readonly clock: Clock
  readonly log: { info(fields: object, line: string): void }
  readonly trouble: (line: string, fields: object) => void
  readonly changed: () => void
  readonly pairs: () => number
}

type Value = string | object
/** By machine; connections beside the first by their names. */
type Words = Record<'connection' | 'leadership' | 'relay' | 'fallback' | 'gateway', string> & Record<string, string>

const failures = new Set(['reconnecting', 'behind'])
const tries = new Set(['connecting', 'joining', 'catching-up'])
/** What machines call a cause, for people. */
const causes: Readonly<Record<string, string>> = {
  connectTimeoutMs: 'no answer while connecting',
  quietMaxMs: 'the socket lives but brings no prices',
  joinTimeoutMs: 'no answer while joining',
  leaseSafetyMs: 'the lease ran out',
  'lease.fenced': 'another epoch is in force',
  'lease.lost': 'the lease is lost',
}
/** Of leadership: claimed, and not leading yet. */
const standby = [{ follower: { succeeding: 'preparing' } }, { follower: { succeeding: 'taking' } }]
const releasing = { leader: { 'handing-over': 'releasing' } }
const top = (value: Value): string => (typeof value === 'string' ? value : (Object.keys(value)[0] ?? ''))

export function createDiary({ gateway, clock, log, trouble, changed, pairs }: DiaryOptions): Diary {
  const child = <T extends AnyActorRef>(name: string): T => gateway.system.get(name) as T
  const parts = {
    connection: () => child<Actor<typeof connectionMachine>>('connection'),
    leadership: () => child<Actor<typeof leadershipMachine>>('leadership'),
    relay: () => child<Actor<typeof relayMachine>>('relay'),
    fallback: () => child<Actor<typeof fallbackMachine>>('fallback'),
  }
  const words: Words = { connection: 'idle', leadership: 'follower', relay: 'joining', fallback: 'stale', gateway: 'starting' }
  let term = { epoch: 0, validUntil: 0 }
  let isLive = false
  let isStandby = false
  let wasReleasing = false
  /** Before the first live price nothing is lost yet. */
  let hasPrices = false
  /** Part → why it fails, as last said. */
  const failing = new Map<string, string>()
  /** Connections beside the first. */
  const watched = new Map<string, unknown>()
  let since = { wall: clock.wall(), now: clock.now() }

  /** Takes a machine's new word; says it in the log if it differs from the last one. */
  const turn = (part: string, value: Value, fields: object, isTrouble: boolean): void => {
    const word = top(value)
    const before = words[part] ?? 'idle'
    if (word === before) return
    words[part] = word
    if (part === 'fallback') since = { wall: clock.wall(), now: clock.now() }
    if (isRepetition(part, word, fields)) return
    const line = `${part === 'fallback' ? 'level' : part} ${word}`
    const more = { was: before, ...fields, pairs: pairs() }
    if (isTrouble) trouble(line, more)
    else log.info(more, line)
  }

  const because = (cause: string): object => {
    const event = /^xstate\.after\.(\w+)\./.exec(cause)?.[1] ?? cause
    return event === '' ? {} : { cause: causes[event] ?? event }
  }

  /** A part that fails and tries again says so once, and then when it is well; in between only what is new about it. */
  const isRepetition = (part: string, word: string, fields: object): boolean => {
    const failed = failing.get(part)
    if (tries.has(word)) return failed !== undefined
    if (!failures.has(word)) failing.delete(part)
    else if (failed === JSON.stringify(fields)) return true
    else failing.set(part, JSON.stringify(fields))
    return false
  }

  const open = (): void => {
    const watch = <T extends { subscribe(next: (snapshot: ReturnType<T['getSnapshot']>) => void): unknown; getSnapshot(): unknown }>(
      actor: T,
      next: (snapshot: ReturnType<T['getSnapshot']>) => void,
    ): void => {
      const heard = (snapshot: ReturnType<T['getSnapshot']>): void => {
        next(snapshot)
        changed()
      }
      heard(actor.getSnapshot() as ReturnType<T['getSnapshot']>)
      actor.subscribe(heard)
    }
    const watchConnection = (actor: Actor<typeof connectionMachine>, name: string): void =>
      watch(actor, ({ value, context }) => {
        const word = top(value)
        turn(name, value, because(word === 'connected' ? '' : context.cause), word === 'reconnecting' || word === 'blocked')
      })
    const lookShards = (): void => {
      const { children } = gateway.getSnapshot()
      const now = Object.entries(children).filter(([name]) => name.startsWith(shardName('')))
      for (const [name, actor] of watched) {
        if (children[name] === actor) continue
        watched.delete(name)
        failing.delete(name)
        delete words[name]
      }
      for (const [name, actor] of now) {
        if (actor === undefined || watched.has(name)) continue
        watched.set(name, actor)
        watchConnection(actor as Actor<typeof connectionMachine>, name)
      }
    }
    watchConnection(parts.connection(), 'connection')
    watch(parts.leadership(), ({ value, context }) => {
      const word = top(value)
      term = { epoch: context.epoch, validUntil: context.validUntil }
      const isReleasing = matchesState(releasing, value)
      if (isReleasing && !wasReleasing) log.info({ epoch: context.epoch }, 'no successor in time: the lease is released')
      wasReleasing = isReleasing
      isStandby = standby.some(state => matchesState(state, value))
      turn('leadership', value, word === 'leader' ? { epoch: context.epoch } : because(context.cause), word === 'solo')
    })
    watch(parts.relay(), ({ value, context }) => turn('relay', value, because(context.cause), value === 'behind'))
    watch(parts.fallback(), snapshot => {
      isLive = snapshot.matches({ live: 'steady' })
      turn('fallback', snapshot.value, {}, hasPrices && isCached(top(snapshot.value) as Level))
      hasPrices ||= isLive
    })
    watch(gateway, ({ value }) => {
      turn('gateway', value, {}, false)
      lookShards()
    })
  }

  return {
    open,
    role: () => words.leadership as 'follower' | 'leader' | 'solo',
    connection: (shard = 1) => words[shard === 1 ? 'connection' : shardName(shard)] ?? 'idle',
    isStandby: () => isStandby,
    relay: () => words.relay,
    gateway: () => words.gateway,
    level: () => words.fallback as Level,
    isLive: () => isLive,
    term: () => term,
    since: () => since.wall,
    levelSince: () => since.now,
  }
}
