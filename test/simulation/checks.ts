import { readPayload } from '../../src/price.ts'
import { createLeaseChecks } from './lease-checks.ts'
import { checkSettled } from './liveness.ts'
import type { SimulatedProcess } from './process.ts'
import type { SimulatedReader } from './reader.ts'
import { isLeader, rolesOf, statusOf } from './status.ts'
import type { World } from './world.ts'

/** What must hold: after every step, every quarter of a second, and in the end. */
export interface Checks {
  /** The store told a price to its followers. */
  published(channel: string, payload: string): void
  /** A failover lost writes: what was newest before may be accepted from an older epoch once more. Readers are still held to it. */
  storeLostWrites(): void
  /** A process stopped in order. */
  stopped(process: SimulatedProcess): void
  step(): void
  look(): void
  settled(): void
}

/** Beyond this a price that says it is live is not: the silence of all streams is seen after 2.5 s, doubted for 1, and a dead socket after 5. */
const freshWithinMs = 12_000
/** When the whole exchange is silent nobody may say live for longer: seen after 2.5 s (5 on a new socket), doubted for 1, missed for 2. */
const silentWithinMs = 9000
/** A process that stood still may take so long to say what it finds: its leader is missed for 1.6 s, then doubted for 1. */
const awakeWithinMs = 3500
/** An instance that never saw the bus cannot place its prices against what a reader saw elsewhere: only the next one is news, a ticker at the latest. */
const unplacedMs = 5000
/** A reader of every trade may wait so long for those that were missed: two seconds, and what it takes to tell. */
const missedWithinMs = 2500
/** What a term tells in its first fifth of a second may be older than what came back from elsewhere within ten: the next message is news to it. */
const repeatsSeenMs = 12_000
const repeatsMs = 1750
const attemptsMax = 300
const attemptsWindowMs = 300_000
/** One process, however often it is sent away: a first retry at once, then doubling; of each connection beside the first so many more. */
const burstMax = { first: 12, beside: 5 }
const burstWindowMs = 10_000
/** Of one connection: it, and its successor. */
const linksMax = 2
const streamsOfSymbol = 2
const waitingMax = 20_000

export function createChecks(world: World): Checks {
  const lease = createLeaseChecks(world)
  let newestEpoch = 0
  /** By pair: the last trade that was published. Who takes over begins where that ends, as long as the store remembers. */
  const newestTrade = new Map<string, number>()
  let lostAt = world.server.lostAt
  let looks = 0

  let leaders: readonly SimulatedProcess[] = []
  let termAt = 0
  const lookLeaders = (): void => {
    const now = world.processes.filter(isLeader)
    if (now.some(process => !leaders.includes(process))) termAt = world.now
    leaders = now
  }

  const { streamsMax, symbols } = world.exchange
  const connectionsMax = Math.ceil(symbols.size / Math.floor(streamsMax / streamsOfSymbol))
  const socketsMax = linksMax * connectionsMax
  const triesMax = burstMax.first + burstMax.beside * (connectionsMax - 1)
  /** Processes that had let go of their connection when last looked at. */
  let apart: readonly SimulatedProcess[] = []

  const checkSockets = (): void => {
    if (world.exchange.crowded > 0) world.trouble('more streams were asked for on a socket than it may carry')
    const held = new Map<unknown, number>()
    for (const socket of world.exchange.sockets) if (socket.isHeld) held.set(socket.clock, (held.get(socket.clock) ?? 0) + 1)
    for (const [clock, count] of held) {
      if (count > socketsMax) world.trouble(`${count} sockets are held by one process`)
      const owner = world.processes.find(process => process.clock === clock)
      if (owner?.state === 'down' && owner.endedAt < world.now - 1000) world.trouble(`${owner.name} is stopped and holds a socket`)
    }
    const nowApart = world.processes.filter(
      process => isAwake(process) && ['idle', 'intentionally-disconnected'].includes(statusOf(process)?.connection ?? ''),
    )
    for (const process of nowApart)
      if (apart.includes(process) && held.has(process.clock)) world.trouble(`${process.name} has let go of the exchange and holds a socket`)
    apart = nowApart
  }

  const checkAttempts = (): void => {
    const { attempts } = world.exchange
    const recent = attempts.filter(({ at }) => at > world.now - attemptsWindowMs).length
    if (recent > attemptsMax) world.trouble(`${recent} connection attempts in five minutes`)
    for (const { name, clock } of world.processes) {
      const burst = attempts.filter(({ at, by }) => by === clock && at > world.now - burstWindowMs).length
      if (burst > triesMax) world.trouble(`${name} made ${burst} connection attempts in ten seconds`)
    }
  }

  const isAwake = ({ clock, instance }: SimulatedProcess): boolean =>
    !clock.isPaused && clock.resumedAt <= world.now - awakeWithinMs && instance !== undefined

  /** No reader is told that a price is live which is old. */
  const checkFreshness = (): void => {
    for (const process of world.processes) {
      if (!isAwake(process)) continue
      for (const reader of process.readers) {
        if (!reader.isSlow && reader.behindUntil <= world.now) checkFresh(reader, process)
      }
    }
  }

  const checkFresh = (reader: SimulatedReader, process: SimulatedProcess): void => {
    for (const pair of reader.pairs) {
      if (reader.pairLevels[pair] !== 'live') continue
      // Before the price that made it live come the trades before it, if every one is wanted and they are on their way.
      if (reader.mode === 'every' && (reader.levelSince.get(pair) ?? 0) > world.now - missedWithinMs) continue
      const symbol = world.exchange.symbols.get(pair.replace('/USD', 'USDT'))
      const shown = reader.shown.get(pair)
      if (symbol === undefined || symbol.status !== 'TRADING') continue
      if (reader.isNewHere(pair, unplacedMs) && statusOf(process)?.epoch === 0) continue
      if (reader.isNewHere(pair, repeatsSeenMs) && world.now - termAt < repeatsMs) continue
      const missedAt = shown === undefined ? symbol.tradedAt : (symbol.tradedTimes.get(shown.tradeId + 1) ?? 0)
      const isOld = (shown?.tradeId ?? 0) < symbol.tradeId && missedAt < world.now - freshWithinMs
      if (isOld)
        world.trouble(
          `${reader.name} at ${process.name} is told that ${pair} is live, but trade ${symbol.tradeId} was not shown (last ${shown?.tradeId} at ${shown?.at.toFixed(0)})`,
        )
    }
  }

  /** Nobody says live when nothing has come from the exchange for a while. */
  const checkSilence = (): void => {
    if (world.exchange.silentMs < silentWithinMs) return
    for (const { process, status } of rolesOf(world)) {
      if (status?.level === 'live' && isAwake(process)) world.trouble(`the exchange is silent, and ${process.name} says live`)
    }
  }

  const checkBounds = (): void => {
    for (const { process, status } of rolesOf(world)) {
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
      const trade = Number(/"tradeId":(\d+)/.exec(payload)?.[1])
      if (world.server.lostAt !== lostAt) newestTrade.clear()
      lostAt = world.server.lostAt
      const before = newestTrade.get(update.pair) ?? 0
      if (trade < before) world.trouble(`the store took trade ${trade} of ${update.pair} after ${before}`)
      newestTrade.set(update.pair, trade)
    },
    storeLostWrites: () => {
      newestEpoch = 0
      newestTrade.clear()
    },
    stopped: lease.stopped,
    step: lease.step,
    look: () => {
      looks += 1
      lookLeaders()
      checkSockets()
      checkSilence()
      if (looks % 2 === 0) checkFreshness()
      if (looks % 8 === 0) checkBounds()
      if (looks % 8 === 4) checkAttempts()
    },
    settled: () => checkSettled(world),
  }
}
