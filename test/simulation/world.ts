import { type Config, readConfig } from '../../src/config.ts'
import type { Instance } from '../../src/instance.ts'
import { type Chance, createChance, hash } from './chance.ts'
import { createChecks } from './checks.ts'
import { calmExchange, WorldExchange } from './exchange.ts'
import { type Fault, type FaultKind, moments } from './faults.ts'
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
  readonly observed?: (instance: Instance) => void
}

/** Turns of the promise queue after each step; the longest chain of awaits between an answer and what it leads to is shorter. */
const turns = 12
/** Every so many steps the process itself gets a turn, for messages between threads. */
const breathes = 256

/** Lets what a step set going among promises finish. */
async function settle(step: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await null
  if (step % breathes === 0) await new Promise(setImmediate)
}

const bases = ['BTC', 'ETH', 'SOL', 'ADA']
const traceMax = 20_000

/** A whole cluster, its store, its exchange and its readers on one virtual clock, from one seed. */
export class World {
  readonly line = new TimeLine()
  readonly server: StoreServer
  readonly exchange: WorldExchange
  readonly processes: SimulatedProcess[] = []
  readonly readers: SimulatedReader[] = []
  readonly troubles: string[] = []
  readonly #options: WorldOptions
  readonly #chance: Chance
  readonly #trace: Trace[] = []
  #hash = hash('')
  #steps = 0
  #isHealed = false
  /** Readers that are on their way to another instance. */
  readonly #returning = new Set<SimulatedReader>()

  constructor(options: WorldOptions) {
    this.#options = options
    this.#chance = createChance(options.seed)
    this.server = new StoreServer(this.line, this.#chance.fork('store'))
    this.exchange = new WorldExchange(this.line, this.#chance.fork('exchange'), bases)
    this.server.onPublish = (channel, payload) => checks.published(channel, payload)
    const config = this.#configure()
    const clocks = this.#chance.fork('clocks')
    for (let at = 0; at < options.processes; at += 1) this.processes.push(this.#process(`p${at}`, config, clocks))
    const readers = this.#chance.fork('readers')
    for (let at = 0; at < 2 * options.processes; at += 1) this.readers.push(this.#reader(`r${at}`, readers))
    const checks = createChecks(this)
    this.#checks = checks
  }

  readonly #checks: ReturnType<typeof createChecks>

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
      line: this.line,
      chance: this.#chance,
      server: this.server,
      exchange: this.exchange,
      trouble: what => this.trouble(what),
      noted: (who, what) => this.note(who, what),
      observed: instance => this.#options.observed?.(instance),
    })
    process.rate = clocks.between(0.999, 1.001)
    process.wallOffsetMs = clocks.happens(0.3) ? clocks.between(-3_600_000, 3_600_000) : clocks.between(-50, 50)
    return process
  }

  #reader(name: string, chance: Chance): SimulatedReader {
    const pairs = bases.filter(() => chance.happens(0.4)).map(base => `${base}/USD`)
    const mode = chance.happens(0.3) ? 'every' : 'latest'
    const trouble = (what: string): void => this.trouble(what)
    return new SimulatedReader({
      name,
      pairs: pairs.length > 0 ? pairs : ['BTC/USD'],
      mode,
      line: this.line,
      chance: chance.fork(name),
      trouble,
    })
  }

  get now(): number {
    return this.line.now
  }

  get isHealed(): boolean {
    return this.#isHealed
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

  /** Until a moment, or the first trouble. What a step set going among promises is done before the next step. */
  async #play(until: number): Promise<void> {
    while (this.troubles.length === 0 && this.line.step(until)) {
      this.#steps += 1
      await settle(this.#steps)
      this.#checks.step()
    }
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
        if (process.seat(reader)) this.note(reader.name, `reads at ${process.name}`)
      })
    }
  }

  #begin(fault: Fault): void {
    const process = this.processes[fault.who % this.processes.length]
    if (process === undefined) return
    this.note('fault', `${fault.kind} ${process.name} ${fault.forMs} ms ${fault.degree}`)
    const end = this.#faults[fault.kind](process, fault)
    if (end !== undefined) this.line.at(this.line.now + fault.forMs, () => void (this.#isHealed || end()))
  }

  /** What each kind does; returns what ends it. */
  readonly #faults: Record<FaultKind, (process: SimulatedProcess, fault: Fault) => (() => void) | undefined> = {
    crash: process => {
      process.kill()
      return () => process.start()
    },
    stop: process => {
      process.stop()
      return () => process.start()
    },
    pause: process => {
      const { clock } = process
      clock.pause()
      return () => clock.resume()
    },
    'pause-when': (process, { degree, forMs }) => {
      const { clock } = process
      return this.#when(process, degree, () => {
        clock.pause()
        this.line.at(this.line.now + forMs / 3, () => clock.resume())
      })
    },
    'stop-when': (process, { degree, forMs }) =>
      this.#when(process, degree, () => {
        process.stop()
        this.line.at(this.line.now + forMs, () => void (this.#isHealed || process.start()))
      }),
    'stop-at-start': process => {
      process.kill()
      process.start()
      process.stop()
      return () => process.start()
    },
    'store-hangs': process => {
      process.storeLink.state.hangs = true
      return () => Object.assign(process.storeLink.state, { hangs: false })
    },
    'store-commands-lost': process => {
      process.storeLink.state.losesReplies = 1
      return () => Object.assign(process.storeLink.state, { losesReplies: 0 })
    },
    'store-lines-down': process => {
      process.storeLink.state.hasNoLines = true
      return () => Object.assign(process.storeLink.state, { hasNoLines: false })
    },
    'store-cut-when': (process, { degree, forMs }) =>
      this.#when(process, degree, () => {
        const { storeLink } = process
        storeLink.cut()
        this.line.at(this.line.now + forMs, () => storeLink.mend())
      }),
    'exchange-mute': () => {
      this.exchange.state.mutesNew = true
      return () => {
        this.exchange.state.mutesNew = false
      }
    },
    'exchange-hangs': () => {
      this.exchange.state.hangsNew = true
      return () => {
        this.exchange.state.hangsNew = false
      }
    },
    /** Sockets that are open go on; new ones are refused. */
    'exchange-away': (_, { degree }) => {
      this.exchange.state.upgradeStatus = degree < 0.4 ? 503 : 429
      return () => {
        this.exchange.state.upgradeStatus = undefined
      }
    },
    'wall-jump': (process, { degree }) => {
      process.wallOffsetMs = (degree - 0.5) * 7_200_000
      process.clock.setWall(process.wallOffsetMs)
      return undefined
    },
    'store-cut': process => {
      process.storeLink.cut()
      return () => process.storeLink.mend()
    },
    'store-slow': (process, { degree }) => {
      process.storeLink.state.delayMs = { min: degree * 100, max: degree * 350 }
      return () => Object.assign(process.storeLink.state, { delayMs: calmLink().delayMs })
    },
    'store-replies-lost': (process, { degree }) => {
      process.storeLink.state.losesReplies = degree / 2
      return () => Object.assign(process.storeLink.state, { losesReplies: 0 })
    },
    'store-deaf': process => {
      process.storeLink.state.isDeaf = true
      return () => Object.assign(process.storeLink.state, { isDeaf: false })
    },
    'store-down': (_, { degree }) => {
      this.server.store.reachable = false
      if (degree > 0.5) this.server.flush()
      return () => {
        this.server.store.reachable = true
      }
    },
    'store-flush': () => {
      this.server.flush()
      return undefined
    },
    'store-failover': (_, { degree }) => {
      this.#checks.storeLostWrites()
      void this.server.failOver(degree * 2000)
      return undefined
    },
    'exchange-cut': process => {
      process.exchangeLink.isCut = true
      return () => {
        process.exchangeLink.isCut = false
      }
    },
    'exchange-reset': () => {
      this.exchange.reset()
      return undefined
    },
    'exchange-silent': () => {
      this.exchange.state.isSilent = true
      return () => {
        this.exchange.state.isSilent = false
      }
    },
    'exchange-refuses': (_, { degree }) => {
      this.exchange.state.upgradeStatus = degree < 0.5 ? 503 : degree < 0.75 ? 429 : 418
      this.exchange.reset()
      return () => {
        this.exchange.state.upgradeStatus = undefined
      }
    },
    'exchange-unreachable': () => {
      this.exchange.state.isUnreachable = true
      this.exchange.reset()
      return () => {
        this.exchange.state.isUnreachable = false
      }
    },
    'exchange-shutdown': (_, { degree }) => {
      this.exchange.shutDown(degree * 10_000)
      return undefined
    },
    'stream-silent': (_, { degree }) => {
      const streams = [...this.exchange.symbols.keys()].flatMap(name => [`${name.toLowerCase()}@trade`, `${name.toLowerCase()}@ticker`])
      const stream = streams[Math.floor(degree * streams.length)] ?? ''
      this.exchange.state.silentStreams.add(stream)
      return () => void this.exchange.state.silentStreams.delete(stream)
    },
    'rest-down': () => {
      this.exchange.state.isRestDown = true
      return () => {
        this.exchange.state.isRestDown = false
      }
    },
    'rest-refuses': (_, { degree }) => {
      this.exchange.state.restStatus = degree < 0.5 ? 429 : 500
      return () => {
        this.exchange.state.restStatus = undefined
      }
    },
    delisting: (_, { degree }) => {
      const symbol = this.exchange.symbols.get(degree < 0.5 ? 'ADAUSDT' : 'SOLUSDT')
      if (symbol !== undefined) symbol.status = 'BREAK'
      return () => void (symbol !== undefined && Object.assign(symbol, { status: 'TRADING' }))
    },
    'readers-slow': (_, { degree }) => {
      const slow = this.readers.filter((__, at) => at / this.readers.length < degree)
      for (const reader of slow) reader.isSlow = true
      return () => {
        for (const reader of slow) reader.isSlow = false
      }
    },
    'readers-storm': () => {
      for (const process of this.processes) for (const reader of [...process.readers]) process.unseat(reader)
      return undefined
    },
    'new-pair': (process, fault) => {
      const base = bases[Math.floor(fault.degree * bases.length)] ?? 'BTC'
      const parts = {
        name: `late${fault.at}`,
        pairs: [`${base}/USD`],
        mode: 'latest' as const,
        line: this.line,
        chance: this.#chance.fork(`late${fault.at}`),
      }
      const reader = new SimulatedReader({ ...parts, trouble: what => this.trouble(what) })
      process.seat(reader)
      return () => process.unseat(reader)
    },
    deploy: (_, { forMs }) => {
      for (const [at, process] of this.processes.entries()) {
        this.line.at(this.line.now + at * Math.min(forMs, 4000), () => void (this.#isHealed || process.stop()))
        this.line.at(this.line.now + at * Math.min(forMs, 4000) + 3500, () => void (this.#isHealed || process.start()))
      }
      return undefined
    },
  }

  /** Waits for a moment picked by the degree. */
  #when(process: SimulatedProcess, degree: number, then: () => void): () => void {
    const [machine, state] = moments[Math.floor(degree * moments.length)] ?? moments[0]
    return process.when(machine, state, () => {
      if (this.#isHealed) return
      this.note('fault', `${process.name} is ${state}`)
      then()
    })
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
