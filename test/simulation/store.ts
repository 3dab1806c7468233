import {
  createEmbeddedStore,
  type EmbeddedAnswer,
  type EmbeddedLine,
  type EmbeddedStore,
  type Keys,
  type LineListener,
} from '../../src/embedded.ts'
import type { Chance } from './chance.ts'
import { ProcessClock, type TimeLine } from './time.ts'

/** A failover loses writes of so long at most. */
export const lostMaxMs = 2000
/** Beyond this, writes too old to be lost are forgotten. */
const undoMax = 500

/**
 * The store of a world: the embedded store, whose scripts the contract suite holds to a real Redis, on a server of its own, reached over
 * links that are slow, lose replies after the effect, hold bytes back and deliver them later, or break.
 */
export class StoreServer {
  readonly clock: ProcessClock
  readonly store: EmbeddedStore
  /** Called for each message published, in order. */
  onPublish: (channel: string, payload: string) => void = () => {}
  readonly #line: TimeLine
  /** When it last lost what it knew, world's clock. */
  lostAt = Number.NEGATIVE_INFINITY
  /** What was written last, the oldest first, and how to take it back. */
  #undo: { readonly at: number; readonly back: (keys: Keys) => void }[] = []
  #watchedKeys: Keys | undefined

  constructor(line: TimeLine, chance: Chance) {
    this.#line = line
    this.clock = new ProcessClock(line, chance)
    this.store = createEmbeddedStore(this.clock)
  }

  ask<T>(question: (keys: Keys) => T): Promise<EmbeddedAnswer<T>> {
    return this.store.ask(keys => {
      this.#watchedKeys ??= this.#watch(keys)
      return question(this.#watchedKeys)
    })
  }

  /** The keys, with every write remembered so that a failover can lose it. */
  #watch(keys: Keys): Keys {
    const remember = (key: string): void => {
      const value = keys.get(key)
      const remainingMs = keys.remainingMs(key)
      const ttlMs = remainingMs === undefined || remainingMs === Number.POSITIVE_INFINITY ? undefined : remainingMs
      const back = (later: Keys): void => void (value === undefined ? later.delete(key) : later.set(key, value, ttlMs))
      this.#undo.push({ at: this.#line.now, back })
      if (this.#undo.length > undoMax) this.#undo = this.#undo.filter(({ at }) => at > this.#line.now - lostMaxMs)
    }
    return {
      ...keys,
      set: (key, value, ttlMs) => {
        remember(key)
        return keys.set(key, value, ttlMs)
      },
      delete: key => {
        remember(key)
        keys.delete(key)
      },
      publish: (channel, payload) => {
        this.onPublish(channel, payload)
        keys.publish(channel, payload)
      },
    }
  }

  /** Everything is gone, and the server goes on. */
  flush(): void {
    this.store.clear()
    this.lostAt = this.#line.now
    this.#undo = []
  }

  /** A replica takes over that had not heard of the last writes; every connection breaks. */
  async failOver(lostMs: number): Promise<void> {
    const lost = this.#undo.filter(({ at }) => at > this.#line.now - lostMs)
    this.#undo = []
    this.lostAt = this.#line.now
    this.store.reachable = false
    this.store.reachable = true
    await this.store.ask(keys => {
      for (const { back } of lost.reverse()) back(keys)
    })
  }
}

/** What a link does to what travels over it, now. */
export interface LinkState {
  delayMs: { min: number; max: number }
  /** Nothing passes. What is sent meanwhile arrives when this ends, or never. */
  isCut: boolean
  /** Replies get lost after the command was obeyed. */
  losesReplies: number
  /** Steps of a following, a release and a withdrawal are never answered, nor do they time out: a client with a bug. */
  hangs: boolean
  /** No following can be opened, while commands pass. */
  hasNoLines: boolean
}

export const calmLink = (): LinkState => ({
  delayMs: { min: 0.2, max: 1.5 },
  isCut: false,
  losesReplies: 0,
  hangs: false,
  hasNoLines: false,
})

/** As redis.ts: a command without an answer for so long is unreachable; a following without one breaks. */
const commandTimeoutMs = 500
const lineTimeoutMs = 1000
const lineDeadAfterMs = 2500
/** Open, subscribe twice, read. */
const joiningSteps = 4

/** One process's way to the store, in the shape its bus, lease and ledger use. */
export class StoreLink implements EmbeddedStore {
  readonly state: LinkState = calmLink()
  reachable = true
  /** When something last was held back or lost on the way, world's clock. */
  troubledAt = Number.NEGATIVE_INFINITY
  readonly #server: StoreServer
  readonly #clock: ProcessClock
  readonly #line: TimeLine
  readonly #chance: Chance
  readonly #held: (() => void)[] = []
  readonly #open = new Set<SimulatedLine>()
  #arrives = 0
  #returns = 0

  constructor(server: StoreServer, clock: ProcessClock, line: TimeLine, chance: Chance) {
    this.#server = server
    this.#clock = clock
    this.#line = line
    this.#chance = chance
  }

  cut(): void {
    if (this.state.isCut) return
    this.state.isCut = true
    for (const open of this.#open) open.silence()
  }

  /** Followings that are open stand, and deliver nothing until they are opened anew. */
  deafen(): void {
    for (const open of this.#open) open.deafen()
  }

  /** What was held back arrives now, or some of it never. */
  mend(): void {
    if (!this.state.isCut) return
    this.state.isCut = false
    const held = this.#held.splice(0)
    for (const arrive of held) if (this.#chance.happens(0.5)) this.#line.at(this.#line.now, arrive)
  }

  /** The process is gone; what it sent may still arrive. */
  end(): void {
    for (const open of this.#open) open.close()
  }

  clear(): void {
    throw new Error('a process cannot clear the store')
  }

  /** Carries something there: in order, never faster than what was sent before. */
  send(arrive: () => void): void {
    if (this.state.isCut) return this.#hold(arrive)
    this.#arrives = Math.max(this.#arrives, this.#line.now + this.#delay())
    this.#line.at(this.#arrives, () => (this.state.isCut ? this.#hold(arrive) : arrive()))
  }

  #hold(arrive: () => void): void {
    this.trouble()
    this.#held.push(arrive)
  }

  trouble(): void {
    this.troubledAt = this.#line.now
  }

  /** Carries an answer back to the process, or loses it. */
  answer(arrive: () => void): void {
    if (this.#chance.happens(this.state.losesReplies)) this.trouble()
    else this.bringBack(arrive)
  }

  /** Carries something back to the process. */
  bringBack(arrive: () => void): void {
    if (this.state.isCut) return this.trouble()
    this.#returns = Math.max(this.#returns, this.#line.now + this.#delay())
    this.#line.at(this.#returns, () => (this.state.isCut ? this.trouble() : this.#clock.deliver(arrive)))
  }

  #delay(): number {
    return this.#chance.between(this.state.delayMs.min, this.state.delayMs.max)
  }

  ask<T>(question: (keys: Keys) => T): Promise<EmbeddedAnswer<T>> {
    return new Promise(resolve => {
      const timer = this.#clock.setTimeout(() => {
        this.trouble()
        resolve({ kind: 'unreachable', cause: 'no answer in time' })
      }, commandTimeoutMs)
      this.send(() => {
        void this.#server.ask(question).then(answer => {
          if (answer.kind === 'unreachable') this.trouble()
          this.answer(() => {
            this.#clock.clearTimeout(timer)
            resolve(answer)
          })
        })
      })
    })
  }

  line(listener: LineListener): EmbeddedLine {
    const open = new SimulatedLine(this, this.#server, this.#clock, listener, () => void this.#open.delete(open))
    this.#open.add(open)
    return open
  }
}

/** One following's connection. */
class SimulatedLine implements EmbeddedLine {
  readonly #link: StoreLink
  readonly #clock: ProcessClock
  readonly #far: EmbeddedLine
  readonly #listener: LineListener
  readonly #forget: () => void
  #isOver = false
  /** Stands, and brings nothing any more. */
  #isDeaf = false
  #steps = 0

  constructor(link: StoreLink, server: StoreServer, clock: ProcessClock, listener: LineListener, forget: () => void) {
    this.#link = link
    this.#clock = clock
    this.#listener = listener
    this.#forget = forget
    this.#far = server.store.line({
      message: (channel, payload) => this.#isDeaf || this.#link.bringBack(() => this.#ifOpen(() => listener.message(channel, payload))),
      over: cause => this.#link.bringBack(() => this.#end(cause)),
    })
  }

  deafen(): void {
    this.#isDeaf = true
  }

  /** Nothing comes any more; found out by a ping that is not answered. */
  silence(): void {
    this.#clock.setTimeout(() => {
      if (this.#link.state.isCut) this.#end('no answer to a ping')
    }, lineDeadAfterMs)
  }

  #ifOpen(then: () => void): void {
    if (!this.#isOver) then()
  }

  #end(cause: string): void {
    this.#ifOpen(() => {
      this.close()
      this.#listener.over(cause)
    })
  }

  #ask<T>(far: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error('no answer in time'))
      // Later steps are bounded by contract; whoever joins has a bound of its own.
      this.#steps += 1
      if (this.#link.state.hangs && this.#steps <= joiningSteps) return
      if (this.#link.state.hasNoLines) return void this.#clock.setTimeout(fail, 20)
      const timer = this.#clock.setTimeout(fail, lineTimeoutMs)
      const settle = (then: () => void): void =>
        this.#link.answer(() => {
          this.#clock.clearTimeout(timer)
          this.#ifOpen(then)
        })
      this.#link.send(
        () =>
          void far().then(
            value => settle(() => resolve(value)),
            () => settle(() => reject(new Error('store unreachable'))),
          ),
      )
    })
  }

  open = (): Promise<void> => this.#ask(() => this.#far.open())
  subscribe = (channels: readonly string[]): Promise<void> => this.#ask(() => this.#far.subscribe(channels))
  unsubscribe = (channels: readonly string[]): Promise<void> => this.#ask(() => this.#far.unsubscribe(channels))
  read = (keys: readonly string[]): Promise<readonly (Buffer | null)[]> => this.#ask(() => this.#far.read(keys))
  close(): void {
    this.#isOver = true
    this.#forget()
    this.#far.close()
  }
}
