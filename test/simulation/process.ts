import { createMemoryBus } from '../../src/bus/memory-bus.ts'
import type { Config } from '../../src/config.ts'
import { createMemoryLedger } from '../../src/demand/memory-ledger.ts'
import { createInstance, type Instance } from '../../src/instance.ts'
import { createMemoryLease } from '../../src/leadership/memory-lease.ts'
import { names } from '../../src/names.ts'
import { parsePosition } from '../../src/price.ts'
import type { Chance } from './chance.ts'
import type { ExchangeLink, WorldExchange } from './exchange.ts'
import type { SimulatedReader } from './reader.ts'
import { StoreLink, type StoreServer } from './store.ts'
import { ProcessClock, type TimeLine } from './time.ts'

export interface ProcessParts {
  readonly name: string
  readonly line: TimeLine
  readonly chance: Chance
  readonly server: StoreServer
  readonly exchange: WorldExchange
  readonly config: Config
  readonly rotateMs: number
  /** On one socket; undefined: as many as Binance allows. */
  readonly streamsMax: number | undefined
  readonly trouble: (what: string) => void
  readonly noted: (process: string, line: string) => void
  readonly observed: (instance: Instance) => void
  readonly stopped: (process: SimulatedProcess) => void
}

/** One instance of Tickcast with its real machines and its real data path, in a process that can be paused, killed and started again. */
export class SimulatedProcess {
  readonly name: string
  readonly readers = new Set<SimulatedReader>()
  readonly exchangeLink: ExchangeLink = { isCut: false }
  clock: ProcessClock
  storeLink: StoreLink
  instance: Instance | undefined
  state: 'down' | 'up' | 'draining' = 'down'
  wallOffsetMs = 0
  rate = 1
  /** When it last ended, on the world's clock. */
  endedAt = 0
  /** When it was last asked to stop in order. */
  stopAskedAt = 0
  readonly #parts: ProcessParts
  #starts = 0

  constructor(parts: ProcessParts) {
    this.#parts = parts
    this.name = parts.name
    this.clock = this.#newClock()
    this.storeLink = this.#newLink()
  }

  #newClock(): ProcessClock {
    const { line, chance, name } = this.#parts
    return new ProcessClock(line, chance.fork(`${name}/${this.#starts}`), { rate: this.rate, wallOffsetMs: this.wallOffsetMs })
  }

  #newLink(): StoreLink {
    const { server, line, chance, name } = this.#parts
    return new StoreLink(server, this.clock, line, chance.fork(`${name}/link/${this.#starts}`))
  }

  /** Of this start, as the lease knows it. */
  get id(): string {
    return `${this.name}-${this.#starts}`
  }

  /** Starts with an empty memory. */
  start(): void {
    if (this.state !== 'down') return
    this.#starts += 1
    this.clock = this.#newClock()
    const wasCut = this.storeLink.state.isCut
    this.storeLink = this.#newLink()
    if (wasCut) this.storeLink.cut()
    this.state = 'up'
    const { config, exchange, trouble, noted } = this.#parts
    const { clock, storeLink: store, name, exchangeLink } = this
    const ours = names()
    const lease = createMemoryLease({ store, names: ours })
    const ledger = createMemoryLedger({ store, names: ours })
    const never = (): Promise<never> => {
      store.trouble()
      return new Promise(() => {})
    }
    const instance = createInstance({
      clock,
      config,
      name,
      id: this.id,
      bus: createMemoryBus({ store, names: ours }),
      lease: { ...lease, release: request => (store.state.hangs ? never() : lease.release(request)) },
      ledger: { ...ledger, withdraw: who => (store.state.hangs ? never() : ledger.withdraw(who)) },
      rotateMs: this.#parts.rotateMs,
      streamsMax: this.#parts.streamsMax,
      connect: url => exchange.connect(clock, exchangeLink, url),
      get: (url, stop) => exchange.get(clock, exchangeLink, url, stop),
      openDoors: opened => clock.soon(opened),
      log: { info: (_, line) => noted(name, line), warn: (_, line) => noted(name, line) },
      crashed: error => trouble(`${name} crashed: ${error instanceof Error ? error.stack : String(error)}`),
    })
    this.instance = instance
    this.#parts.observed(instance)
    instance.start()
  }

  /** Does something once, as soon as one of its machines is in this state; forgets it when the returned function is called. */
  when(machine: string, state: string, then: () => void): () => void {
    const actor = this.instance?.gateway.system.get(machine)
    if (actor === undefined) return () => {}
    const isThere = (value: unknown): boolean => JSON.stringify(value).includes(`"${state}"`)
    const { line } = this.#parts
    const watching = actor.subscribe(({ value }: { value: unknown }) => {
      if (!isThere(value)) return
      watching.unsubscribe()
      // In the middle of what is done on entering a state nothing can happen to a process; right after it, it can.
      line.at(line.now, then)
    })
    return () => watching.unsubscribe()
  }

  /** Dies at once; what it held is let go by others when they notice. */
  kill(): void {
    if (this.state === 'down') return
    this.state = 'down'
    this.endedAt = this.#parts.line.now
    this.clock.kill()
    this.storeLink.end()
    this.instance = undefined
    const { line, exchange } = this.#parts
    const { clock } = this
    line.at(line.now + 5, () => {
      for (const socket of exchange.sockets) if (socket.clock === clock) exchange.sockets.delete(socket)
    })
    this.#loseReaders()
  }

  /** Stops in order, as on SIGTERM. */
  stop(): void {
    const { instance } = this
    if (this.state !== 'up' || instance === undefined) return
    this.state = 'draining'
    this.stopAskedAt = this.#parts.line.now
    void instance.drain().then(() => {
      if (this.instance !== instance) return
      this.instance = undefined
      this.state = 'down'
      this.endedAt = this.#parts.line.now
      this.storeLink.end()
      this.#parts.noted(this.name, `stopped with ${this.clock.pending} waits left`)
      this.#loseReaders()
      this.#parts.stopped(this)
    })
  }

  #loseReaders(): void {
    for (const reader of this.readers) reader.leave()
    this.readers.clear()
  }

  /** Opens a stream for this reader, as /v1/stream does. False: there is nobody to open it. */
  seat(reader: SimulatedReader): boolean {
    const { instance, clock } = this
    if (instance === undefined || this.state !== 'up' || clock.isPaused) return false
    const { hub, wanted } = instance.doors
    for (const pair of reader.pairs) wanted.add(pair)
    const leave = (): void => {
      if (!this.readers.delete(reader)) return
      reader.seat?.leave()
      reader.leave()
      for (const pair of reader.pairs) wanted.remove(pair)
    }
    const outlet = reader.outlet(clock, leave)
    this.readers.add(reader)
    reader.seat = hub.join(
      { pairs: reader.pairs, mode: reader.mode, intervalMs: 0, preface: 'retry: 2000\n\n', after: parsePosition(reader.lastId) },
      outlet,
    )
    return true
  }

  /** The reader goes away. */
  unseat(reader: SimulatedReader): void {
    const { instance } = this
    if (!this.readers.delete(reader)) return
    reader.seat?.leave()
    reader.leave()
    if (instance !== undefined) for (const pair of reader.pairs) instance.doors.wanted.remove(pair)
  }
}
