import type { SymbolStatus } from './listing.ts'

/** Faults that last until they are switched off, with what they are when everything is well. */
export interface FaultSwitches {
  /** Stop accepting connections: they get ECONNREFUSED, existing ones are destroyed. Takes REST and `/sim` on this port with it. */
  refuse: boolean
  /** Answer WebSocket upgrades with this HTTP status; 429 and 418 carry Retry-After. */
  upgradeStatus: number | null
  /** Answer every REST request with this HTTP status; 429 and 418 carry Retry-After. */
  restStatus: number | null
  /** What Retry-After says, in seconds. */
  retryAfterS: number
  /** Destroy the socket of every REST request. */
  restDown: boolean
  restDelayMs: number
  /** Sockets live and are answered, no data frames come. */
  silent: boolean
  /** The same for single streams, by name. */
  silentStreams: ReadonlySet<string>
  /** WebSockets, old and new: nothing read, nothing sent, not even pongs. REST goes on. */
  blackhole: boolean
  /** Control messages take effect but are never answered. */
  ackLost: boolean
  ackDelayMs: number
  /** Every data frame twice. */
  duplicate: boolean
  /** Neighbouring frames of a stream change places. */
  reorder: boolean
  /** How long a WebSocket upgrade is left waiting. */
  connectDelayMs: number
}

/** Faults that happen once, to every open WebSocket. */
export interface FaultActions {
  /** TCP RST. */
  reset(): void
  /** The TCP connection ends without a closing handshake. */
  kill(): void
  close(code: number, reason: string): void
  /** No data frame comes any more, all else goes on; a new WebSocket is well. */
  mute(): void
  /** Nothing is read or sent any more, not even pongs; a new WebSocket is well. */
  lose(): void
  /** `serverShutdown`, then close 1001 after `graceMs`, default 1000. */
  shutdown(graceMs?: number): void
  /** Truncated JSON, a text that is no JSON, a binary frame, an array frame and an unknown event. */
  garbage(): void
  /** One text frame of so many bytes. */
  giant(bytes: number): void
  /** Halt, delist or list again. Throws on a symbol that is not listed. */
  setStatus(symbol: string, status: SymbolStatus): void
}

/** Everything that can be made to go wrong, while the exchange runs. */
export interface Faults extends FaultSwitches, FaultActions {
  /** Every switch back to where all is well; symbols keep their status. */
  clear(): void
}

const WELL: Readonly<FaultSwitches> = {
  refuse: false,
  upgradeStatus: null,
  restStatus: null,
  retryAfterS: 5,
  restDown: false,
  restDelayMs: 0,
  silent: false,
  silentStreams: new Set(),
  blackhole: false,
  ackLost: false,
  ackDelayMs: 0,
  duplicate: false,
  reorder: false,
  connectDelayMs: 0,
}

/**
 * @param turned called after a switch really changed
 * @param actions what the single faults do
 */
export function createFaults(turned: (name: keyof FaultSwitches, value: unknown) => void, actions: FaultActions): Faults {
  const switches: FaultSwitches = { ...WELL }
  const faults: Faults = {
    ...WELL,
    ...actions,
    clear() {
      Object.assign(faults, WELL)
    },
  }
  for (const name of Object.keys(WELL) as (keyof FaultSwitches)[]) {
    Object.defineProperty(faults, name, {
      enumerable: true,
      get: () => switches[name],
      set(value: unknown) {
        if (switches[name] === value) return
        Object.assign(switches, { [name]: value })
        turned(name, value)
      },
    })
  }
  return faults
}

/** The switches as plain JSON. */
export function faultsNow(faults: Faults): Record<string, unknown> {
  const names = Object.keys(WELL) as (keyof FaultSwitches)[]
  return Object.fromEntries(names.map(name => [name, name === 'silentStreams' ? [...faults.silentStreams] : faults[name]]))
}
