import { type Actor, createActor } from 'xstate'
import type { gatewayMachine } from '../machines/gateway.ts'
import { provideGateway, type Source } from './actors.ts'
import { createBoard } from './board/board.ts'
import { createGate } from './board/gate.ts'
import { createHub } from './board/hub.ts'
import { createStays } from './board/stays.ts'
import type { Bus } from './bus/bus.ts'
import { createPublisher } from './bus/publisher.ts'
import { after, type Clock, every } from './clock.ts'
import type { Config } from './config.ts'
import type { Crew } from './crew.ts'
import type { Ledger } from './demand/ledger.ts'
import { createWanted } from './demand/wanted.ts'
import { createDiary } from './diary.ts'
import { createDownstream } from './downstream.ts'
import { createRest } from './exchange/rest.ts'
import { createShards } from './exchange/shards.ts'
import type { Connect, Get } from './exchange/wire.ts'
import { heartbeatEveryMs } from './heartbeat.ts'
import type { Lease } from './leadership/lease.ts'
import { createLevels } from './levels.ts'
import type { Log } from './log.ts'
import { createMetrics } from './metrics.ts'
import { createMissed } from './missed.ts'
import { createNotices } from './notices.ts'
import { createPath } from './path.ts'
import type { Pair } from './price.ts'
import { createPulse } from './pulse.ts'
import type { Served } from './server.ts'
import { createStatus } from './status.ts'
import { createSuccession } from './succession.ts'
import { createUpstream } from './upstream.ts'
import { createVisits } from './visits.ts'

/**
 * One instance: the parts, and how they are joined. Control goes through the machines (actors.ts), prices go around them (path.ts).
 */
export interface Instance {
  readonly gateway: Actor<typeof gatewayMachine>
  readonly doors: Served
  start(): void
  /** Gives up leadership, sends the readers away; resolves when done. */
  drain(): Promise<void>
}

export interface InstanceOptions {
  readonly clock: Clock
  readonly config: Config
  /** Name for people. */
  readonly name: string
  /** This start of this process, unlike any other. */
  readonly id: string
  readonly bus: Bus
  readonly lease: Lease
  readonly ledger: Ledger
  readonly openDoors: (opened: () => void) => void
  readonly log: Log
  /** Worker processes, which hold the readers. */
  readonly crew?: Crew | undefined
  /** In place of real sockets and HTTP to the exchange. */
  readonly connect?: Connect
  readonly get?: Get
  readonly rotateMs?: number
  /** Streams on one socket, in place of what Binance allows. */
  readonly streamsMax?: number | undefined
  /** Somebody looks at the machines of another instance. */
  readonly inspected?: (text: string) => void
  /** A machine or a port broke its own rules. */
  readonly crashed: (error: unknown) => void
}

const lookEveryMs = 250
/** Demand that cannot be taken back ends by itself. */
const withdrawMaxMs = 2500
/** Well before the exchange ends a socket. */
const rotateMs = 23 * 3_600_000

export function createInstance(options: InstanceOptions): Instance {
  const { clock, config, name, id, bus, lease, ledger, log, crew } = options
  const note = (line: string, fields: object): void => log.info(fields, line)
  const trouble = (line: string, fields: object): void => {
    status.trouble(line, fields)
    log.warn(fields, line)
  }

  const board = createBoard(clock, entry => {
    hub.changed(entry)
    crew?.applied(entry)
    notices.lookAt(entry.pair)
  })
  const publisher = createPublisher({
    clock,
    bus,
    fenced: () => gateway.send({ type: 'lease.fenced' }),
    note: (line, fields) => ('cause' in fields ? trouble : note)(line, fields),
  })
  const path = createPath({ board, publisher })
  const visits = createVisits({ clock, bus, isShared: config.leaderEligible === 'true', stayAway: waitMs => rest.stayAway(waitMs) })
  const feed = createShards({
    clock,
    connect: options.connect,
    note: trouble,
    urls: config.exchangeWsUrls,
    streams: config.streams,
    streamsMax: options.streamsMax,
    share: visits.share,
    quiet: () => diary.role() !== 'follower' && gateway.send({ type: 'websocket.lost' }),
    beside: shards => gateway.send({ type: 'shards.wanted', shards }),
    tick: (tick, receivedAt) => {
      path.take(tick, receivedAt)
      if (wantsToHear && diary.role() !== 'follower') gateway.send({ type: 'websocket.heard' })
    },
  })
  const rest = createRest({ clock, urls: config.exchangeRestUrls, note: trouble, get: options.get, refused: visits.restRefused })
  const upstream = createUpstream({
    clock,
    feed,
    rest,
    path,
    aliases: config.quoteAliases,
    ready: visits.ready,
    isLive: () => diary.role() !== 'follower' && diary.level() === 'live',
    here: () => wanted.here(),
    note,
    trouble,
    learned: () => [notices.tellUnserved(), crew?.learned()],
  })
  const wanted = createWanted({
    clock,
    ledger,
    instance: id,
    held: config.pairs,
    lingerMs: config.lingerMs,
    changedHere: () => retarget(),
    changedEverywhere: () => retarget(),
  })
  const missed = createMissed({ clock, rest, bus, ledger, upstream, diary: () => diary, hub: () => hub, garbled: () => status.garbled() })
  const downstream = createDownstream({
    clock,
    bus,
    wanted,
    board,
    publisher,
    path,
    staleAfterMs: config.staleAfterMs,
    garbled: () => status.garbled(),
    holed: () => status.holed(),
    missed,
    released: () => gateway.send({ type: 'lease.released' }),
    offered: from => gateway.send({ type: 'lease.offered', from }),
    claimed: from => {
      if (from === id) gateway.send({ type: 'lease.claimed' })
    },
    inspected: options.inspected,
    heartbeat: heartbeat => {
      if (heartbeat.instance === name && diary.role() === 'leader') return
      levels.beat(heartbeat)
      status.heard(heartbeat)
      if (diary.role() === 'follower' && heartbeat.level === 'live' && wantsToHear) gateway.send({ type: 'websocket.heard' })
    },
  })
  const gateway = createActor(
    provideGateway({
      clock,
      lease,
      id,
      leaseTtlMs: config.leaseTtlMs,
      rotateMs: options.rotateMs ?? rotateMs,
      farewellMaxMs: config.unreadyMs + config.drainMs,
      highestEpoch: () => publisher.seen.epoch,
      openSocket: feed.open,
      follow: downstream.follow,
      probe: () => probe(),
      openDoors: options.openDoors,
      farewell: () =>
        Promise.all([stays.farewell(), crew?.farewell()]).then(() => Promise.race([wanted.stop(), after(clock, withdrawMaxMs)])),
    }),
    { id: name, clock, input: { eligible: config.leaderEligible === 'true', onLoss: config.redisLoss } },
  )
  const diary = createDiary({ gateway, clock, log, trouble, changed: () => controlChanged(), pairs: () => wanted.everywhere().size })
  const levels = createLevels({
    clock,
    board,
    staleAfterMs: config.staleAfterMs,
    instanceLevel: diary.level,
    levelSince: diary.levelSince,
    hasOwnSocket: () => diary.role() !== 'follower',
    streamedSince: pair => feed.streamedSince(path.symbolOf(pair)),
    isUnserved: upstream.isUnserved,
  })
  const status = createStatus({ clock, name, diary, levels, board, hub: () => hub, wanted, bus, feed, publisher, upstream, missed })
  const hub = createHub({
    clock,
    board,
    levelOf: levels.of,
    ask: missed.ask,
    status: () => ({ level: diary.level(), role: diary.role(), since: diary.since() }),
    windowMs: config.windowMs,
  })

  const stays = createStays({ clock, hub, ...config })
  const gate = createGate({ clock, ...config })

  const notices = createNotices({ clock, hub, levels, wanted, resolve: upstream.resolve })

  /** A price over the stream would be news to machines/fallback.ts. */
  let wantsToHear = true

  const succession = createSuccession({ path, diary, readStored: () => downstream.readStored(wanted.everywhere()) })

  /** Leadership, connection or level changed. */
  const controlChanged = (): void => {
    const { epoch, validUntil } = diary.term()
    const role = diary.role()
    publisher.lead(role === 'leader' ? { epoch, validUntil } : undefined)
    wantsToHear = !diary.isLive()
    succession.look()
    retarget()
    notices.tellLevels()
  }

  /** The leader, and who is about to succeed it, streams what anybody wants, a solo what its own readers want, a follower nothing. */
  let targeted: ReadonlySet<Pair> | undefined
  const retarget = (): void => {
    const role = diary.role()
    downstream.rewant()
    const target = role === 'leader' || diary.isStandby() ? wanted.everywhere() : role === 'solo' ? wanted.here() : new Set<Pair>()
    board.keep(role === 'leader' ? target : wanted.here())
    if (target === targeted || (target.size === 0 && targeted?.size === 0)) return
    targeted = target
    upstream.target(target)
  }

  /** Which source answers now? The exchange is asked by who has the socket, or else every follower would poll it. */
  const probe = async (): Promise<Source> => {
    if (diary.role() === 'follower') {
      if (levels.leaders() === 'polling') return 'rest'
    } else if (upstream.hasTargets && (await upstream.poll())) return 'rest'
    const isShared = await downstream.readStored(wanted.here())
    if (board.newestAgeMs() > config.staleAfterMs) return 'none'
    return isShared ? 'shared' : 'local'
  }

  const look = (): void => {
    notices.look()
    const role = diary.role()
    if (role === 'follower') {
      if (diary.isStandby() && feed.isCovered()) gateway.send({ type: 'standby.covered' })
      if (!wantsToHear && levels.leaders() !== 'live') gateway.send({ type: 'websocket.lost' })
      if (diary.relay() === 'current') downstream.lookDeaf()
    } else if (wantsToHear && !upstream.hasTargets && diary.connection() === 'connected') gateway.send({ type: 'websocket.heard' })
  }

  const beat = createPulse({ instance: name, bus, diary, wanted, levels, status, fenced: () => gateway.send({ type: 'lease.fenced' }) })

  let stopLooking = (): void => {}
  return {
    gateway,
    doors: {
      board,
      hub,
      stays,
      gate,
      wanted,
      resolve: upstream.resolve,
      search: upstream.search,
      levelOf: levels.of,
      status: status.view,
      unready: status.unready,
      metrics: createMetrics({ clock, diary, levels, board, hub, stays, gate, wanted, bus, feed, rest, publisher, upstream, status }),
      handOver: () => {
        const isLeading = diary.role() === 'leader'
        if (isLeading) gateway.send({ type: 'leadership.hand-over' })
        return isLeading
      },
    },
    start: () => {
      gateway.subscribe({ error: options.crashed })
      gateway.start()
      diary.open()
      const stops = [every(clock, lookEveryMs, look), every(clock, heartbeatEveryMs, beat)]
      stopLooking = () => {
        for (const stop of stops) stop()
      }
    },
    drain: () =>
      new Promise(resolve => {
        gateway.subscribe({
          complete: () => {
            stopLooking()
            for (const part of [hub, feed, upstream, visits]) part.stop()
            resolve()
          },
        })
        gateway.send({ type: 'gateway.drain' })
      }),
  }
}
