import { rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { dirname } from 'node:path'
import { createBoard } from './board/board.ts'
import { createGate } from './board/gate.ts'
import { createHub } from './board/hub.ts'
import { createStays } from './board/stays.ts'
import { type Clock, every } from './clock.ts'
import type { Config } from './config.ts'
import type { Ledger } from './demand/ledger.ts'
import { createWanted } from './demand/wanted.ts'
import { assumedSymbols, readSymbols, type SymbolTable } from './exchange/symbols.ts'
import { createForward } from './forward.ts'
import { processMetrics, readerMetrics } from './metrics.ts'
import { createNotices } from './notices.ts'
import { type Level, type Pair, readPayload, receivedAtOf } from './price.ts'
import { speakMore } from './protocols.ts'
import { closeServer, createServer } from './server.ts'
import { createTube } from './tube.ts'
import { readTold, type Told } from './worker-words.ts'

/**
 * One worker process of an instance (crew.ts): the streams of its readers, and nothing that decides anything. What it is asked beside
 * prices it lets the instance answer.
 */
export interface WorkerOptions {
  readonly clock: Clock
  readonly config: Config
  /** Where the instance answers, a Unix socket; this worker's own stands beside it. */
  readonly home: string
  readonly place: number
  /** Workers of the instance: its limits are shared among them. */
  readonly size: number
  /** Calls back with each connection handed over; undefined: it was over before. */
  readonly connections: (take: (socket: Socket | undefined) => void) => void
  /** Its readers are gone, or the instance is. */
  readonly ended: () => void
}

const countEveryMs = 250
const askEveryMs = 1000
/** The pipe that the instance made. */
const pipe = 4

export function startWorker({ clock, config, home, place, size, connections, ended }: WorkerOptions): void {
  let told: Told = { level: 'stale', role: 'follower', since: clock.wall(), pairs: {} }
  let table: SymbolTable = assumedSymbols(config.quoteAliases)
  let askedAt = Number.NEGATIVE_INFINITY

  const board = createBoard(clock, entry => hub.changed(entry))
  const levelOf = (pair: Pair): Level => (board.get(pair) === undefined ? 'stale' : (told.pairs[pair] ?? told.level))
  const hub = createHub({
    clock,
    board,
    levelOf,
    status: () => ({ level: told.level, role: told.role, since: told.since }),
    windowMs: config.windowMs,
  })
  const stays = createStays({ clock, hub, ...config })
  const gate = createGate({
    clock,
    readersMax: Math.ceil(config.readersMax / size),
    joinsPerSecond: Math.ceil(config.joinsPerSecond / size),
  })
  const wanted = createWanted({
    clock,
    ledger: noLedger,
    instance: '',
    held: config.pairs,
    // The instance lets them linger.
    lingerMs: 0,
    changedHere: pairs => want(pairs),
    changedEverywhere: () => {},
  })

  /** What is not traded may be soon: the instance looks again. */
  const resolve: SymbolTable['resolve'] = pair => {
    const found = table.resolve(pair)
    if (found.kind !== 'trading' && clock.now() - askedAt > askEveryMs) {
      askedAt = clock.now()
      tube.say('unresolved', pair)
    }
    return found
  }
  const notices = createNotices({ clock, hub, levels: { of: levelOf }, wanted, resolve })

  const take = (payload: Buffer, isStored: boolean): void => {
    const update = readPayload(payload)
    if (update !== undefined && wanted.here().has(update.pair)) board.apply(update, receivedAtOf(update.body), { isStored })
  }

  const want = (pairs: ReadonlySet<Pair>): void => {
    board.keep(pairs)
    tube.say('want', JSON.stringify([...pairs]))
  }

  const leave = async (): Promise<void> => {
    await stays.farewell()
    hub.stop()
    await closeServer(server, clock)
    count()
    ended()
  }

  const tube = createTube(new Socket({ fd: pipe }), {
    heard: (kind, bytes) => {
      if (kind === 'price' || kind === 'stored') take(bytes, kind === 'stored')
      else if (kind === 'leave') void leave()
      else if (kind === 'symbols') {
        table = readSymbols(JSON.parse(bytes.toString()), config.quoteAliases) ?? table
        notices.tellUnserved()
      } else if (kind === 'told') {
        told = readTold(bytes) ?? told
        hub.levelsChanged()
      }
    },
    over: () => {
      // The instance was killed: nobody else is left to tidy up.
      rmSync(dirname(home), { recursive: true, force: true })
      ended()
    },
  })

  const server = createServer({
    clock,
    config,
    elsewhere: createForward(home),
    doors: () => ({
      board,
      hub,
      stays,
      gate,
      wanted,
      resolve,
      levelOf,
      search: table.search,
      status: () => ({}),
      unready: () => [],
      metrics: () => [],
      handOver: () => false,
    }),
  })

  const count = (): void => {
    const metrics = [...readerMetrics({ hub, stays, gate }), ...processMetrics(clock)]
    const shared = metrics.filter(({ name }) => name !== 'process_start_time_seconds')
    tube.say('count', JSON.stringify({ readers: hub.counts().readers, metrics: shared }))
  }

  const own = `${home}.${place}`
  // Of the worker that was here before and did not end by itself.
  rmSync(own, { force: true })
  speakMore(server, clock, config)
  server.listen(own, () => {
    connections(socket => {
      tube.say('taken')
      if (socket !== undefined) server.emit('connection', socket)
    })
    want(wanted.here())
    count()
    every(clock, countEveryMs, count)
  })
}

/** What other instances want is none of a worker's business. */
const noLedger: Ledger = {
  announce: async () => ({ kind: 'noted' }),
  withdraw: async () => ({ kind: 'noted' }),
  union: async () => ({ kind: 'read', wanted: new Map() }),
  ask: async () => ({ kind: 'noted' }),
}
