import { type Config, readConfig } from '../../src/config.ts'
import type { Instance } from '../../src/instance.ts'
import { type Chance, createChance, hash } from './chance.ts'
import { createChecks } from './checks.ts'
import { calmExchange, WorldExchange } from './exchange.ts'
import type { Fault } from './faults.ts'
import { createNemesis, type Nemesis } from './nemesis.ts'
import { SimulatedProcess } from './process.ts'
import { SimulatedReader } from './reader.ts'
import { calmLink, StoreServer } from './store.ts'
import { TimeLine } from './time.ts'

/** One line of what happened. */
export interface Trace {
  readonly at: number
  readonly who: string
  readonly what: string
}

export interface Outcome {
  readonly seed: string
  readonly troubles: readonly string[]
  readonly hash: string
  readonly steps: number
  readonly virtualMs: number
  readonly trace: readonly Trace[]
}

export interface WorldOptions {
  readonly seed: string
  readonly faults: readonly Fault[]
  readonly processes: number
  /** When faults end and everything is healed, virtual ms. */
  readonly lengthMs: number
  /** After healing, all promises must hold by then, virtual ms. */
  readonly calmMs: number
  readonly observed?: (instance: Instance, world: World) => void
}

/** So many steps are asked for at once; between two such lots the process itself gets a turn, for messages between threads. */
const lot = 256

/** Calls `step` until it says false. All that one call sets going among promises is done before the next: Node sees to that between immediates. */
function drive(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false
    const once = (): void => {
      if (isOver) return
      try {
        if (step()) return
        resolve()
      } catch (error) {
        reject(error)
      }
      isOver = true
    }
    const more = (): void => {
      if (isOver) return
      for (let at = 0; at < lot; at += 1) setImmediate(once)
      setImmediate(more)
    }
    more()
  })
}

/** All that is traded; most worlds are played with the first few. */
export const bases = ['BTC', 'ETH', 'SOL', 'ADA', 'XRP', 'LTC', 'DOT', 'UNI', 'BCH', 'ETC', 'XLM', 'TRX']
const fewBases = 4
const traceMax = 20_000

/** A whole cluster, its store, its exchange and its readers on one virtual clock, from one seed. */
export class World {
  readonly line = new TimeLine()
  readonly server: StoreServer
  readonly exchange: WorldExchange
  readonly processes: SimulatedProcess[] = []
  readonly readers: SimulatedReader[] = []
  readonly troubles: string[] = []
  readonly bases: readonly string[]
  readonly #options: WorldOptions
  readonly #chance: Chance
  readonly #trace: Trace[] = []
  #hash = hash('')
  #rotateMs = 0
  #steps = 0
  #isHealed = false
  /** Readers that are on their way to another instance. */
  readonly #returning = new Set<SimulatedReader>()

  constructor(options: WorldOptions) {
    this.#options = options
    this.#chance = createChance(options.seed)
    this.server = new StoreServer(this.line, this.#chance.fork('store'))
    this.bases = this.#chance.fork('bases').happens(0.15) ? bases : bases.slice(0, fewBases)
    this.exchange = new WorldExchange(this.line, this.#chance.fork('exchange'), this.bases)
    // Some worlds need several sockets.
    const limits = this.#chance.fork('limits')
    if (limits.happens(0.3)) this.exchange.streamsMax = this.bases.length > fewBases ? 8 : limits.pick([2, 4])
    this.server.onPublish = (channel, payload) => checks.published(channel, payload)
    const config = this.#configure()
    // Once in a while, or so often that there is always some rotation under way when something happens.
    this.#rotateMs = this.#chance.fork('rotation').pick([9000, 40_000])
    const clocks = this.#chance.fork('clocks')
    for (let at = 0; at < options.processes; at += 1) this.processes.push(this.#process(`p${at}`, config, clocks))
    const readers = this.#chance.fork('readers')
    for (let at = 0; at < 2 * options.processes; at += 1) this.readers.push(this.#reader(`r${at}`, readers))
    const checks = createChecks(this)
    this.#checks = checks
    this.#nemesis = createNemesis(this)
  }

  readonly #checks: ReturnType<typeof createChecks>
  readonly #nemesis: Nemesis

  #configure(): Config {
    const chance = this.#chance.fork('settings')
    const read = readConfig({
      TICKCAST_REDIS_LOSS: chance.happens(0.25) ? 'cache' : 'solo',
      TICKCAST_EXCHANGE_WS_URLS: 'ws://exchange',
      TICKCAST_EXCHANGE_REST_URLS: 'http://exchange',
      TICKCAST_STALE_AFTER_MS: '8000',
      TICKCAST_LINGER_MS: '4000',
      TICKCAST_PAIRS: 'BTC/USD',
    })
    if ('mistakes' in read) throw new Error(read.mistakes.join(' '))
    return read.config
  }

  #process(name: string, config: Config, clocks: Chance): SimulatedProcess {
    const process = new SimulatedProcess({
      name,
      config,
      rotateMs: this.#rotateMs,
      streamsMax: this.exchange.streamsMax,
      line: this.line,
      chance: this.#chance,
      server: this.server,
      exchange: this.exchange,
      trouble: what => this.trouble(what),
      noted: (who, what) => this.note(who, what),
      stopped: which => this.#checks.stopped(which),
      observed: instance => this.#options.observed?.(instance, this),
    })
    process.rate = clocks.between(0.999, 1.001)
    process.wallOffsetMs = clocks.happens(0.3) ? clocks.between(-3_600_000, 3_600_000) : clocks.between(-50, 50)
    return process
  }

  #reader(name: string, chance: Chance): SimulatedReader {
    const mode = chance.happens(0.3) ? 'every' : 'latest'
    const trouble = (what: string): void => this.trouble(what)
    return new SimulatedReader({
      name,
      pairs: this.#drawPairs(chance),
      mode,
      line: this.line,
      chance: chance.fork(name),
      trouble,
    })
  }

  #drawPairs(chance: Chance): string[] {
    const pairs = this.bases.filter(() => chance.happens(0.4)).map(base => `${base}/USD`)
    return pairs.length > 0 ? pairs : ['BTC/USD']
  }

  get now(): number {
    return this.line.now
  }

  get isHealed(): boolean {
    return this.#isHealed
  }

  fork(name: string): Chance {
    return this.#chance.fork(name)
  }

  storeLostWrites(): void {
    this.#checks.storeLostWrites()
  }

  note(who: string, what: string): void {
    this.#hash = hash(`${this.line.now.toFixed(3)} ${who} ${what}`, this.#hash)
    this.#trace.push({ at: this.line.now, who, what })
    if (this.#trace.length > traceMax) this.#trace.splice(0, traceMax / 2)
  }

  trouble(what: string): void {
    if (this.troubles.includes(what) || this.troubles.length >= 20) return
    this.troubles.push(what)
    this.note('world', `TROUBLE ${what}`)
  }

  /** Runs to the end. */
  async run(): Promise<Outcome> {
    const { lengthMs, calmMs, seed, faults } = this.#options
    for (const [at, process] of this.processes.entries()) this.line.at(at * 40, () => process.start())
    this.#every(200, this.#chance.fork('returning'), chance => this.#returnReaders(chance))
    this.#every(250, this.#chance, () => this.#checks.look())
    for (const fault of faults) this.line.at(fault.at, () => this.#begin(fault))
    await this.#play(lengthMs)
    this.#heal()
    await this.#play(lengthMs + calmMs)
    if (this.troubles.length === 0) this.#checks.settled()
    const hashed = this.#hash.toString(16).padStart(8, '0')
    return { seed, troubles: this.troubles, hash: hashed, steps: this.#steps, virtualMs: this.line.now, trace: this.#trace }
  }

  /** Until a moment, or the first trouble. */
  #play(until: number): Promise<void> {
    return drive(() => {
      this.#checks.step()
      if (this.troubles.length > 0 || !this.line.step(until)) return false
      this.#steps += 1
      return true
    })
  }

  #every(ms: number, chance: Chance, then: (chance: Chance) => void): void {
    this.line.at(this.line.now + ms, () => {
      then(chance)
      this.#every(ms, chance, then)
    })
  }

  /** Readers without a stream open one somewhere, a moment later, as browsers do. */
  #returnReaders(chance: Chance): void {
    for (const reader of this.readers) {
      if (reader.seat !== undefined || this.#returning.has(reader)) continue
      this.#returning.add(reader)
      this.line.at(this.line.now + chance.between(100, 2500), () => {
        this.#returning.delete(reader)
        const process = chance.pick(this.processes)
        if (chance.happens(0.2)) reader.turnTo(this.#drawPairs(chance))
        if (process.seat(reader)) this.note(reader.name, `reads at ${process.name}`)
      })
    }
  }

  #begin(fault: Fault): void {
    const process = this.processes[fault.who % this.processes.length]
    if (process === undefined) return
    this.note('fault', `${fault.kind} ${process.name} ${fault.forMs} ms ${fault.degree}`)
    const end = this.#nemesis[fault.kind](process, fault)
    if (end !== undefined) this.line.at(this.line.now + fault.forMs, () => void (this.#isHealed || end()))
  }

  /** Everything that can be mended is. */
  #heal(): void {
    this.#isHealed = true
    this.note('world', 'healed')
    Object.assign(this.exchange.state, calmExchange())
    for (const symbol of this.exchange.symbols.values()) symbol.status = 'TRADING'
    this.server.store.reachable = true
    for (const reader of this.readers) reader.isSlow = false
    for (const process of this.processes) {
      Object.assign(process.storeLink.state, { ...calmLink(), isCut: process.storeLink.state.isCut })
      process.storeLink.mend()
      process.exchangeLink.isCut = false
      process.clock.resume()
      if (process.state === 'down') process.start()
      else if (process.state === 'draining') this.line.at(this.line.now + 8000, () => process.start())
    }
  }
}
