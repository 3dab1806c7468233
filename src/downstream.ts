import type { RelayEvent } from '../machines/relay.ts'
import type { Board } from './board/board.ts'
import type { Bulletin, Bus, Following } from './bus/bus.ts'
import type { Publisher } from './bus/publisher.ts'
import type { Clock } from './clock.ts'
import type { Wanted } from './demand/wanted.ts'
import { type Heartbeat, readHeartbeat } from './heartbeat.ts'
import type { Path } from './path.ts'
import { type Pair, readPayload, receivedAtOf, withLevel } from './price.ts'

/** The side of an instance that faces the bus: what the leader publishes, taken to the board, and what is told beside prices. */
export interface Downstream {
  /** Follows the bus on one connection, and reports on it until the returned function is called. */
  follow(tell: (event: RelayEvent) => void): () => void
  /** The pairs wanted here are others now. */
  rewant(): void
  /** Reads the stored prices of all wanted pairs. Returns whether the bus answered. */
  readStored(): Promise<boolean>
  /** The connection stands, but delivers nothing: says so to whoever follows. */
  lookDeaf(): void
}

export interface DownstreamOptions {
  readonly clock: Clock
  readonly bus: Bus
  readonly wanted: Wanted
  readonly board: Board
  readonly publisher: Publisher
  readonly path: Path
  readonly staleAfterMs: number
  readonly heartbeat: (heartbeat: Heartbeat) => void
  readonly released: () => void
  /** Something on the bus cannot be read, or cannot be right. */
  readonly garbled: () => void
}

/** An epoch further ahead of our clock than this was not made by any leader of ours. */
const epochAheadMaxMs = 86_400_000
/** A stored price this young is as good as told: the next one would come no sooner. */
const storedFreshMs = 2000
/** A healthy connection that brings no heartbeat for so long delivers nothing; or nobody leads, and joining again costs little. */
const deafAfterMs = 5000

export function createDownstream(options: DownstreamOptions): Downstream {
  const { clock, bus, wanted, board, publisher, path, garbled, staleAfterMs } = options
  let following: Following | undefined
  let deliveredAt = clock.now()
  let declareDeaf = (): void => {}

  const received = (pair: Pair, payload: Buffer, isStored: boolean): void => {
    const update = readPayload(payload)
    if (update === undefined || update.pair !== pair || update.at.epoch > (clock.wall() + epochAheadMaxMs) * 1000) return garbled()
    publisher.saw(update.at)
    const receivedAt = receivedAtOf(update.body)
    const ageMs = clock.wall() - receivedAt
    // It was live when it was stored; what it is now is what its readers are told.
    const isOld = isStored && ageMs > storedFreshMs
    const known = isOld ? { ...update, body: withLevel(update.body, ageMs > staleAfterMs ? 'stale' : 'shared-cache') } : update
    if (board.apply(known, receivedAt, { isStored: isOld })) path.learn(known)
  }

  const bulletins: Record<Bulletin, (payload: Buffer) => void> = {
    released: () => options.released(),
    demand: () => wanted.changedElsewhere(),
    heartbeat: payload => {
      const heartbeat = readHeartbeat(payload)
      if (heartbeat === undefined) garbled()
      else options.heartbeat(heartbeat)
    },
  }

  return {
    rewant: () => following?.want(wanted.here()),
    follow: tell => {
      const mine = bus.follow(wanted.here(), {
        subscribed: () => tell({ type: 'bus.subscribed' }),
        caughtUp: () => tell({ type: 'bus.caught-up' }),
        lost: cause => tell({ type: 'bus.lost', cause }),
        price: received,
        bulletin: (kind, payload) => {
          deliveredAt = clock.now()
          bulletins[kind](payload)
        },
      })
      following = mine
      deliveredAt = clock.now()
      declareDeaf = () => tell({ type: 'bus.lost', cause: 'nothing is delivered' })
      return () => mine.stop()
    },
    readStored: async () => {
      const last = await bus.last([...wanted.here()])
      if (last.kind === 'read') for (const [pair, payload] of last.payloads) received(pair, payload, true)
      return last.kind === 'read'
    },
    lookDeaf: () => {
      if (clock.now() - deliveredAt > deafAfterMs) declareDeaf()
    },
  }
}
