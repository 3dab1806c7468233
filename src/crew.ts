import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Entry } from './board/board.ts'
import { backoffMs, type Clock, every } from './clock.ts'
import type { Log } from './log.ts'
import { addUp, type Metric } from './metrics.ts'
import { type Pair, withLevel, writePayload } from './price.ts'
import type { Served } from './server.ts'
import { createTube, message, type Tube } from './tube.ts'
import { readCount, type Told } from './worker-words.ts'

/**
 * The worker processes of one instance. They hold the readers; this process holds everything else, accepts the connections and hands each to
 * the worker with the fewest readers. A worker gets each price of the pairs its readers want once, as the same bytes as the others; its
 * pairs are wanted here as if it were one reader. One that dies is replaced, one that stands still is killed first.
 */
export interface Crew {
  /** A newer price on the board. */
  applied(entry: Entry): void
  /** The exchange's symbols are known, or known anew. */
  learned(): void
  /** Hands over a connection of which nothing has been read. */
  take(socket: Socket): void
  /** Resolves when the first worker can take connections. */
  start(): Promise<void>
  /** Every worker sends its readers away and ends; resolves when all have. */
  farewell(): Promise<void>
  workers(): readonly { readonly pid: number; readonly readers: number; readonly silentMs: number }[]
  /** What the workers count, those that are gone included, to be added to the instance's own. */
  metrics(): readonly Metric[]
  /** Ends what is left. */
  close(): void
}

export interface CrewOptions {
  readonly clock: Clock
  readonly size: number
  readonly log: Log
  /** Starts a process, with a pipe as its fourth descriptor. */
  readonly fork: (place: number) => ChildProcess
  readonly doors: () => Pick<Served, 'board' | 'wanted' | 'levelOf' | 'status' | 'search' | 'resolve'>
}

interface Worker {
  readonly place: number
  readonly child: ChildProcess
  readonly tube: Tube
  readonly startedAt: number
  wants: ReadonlySet<Pair>
  /** Prices that wait for the end of this turn. */
  ready: Buffer[]
  /** Pairs with a price the pipe had no room for. */
  behind: Set<Pair>
  told: string
  /** Connections for it. They are handed over one at a time; until then they can still go to somebody else. */
  queue: Socket[]
  /** On its way: ours, too, until it has arrived. */
  taking: Socket | undefined
  /** As it last counted, and how many connections it was handed since. */
  readers: number
  handed: number
  metrics: readonly Metric[]
  /** When it last counted; undefined: it cannot take connections yet. */
  countedAt: number | undefined
}

const tellEveryMs = 100
/** A worker counts four times a second; one that does not is no place for a new reader, and after a while none for its own. */
const unsureAfterMs = 2000
const stuckAfterMs = 20_000
const startMaxMs = 30_000
/** Beyond it the newest price of each pair waits for the worker here. */
const waitingBytesMax = 1024 * 1024
/** A worker that lived so long may be replaced at once. */
const stableMs = 5000

export function createCrew({ clock, size, log, fork, doors }: CrewOptions): Crew {
  const workers = new Map<number, Worker>()
  const waitingSockets = new Set<Socket>()
  let gone: Metric[] = []
  let symbols: Buffer | undefined
  let fresh: Entry[] = []
  let failures = 0
  let isLeaving = false
  let opened = (): void => {}
  let left = (): void => {}

  const payloadOf = ({ update, pair }: Entry, isFirst: boolean): Buffer =>
    isFirst
      ? message('stored', writePayload({ ...update, body: withLevel(update.body, doors().levelOf(pair)) }))
      : message('price', writePayload(update))

  const give = (worker: Worker, pair: Pair, bytes: Buffer): void => {
    if (worker.tube.waitingBytes > waitingBytesMax) worker.behind.add(pair)
    else worker.ready.push(bytes)
  }

  const flush = (): void => {
    const entries = fresh
    fresh = []
    for (const entry of entries) {
      let bytes: Buffer | undefined
      for (const worker of workers.values()) {
        if (!worker.wants.has(entry.pair)) continue
        bytes ??= payloadOf(entry, entry.isStored)
        give(worker, entry.pair, bytes)
      }
    }
    for (const worker of workers.values()) pass(worker)
  }

  const pass = (worker: Worker): void => {
    worker.tube.pass(worker.ready)
    worker.ready = []
  }

  const catchUp = (worker: Worker): void => {
    const pairs = [...worker.behind]
    worker.behind.clear()
    sendLast(worker, pairs)
  }

  const sendLast = (worker: Worker, pairs: readonly Pair[]): void => {
    const known = pairs.map(doors().board.get).filter(entry => entry !== undefined)
    for (const entry of known) give(worker, entry.pair, payloadOf(entry, true))
    pass(worker)
  }

  const want = (worker: Worker, pairs: ReadonlySet<Pair>): void => {
    const { wanted } = doors()
    const before = worker.wants
    worker.wants = pairs
    const added = [...pairs].filter(pair => !before.has(pair))
    for (const pair of added) wanted.add(pair)
    for (const pair of before) if (!pairs.has(pair)) wanted.remove(pair)
    sendLast(worker, added)
  }

  const count = (worker: Worker, bytes: Buffer): void => {
    const counted = readCount(bytes)
    if (counted === undefined) return
    if (worker.countedAt === undefined) log.info({ worker: worker.child.pid, place: worker.place }, 'worker ready')
    Object.assign(worker, counted, { handed: 0, countedAt: clock.now() })
    opened()
    for (const socket of waitingSockets) take(socket)
  }

  const tell = (worker: Worker): void => {
    const { board, levelOf, status } = doors()
    const { level, role, since } = status() as Pick<Told, 'level' | 'role' | 'since'>
    const others = [...worker.wants].filter(pair => board.get(pair) !== undefined).map(pair => [pair, levelOf(pair)] as const)
    const told: Told = { level, role, since, pairs: Object.fromEntries(others.filter(([, one]) => one !== level)) }
    const text = JSON.stringify(told)
    if (text === worker.told) return
    worker.told = text
    worker.tube.say('told', text)
  }

  const look = (): void => {
    const now = clock.now()
    for (const worker of workers.values()) {
      const silentMs = now - (worker.countedAt ?? worker.startedAt)
      if (silentMs > (worker.countedAt === undefined ? startMaxMs : stuckAfterMs)) worker.child.kill('SIGKILL')
      if (!isSure(worker)) takeBack(worker)
      tell(worker)
    }
  }

  const hire = (place: number): void => {
    const child = fork(place)
    const tube = createTube(child.stdio[4] as unknown as Duplex, {
      heard: (kind, bytes) => {
        if (kind === 'count') count(worker, bytes)
        else if (kind === 'taken') {
          worker.taking?.destroy()
          worker.taking = undefined
          handNext(worker)
        } else if (kind === 'want') want(worker, new Set(JSON.parse(bytes.toString())))
        else if (kind === 'unresolved') doors().resolve(bytes.toString())
      },
      drained: () => catchUp(worker),
      over: () => void child.kill('SIGKILL'),
    })
    const idle = { wants: new Set<Pair>(), ready: [], behind: new Set<Pair>(), told: '', readers: 0, handed: 0, metrics: [] }
    const hands = { queue: [], taking: undefined }
    const worker: Worker = { place, child, tube, startedAt: clock.now(), ...idle, ...hands, countedAt: undefined }
    workers.set(place, worker)
    child.on('exit', (code, signal) => lose(worker, code ?? signal))
    child.on('error', error => log.warn({ cause: error.message, place }, 'a worker cannot be started or reached'))
    if (symbols !== undefined) tube.pass([symbols])
    tell(worker)
  }

  const lose = (worker: Worker, how: number | string | null): void => {
    if (workers.get(worker.place) !== worker) return
    workers.delete(worker.place)
    want(worker, new Set())
    takeBack(worker)
    // Perhaps it was asked for something already: who is on the other end has to come again.
    worker.taking?.destroy()
    gone = addUp([...gone, ...worker.metrics.filter(({ kind }) => kind === 'counter')])
    if (isLeaving) {
      if (workers.size === 0) left()
      return
    }
    log.warn({ worker: worker.child.pid, how, readers: worker.readers }, 'a worker ended; replacing it')
    failures = clock.now() - worker.startedAt > stableMs ? 0 : failures + 1
    clock.setTimeout(() => isLeaving || hire(worker.place), failures === 0 ? 0 : backoffMs(clock, failures, 100, 5000))
  }

  const handNext = (worker: Worker): void => {
    if (worker.taking === undefined) worker.taking = worker.queue.shift()
    else return
    if (worker.taking !== undefined) worker.child.send('connection', worker.taking, { keepOpen: true }, () => {})
  }

  /** What a worker was not handed yet goes to another one. */
  const takeBack = (worker: Worker): void => {
    const sockets = worker.queue
    worker.queue = []
    for (const socket of sockets) take(socket)
  }

  const isSure = ({ countedAt }: Worker): boolean => countedAt !== undefined && clock.now() - countedAt <= unsureAfterMs

  const take = (socket: Socket): void => {
    waitingSockets.delete(socket)
    let best: Worker | undefined
    for (const worker of workers.values()) {
      if (!isSure(worker)) continue
      if (best === undefined || worker.readers + worker.handed < best.readers + best.handed) best = worker
    }
    if (best === undefined) {
      // Until a worker is there again.
      waitingSockets.add(socket)
      socket.once('close', () => waitingSockets.delete(socket))
      return
    }
    best.handed += 1
    best.queue.push(socket)
    handNext(best)
  }

  const stopLooking = every(clock, tellEveryMs, look)
  return {
    applied: entry => {
      fresh.push(entry)
      if (fresh.length === 1) clock.soon(flush)
    },
    learned: () => {
      const listings = doors().search('', Number.POSITIVE_INFINITY)
      const listed = listings.map(({ pair, symbol, status }) => {
        const [baseAsset, quoteAsset] = pair.split('/')
        return { symbol, status, baseAsset, quoteAsset }
      })
      symbols = message('symbols', JSON.stringify({ symbols: listed }))
      for (const { tube } of workers.values()) tube.pass([symbols])
    },
    take,
    start: () =>
      new Promise(resolve => {
        opened = resolve
        for (let place = 1; place <= size; place += 1) hire(place)
      }),
    farewell: () =>
      new Promise(resolve => {
        isLeaving = true
        left = resolve
        if (workers.size === 0) resolve()
        for (const { tube } of workers.values()) tube.say('leave')
      }),
    workers: () =>
      [...workers.values()].map(({ child, readers, countedAt, startedAt }) => ({
        pid: child.pid ?? 0,
        readers,
        silentMs: Math.round(clock.now() - (countedAt ?? startedAt)),
      })),
    metrics: () => addUp([...gone, ...[...workers.values()].flatMap(({ metrics }) => metrics)]),
    close: () => {
      isLeaving = true
      stopLooking()
      for (const socket of waitingSockets) socket.destroy()
      for (const { child } of workers.values()) child.kill('SIGKILL')
    },
  }
}
