import { readPayload } from '../../src/price.ts'
import { epochStart } from './time.ts'
import type { World } from './world.ts'

/** What must hold: after every step, every quarter of a second, and in the end. */
export interface Checks {
  /** The store told a price to its followers. */
  published(channel: string, payload: string): void
  /** A failover lost writes: what was newest before may be accepted from an older epoch once more. Readers are still held to it. */
  storeLostWrites(): void
  step(): void
  look(): void
  settled(): void
}

/** Beyond this a price that says it is live is not: the silence of all streams is seen after 3 s, doubted for 1, and a dead socket after 5. */
const freshWithinMs = 12_000
/** A process that stood still may take so long to say what it finds. */
const awakeWithinMs = 2000
const attemptsMax = 300
const attemptsWindowMs = 300_000
const socketsMax = 2
const waitingMax = 20_000
/** How far behind the exchange a reader may be in a calm world. */
const lagMaxMs = 4000

export function createChecks(world: World): Checks {
  let newestEpoch = 0
  let looks = 0

  const rolesOf = () => world.processes.map(process => ({ process, status: process.instance?.doors.status() as Status | undefined }))

  const checkSockets = (): void => {
    const held = new Map<unknown, number>()
    for (const socket of world.exchange.sockets) if (socket.isHeld) held.set(socket.clock, (held.get(socket.clock) ?? 0) + 1)
    for (const [clock, count] of held) {
      if (count > socketsMax) world.trouble(`${count} sockets are held by one process`)
      const owner = world.processes.find(process => process.clock === clock)
      if (owner?.state === 'down' && owner.endedAt < world.now - 1000) world.trouble(`${owner.name} is stopped and holds a socket`)
    }
  }

  const checkAttempts = (): void => {
    const since = world.now - attemptsWindowMs
    const recent = world.exchange.attempts.filter(at => at > since).length
    if (recent > attemptsMax) world.trouble(`${recent} connection attempts in five minutes`)
  }

  /** No reader is told that a price is live which is old. */
  const checkFreshness = (): void => {
    for (const process of world.processes) {
      const { clock } = process
      if (clock.isPaused || clock.resumedAt > world.now - awakeWithinMs || process.instance === undefined) continue
      for (const reader of process.readers) {
        if (reader.isSlow || reader.behindUntil > world.now) continue
        for (const pair of reader.pairs) {
          if (reader.pairLevels[pair] !== 'live') continue
          const symbol = world.exchange.symbols.get(pair.replace('/USD', 'USDT'))
          const shown = reader.shown.get(pair)
          if (symbol === undefined || symbol.status !== 'TRADING') continue
          const missedAt = shown === undefined ? symbol.tradedAt : (symbol.tradedTimes.get(shown.tradeId + 1) ?? 0)
          const isOld = (shown?.tradeId ?? 0) < symbol.tradeId && missedAt < world.now - freshWithinMs
          if (isOld)
            world.trouble(
              `${reader.name} at ${process.name} is told that ${pair} is live, but trade ${symbol.tradeId} was not shown (last ${shown?.tradeId} at ${shown?.at.toFixed(0)})`,
            )
        }
      }
    }
  }

  const checkBounds = (): void => {
    for (const { process, status } of rolesOf()) {
      if ((status?.bus.waiting ?? 0) > waitingMax) world.trouble(`${process.name} has ${status?.bus.waiting} prices waiting`)
    }
  }

  return {
    published: (channel, payload) => {
      if (!channel.startsWith('prices:dist:')) return
      const update = readPayload(Buffer.from(payload))
      if (update === undefined) return world.trouble(`the store told what no follower can read: ${payload.slice(0, 80)}`)
      if (update.at.epoch < newestEpoch) world.trouble(`the store took a price of epoch ${update.at.epoch} after ${newestEpoch}`)
      newestEpoch = Math.max(newestEpoch, update.at.epoch)
    },
    storeLostWrites: () => {
      newestEpoch = 0
    },
    step: () => {},
    look: () => {
      looks += 1
      checkSockets()
      if (looks % 2 === 0) checkFreshness()
      if (looks % 8 === 0) checkBounds()
      if (looks % 8 === 4) checkAttempts()
    },
    settled: () => {
      const roles = rolesOf()
      const leaders = roles.filter(({ status }) => status?.role === 'leader')
      if (leaders.length !== 1)
        world.trouble(
          `in the end ${leaders.length} lead: ${roles.map(({ process, status }) => `${process.name} ${process.state} ${status?.role}`).join(', ')}`,
        )
      for (const { process, status } of roles) {
        if (status?.level !== 'live')
          world.trouble(
            `in the end ${process.name} is ${status?.role} at level ${status?.level}, connection ${status?.connection}, bus ${status?.bus.state}`,
          )
        if (status?.role === 'solo') world.trouble(`in the end ${process.name} is still solo`)
      }
      const held = [...world.exchange.sockets].filter(socket => socket.isHeld)
      // One, or two of one process that is about to change them.
      const owners = new Set(held.map(socket => socket.clock))
      if (owners.size !== 1) world.trouble(`in the end there are connections of ${owners.size} processes to the exchange`)
      checkDemand(held[0]?.streams ?? new Set())
      checkReaders()
    },
  }

  function checkDemand(streams: ReadonlySet<string>): void {
    const pairs = new Set(['BTC/USD', ...world.processes.flatMap(process => [...process.readers].flatMap(reader => reader.pairs))])
    const wanted = [...pairs]
      .flatMap(pair => ['trade', 'ticker'].map(kind => `${pair.replace('/USD', 'usdt').toLowerCase()}@${kind}`))
      .sort()
    const actual = [...streams].sort()
    if (wanted.join() !== actual.join()) world.trouble(`in the end readers want ${wanted.join(' ')} and subscribed are ${actual.join(' ')}`)
  }

  function checkReaders(): void {
    for (const process of world.processes) {
      for (const reader of process.readers) {
        for (const pair of reader.pairs) {
          const symbol = world.exchange.symbols.get(pair.replace('/USD', 'USDT'))
          const shown = reader.shown.get(pair)
          if (symbol === undefined) continue
          const isBehind = shown === undefined || (shown.tradeId < symbol.tradeId && symbol.tradedAt < world.now - lagMaxMs)
          if (isBehind)
            world.trouble(
              `in the end ${reader.name} at ${process.name} has ${pair} at trade ${shown?.tradeId}, the exchange at ${symbol.tradeId}`,
            )
          if (reader.pairLevels[pair] !== 'live')
            world.trouble(`in the end ${reader.name} at ${process.name} is told that ${pair} is ${reader.pairLevels[pair]}`)
        }
      }
    }
    const lost = world.readers.filter(reader => reader.seat === undefined)
    if (lost.length > world.readers.length / 2) world.trouble(`in the end ${lost.length} readers have no stream`)
  }
}

interface Status {
  readonly role: string
  readonly level: string
  readonly connection: string
  readonly bus: { readonly state: string; readonly waiting: number }
}

export const virtualHour = (ms: number): string => new Date(epochStart + ms).toISOString().slice(11, 23)
