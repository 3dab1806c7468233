import type { RelayEvent } from '../machines/relay.ts'
import type { Board } from './board/board.ts'
import type { Bulletin, Bus, Following } from './bus/bus.ts'
import type { Publisher } from './bus/publisher.ts'
import type { Clock } from './clock.ts'
import type { Wanted } from './demand/wanted.ts'
import { type Heartbeat, readHeartbeat } from './heartbeat.ts'
import type { Missed } from './missed.ts'
import type { Path } from './path.ts'
import { type Pair, readPayload, receivedAtOf, type Update, withLevel } from './price.ts'

/** The side of an instance that faces the bus: what the leader publishes, taken to the board, and what is told beside prices. */
export interface Downstream {
  /** Follows the bus on one connection, and reports on it until the returned function is called. */
  follow(tell: (event: RelayEvent) => void): () => void
  /** The pairs wanted here are others now. */
  rewant(): void
  /** Reads the stored prices of these pairs. Returns whether the bus answered. */
  readStored(pairs: ReadonlySet<Pair>): Promise<boolean>
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
  readonly missed: Pick<Missed, 'heard' | 'told'>
  readonly heartbeat: (heartbeat: Heartbeat) => void
  /** The lease was given up, offered by a leader, or claimed from one. */
  readonly released: () => void
  readonly offered: (from: string) => void
  readonly claimed: (from: string) => void
  /** Somebody looks at the machines of another instance. */
  readonly inspected?: ((text: string) => void) | undefined
  /** Something on the bus cannot be read, or cannot be right. */
  readonly garbled: () => void
  /** A price was told that follows one which never came. */
  readonly holed: () => void
}

/** An epoch further ahead of our clock than this was not made by any leader of ours. */
const epochAheadMaxMs = 86_400_000
/** A stored price this young is as good as told: the next one would come no sooner. One from the future says that our clocks differ. */
const storedFreshMs = 2000
/** Holes noticed within this time are healed together. */
const healAfterMs = 100
/** A healthy connection that brings no heartbeat for so long delivers nothing; or nobody leads, and joining again costs little. */
const deafAfterMs = 5000

export function createDownstream(options: DownstreamOptions): Downstream {
  const { clock, bus, wanted, board, publisher, path, garbled, holed, staleAfterMs } = options
  let following: Following | undefined
  let deliveredAt = clock.now()
  let declareDeaf = (): void => {}
  let isHealing = false

  const isImpossible = (epoch: number): boolean => epoch > (clock.wall() + epochAheadMaxMs) * 1000

  const received = (pair: Pair, payload: Buffer, isStored: boolean): void => {
    const update = readPayload(payload)
    if (update === undefined || update.pair !== pair || isImpossible(update.at.epoch)) return garbled()
    publisher.saw(update.at)
    if (!isStored && isHole(board.get(pair)?.update, update)) {
      holed()
      if (!isHealing) clock.setTimeout(() => void heal(), healAfterMs)
      isHealing = true
    }
    const receivedAt = receivedAtOf(update.body)
    const ageMs = clock.wall() - receivedAt
    // It was live when it was stored; what it is now is what its readers are told.
    const isOld = isStored && Math.abs(ageMs) > storedFreshMs
    const known = isOld ? { ...update, body: withLevel(update.body, ageMs > staleAfterMs ? 'stale' : 'shared-cache') } : update
    if (board.apply(known, receivedAt, { isStored: isOld, isTold: !isStored })) path.learn(known)
  }

  const readStored = async (pairs: ReadonlySet<Pair>): Promise<boolean> => {
    const last = await bus.last([...pairs])
    if (last.kind === 'read') for (const [pair, payload] of last.payloads) received(pair, payload, true)
    return last.kind === 'read'
  }

  /** Each price is whole, so a pair heals by its next one. But who missed one may have missed the last one of another pair. */
  const heal = async (): Promise<void> => {
    isHealing = false
    await readStored(wanted.here())
  }

  const bulletins: Record<Bulletin, (payload: Buffer) => void> = {
    released: () => options.released(),
    offered: payload => options.offered(payload.toString()),
    claimed: payload => options.claimed(payload.toString()),
    demand: payload => {
      // Who does not know the words takes them for a change.
      wanted.changedElsewhere()
      options.missed.heard(payload.toString())
    },
    missed: payload => options.missed.told(payload),
    inspect: payload => options.inspected?.(payload.toString()),
    heartbeat: payload => {
      const heartbeat = readHeartbeat(payload)
      if (heartbeat === undefined || isImpossible(heartbeat.epoch)) garbled()
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
    readStored,
    lookDeaf: () => {
      if (clock.now() - deliveredAt > deafAfterMs) declareDeaf()
    },
  }
}

/** In the order of one term, `next` does not follow what is known of its pair. 0: it says itself that it follows nothing. */
const isHole = (known: Update | undefined, next: Update): boolean =>
  known !== undefined && known.at.epoch === next.at.epoch && next.prev !== 0 && next.prev > known.at.sequence
