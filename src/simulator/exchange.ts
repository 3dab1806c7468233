import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Clock } from '../clock.ts'
import { Broadcast, frameOf } from './broadcast.ts'
import { Connection, type Floor } from './connection.ts'
import { createControl } from './control.ts'
import { createFaults, type FaultActions, type FaultSwitches, type Faults } from './faults.ts'
import { GARBAGE, giant } from './garbage.ts'
import { createHttp } from './http.ts'
import { DEFAULT_LIMITS, type ExchangeLimits } from './limits.ts'
import { Listener } from './listener.ts'
import { type Listing, listSymbols, recordedListing } from './listing.ts'
import { Market, type Tape } from './market.ts'
import { type Recording, readRecording } from './recording.ts'
import { Replay, type ReplayState } from './replay.ts'
import { type ExchangeStats, newTally, statsOf } from './stats.ts'
import { type OwnClock, ownTimers } from './timers.ts'
import { type Address, Upgrades } from './upgrades.ts'
import { WeightLedger } from './weight.ts'

export interface ExchangeOptions {
  readonly clock: Clock
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** A second port that answers `/sim` even while `refuse` is on; 0 for any free one. Default none. */
  readonly controlPort?: number
  /** Same seed, same market. Default 'tickcast'. */
  readonly seed?: string
  /** How many symbols are listed, at least the well-known ones. Default 300. */
  readonly symbols?: number
  /** Frames files, gzipped or plain, merged by receive time. */
  readonly replay?: readonly string[]
  /** Of the replay. Default 1. */
  readonly speed?: number
  /** The replay waits for `replay.start()` instead of the first subscription to a recorded stream. */
  readonly hold?: boolean
  /** Multiplies the seeded market's trades per second. Default 1. */
  readonly rate?: number
  readonly limits?: Partial<ExchangeLimits>
  /** Called once per notable event, never per frame. */
  readonly note?: (line: string, fields?: object) => void
}

export interface SimulatedExchange {
  readonly port: number
  /** Of the control listener, if one was asked for. */
  readonly controlPort: number | undefined
  readonly restUrl: string
  readonly wsUrl: string
  readonly faults: Faults
  readonly replay: { start(): void; readonly state: ReplayState; readonly sent: number }
  stats(): ExchangeStats
  /** Sends this very frame to every open socket, or to those subscribed to `stream`. */
  inject(frame: string | Buffer, stream?: string): void
  /** Ends everything at once; no timer is left. */
  close(): Promise<void>
}

/** Starts a server on one port that speaks Binance Spot's public market data protocol, REST and WebSocket. */
export async function startExchange(options: ExchangeOptions): Promise<SimulatedExchange> {
  const exchange = new RunningExchange(options, await readRecording(options.replay ?? []))
  await exchange.listen()
  return exchange
}

/** The parts of the exchange and how they are joined. */
class RunningExchange implements SimulatedExchange {
  readonly faults: Faults
  readonly replay: Replay
  readonly #host: string
  readonly #clock: OwnClock
  readonly #note: (line: string, fields?: object) => void
  readonly #listed: Map<string, Listing>
  readonly #market: Market
  readonly #ledger: WeightLedger
  readonly #upgrades: Upgrades
  readonly #listener: Listener
  readonly #control: Listener | undefined
  readonly #floor: Floor
  readonly #tally = newTally()
  readonly #connections = new Set<Connection>()

  constructor(options: ExchangeOptions, recording: Recording) {
    const { seed = 'tickcast', host = '127.0.0.1', note = () => {}, rate = 1, speed = 1, hold = false } = options
    const clock = ownTimers(options.clock)
    const limits: ExchangeLimits = { ...DEFAULT_LIMITS, ...options.limits }
    const tally = this.#tally
    this.#host = host
    this.#clock = clock
    this.#note = note
    this.#listed = listSymbols(seed, options.symbols ?? 300)
    for (const symbol of recording.symbols) if (!this.#listed.has(symbol)) this.#listed.set(symbol, recordedListing(symbol))
    const faults = createFaults((name, value) => this.#turned(name, value), this.#actions())
    this.faults = faults
    const broadcast: Broadcast = new Broadcast(faults, (stream, watched) => this.#market.watch(stream, watched))
    const publish = (stream: string, payload: string): void => broadcast.publish(frameOf(stream, payload))
    this.#market = new Market({ clock, seed, rate, listed: this.#listed, recorded: recording.symbols, publish })
    this.replay = new Replay({ clock, recording, speed, hold, publish: frame => broadcast.publish(frame), note })
    this.#ledger = new WeightLedger(clock, limits)
    this.#floor = { clock, limits, faults, broadcast, tally, note, wanted: stream => this.replay.wanted(stream) }
    const opened = (socket: WebSocket, tcp: Socket, address: Address): void => this.#opened(socket, tcp, address)
    this.#upgrades = new Upgrades({ clock, limits, faults, tally, note, opened })
    const control = createControl({ faults, replay: this.replay, stats: () => this.stats() })
    const market = { clock, limits, listed: this.#listed, tape: (listing: Listing) => this.#tape(listing) }
    this.#listener = new Listener(createHttp({ clock, market, faults, ledger: this.#ledger, tally, control }), host, options.port ?? 0)
    this.#listener.server.on('upgrade', (request, socket, head) => this.#upgrades.handle(request, socket as Socket, head))
    this.#control = options.controlPort === undefined ? undefined : new Listener(control, host, options.controlPort)
  }

  async listen(): Promise<void> {
    await this.#listener.listen()
    try {
      await this.#control?.listen()
    } catch (problem) {
      await this.close()
      throw problem
    }
  }

  get port(): number {
    return this.#listener.port
  }

  get controlPort(): number | undefined {
    return this.#control?.port
  }

  get restUrl(): string {
    return `http://${this.#host}:${this.port}`
  }

  get wsUrl(): string {
    return `ws://${this.#host}:${this.port}`
  }

  stats(): ExchangeStats {
    return statsOf(
      this.#tally,
      [...this.#connections].map(connection => connection.streams.size),
      this.#ledger.used,
    )
  }

  inject(frame: string | Buffer, stream?: string): void {
    for (const connection of this.#connections) {
      if (stream === undefined || connection.streams.has(stream)) connection.inject(frame)
    }
  }

  async close(): Promise<void> {
    this.#clock.stop()
    this.#market.stop()
    this.replay.stop()
    for (const connection of this.#connections) connection.kill()
    await Promise.all([this.#listener.silence(), this.#control?.silence()])
  }

  #opened(socket: WebSocket, tcp: Socket, address: Address): void {
    const connection = new Connection(this.#floor, socket, tcp, address)
    this.#connections.add(connection)
    this.#tally.ever++
    this.#note('client connected', { connections: this.#connections.size, streams: address.streams.length, wrapped: address.wrapped })
    socket.on('close', code => {
      connection.ended()
      this.#connections.delete(connection)
      this.#note('client disconnected', { connections: this.#connections.size, code })
    })
    connection.subscribe(address.streams)
  }

  #tape(listing: Listing): Tape {
    return this.replay.tape(listing) ?? this.#market.tape(listing)
  }

  /** What switching a fault sets in motion, beyond being looked up by whoever it concerns. */
  #turned(name: keyof FaultSwitches, value: unknown): void {
    this.#note(`fault switched: ${name}`, { [name]: value })
    if (name === 'blackhole') {
      for (const connection of this.#connections) connection.freeze(value === true)
      if (value === false) this.#upgrades.resume()
    }
    if (name !== 'refuse') return
    if (value === true) void this.#listener.silence()
    else this.#listener.listen().catch((problem: Error) => this.#note(problem.message))
  }

  #actions(): FaultActions {
    const each = (act: (connection: Connection) => void): void => {
      for (const connection of this.#connections) act(connection)
    }
    return {
      reset: () => each(connection => connection.reset()),
      kill: () => each(connection => connection.kill()),
      close: (code, reason) => each(connection => connection.close(code, reason)),
      mute: () => each(connection => connection.mute()),
      lose: () => each(connection => connection.lose()),
      shutdown: (graceMs = 1000) => {
        const leaving = [...this.#connections]
        for (const connection of leaving) connection.shutdownNotice()
        this.#clock.setTimeout(() => {
          for (const connection of leaving) connection.close(1001, '')
        }, graceMs)
      },
      garbage: () => GARBAGE.forEach(frame => void this.inject(frame)),
      giant: bytes => this.inject(giant(bytes)),
      setStatus: (symbol, status) => {
        const listing = this.#listed.get(symbol)
        if (!listing) throw new Error(`Symbol ${symbol} is not listed here.`)
        this.#market.setStatus(listing, status)
      },
    }
  }
}
