/**
 * One instance of ours under one fault, in a process of its own, as test/bench/exchange.bench.mjs asks for it: prints one line of JSON with the
 * same fields as the peers' probe. With `clients` it reads from the peers' replay server, without from our simulated exchange.
 */
import { pathToFileURL } from 'node:url'

const { dist, clients, task, watchMs = 20_000, streams = 1 } = JSON.parse(process.argv[2])
const load = path => import(new URL(path, pathToFileURL(`${dist}/`)).href)
const { systemClock: clock } = await load('src/clock.js')
const { createEmbeddedStore } = await load('src/embedded.js')
const { names: namesOf } = await load('src/names.js')
const { createMemoryBus } = await load('src/bus/memory-bus.js')
const { createMemoryLease } = await load('src/leadership/memory-lease.js')
const { createMemoryLedger } = await load('src/demand/memory-ledger.js')
const { readConfig } = await load('src/config.js')
const { createInstance } = await load('src/instance.js')

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

/** The peers' own server, and the faults as their probe makes them. */
async function replayStage() {
  const { start } = await import(pathToFileURL(`${clients}/mini-replay.mjs`).href)
  const server = await start(task === 'subscribe' ? { max: 100 } : {})
  const url = `127.0.0.1:${server.port}`
  const each = act => {
    for (const socket of [...server.conns]) act(socket)
  }
  const mute = socket => {
    socket.subs.has = () => false
  }
  return {
    ws: `ws://${url}`,
    rest: `http://${url}`,
    connects: () => server.log.filter(([what]) => what === 'connect').length,
    pongs: () => server.log.filter(([what]) => what === 'pong').length,
    ping: () => each(socket => socket.ping('1723161255000')),
    sent: () => server.log.filter(([what]) => what === 'SUBSCRIBE').map(([, names, bytes, at]) => ({ names, bytes, at })),
    perSocket: () => [...server.conns].map(socket => socket.subs.size),
    faults: {
      kill: () => each(socket => socket.terminate()),
      close1008: () => each(socket => socket.close(1008, 'Too many requests')),
      silent: () => each(mute),
      blackhole: () =>
        each(socket => {
          socket._socket.pause()
          mute(socket)
        }),
      shutdown: () => each(socket => socket.send('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}')),
    },
  }
}

async function simulatedStage() {
  const { startExchange } = await load('src/simulator/exchange.js')
  const limits = task === 'pong' ? { pingEveryMs: 1000 } : {}
  const exchange = await startExchange({ clock, seed: 'bench', rate: 3, symbols: 60, limits })
  const { faults } = exchange
  /** Only those that are open now: a new connection is well. */
  const untilNew = (name, counted) => {
    const before = exchange.stats().connections[counted]
    faults[name] = true
    const timer = setInterval(() => {
      if (exchange.stats().connections[counted] === before) return
      faults[name] = false
      clearInterval(timer)
    }, 1)
  }
  return {
    ws: exchange.wsUrl,
    rest: exchange.restUrl,
    connects: () => exchange.stats().connections.ever,
    pongs: () => exchange.stats().pongs.received,
    pings: () => exchange.stats().pings.sent,
    violations: () => exchange.stats().violations,
    perSocket: () => exchange.stats().streams,
    faults: {
      kill: () => faults.kill(),
      close1008: () => faults.close(1008, 'Too many requests'),
      silent: () => untilNew('silent', 'ever'),
      blackhole: () => untilNew('blackhole', 'attempts'),
      shutdown: () => faults.shutdown(5000),
    },
  }
}

const stage = clients === undefined ? await simulatedStage() : await replayStage()

function startInstance(environment) {
  const read = readConfig({ TICKCAST_EXCHANGE_WS_URLS: stage.ws, TICKCAST_EXCHANGE_REST_URLS: stage.rest, ...environment })
  if ('mistakes' in read) throw new Error(read.mistakes.join(' '))
  const store = createEmbeddedStore(clock)
  const names = namesOf()
  const instance = createInstance({
    clock,
    config: read.config,
    name: 'bench',
    id: 'bench',
    bus: createMemoryBus({ store, names }),
    lease: createMemoryLease({ store, names }),
    ledger: createMemoryLedger({ store, names }),
    openDoors: opened => clock.soon(opened),
    log: { info: () => {}, warn: () => {} },
    crashed: error => {
      throw error
    },
  })
  instance.start()
  return instance
}

/** Trade ids as a reader of every trade gets them. */
function readTrades(instance, told) {
  const outlet = {
    write: frames => {
      for (const frame of frames)
        for (const block of frame.toString().split('\n\n')) {
          if (!block.includes('event: price')) continue
          const id = /"tradeId":(\d+)/.exec(block)
          if (id !== null) told(Number(id[1]))
        }
      return true
    },
    end: () => {},
    cut: () => {},
    waitingBytes: 0,
  }
  instance.doors.hub.join({ pairs: ['BTC/USDT'], mode: 'every', intervalMs: 0, preface: '', after: undefined }, outlet)
}

async function underFault() {
  const ids = []
  let toldAt = 0
  readTrades(startInstance({ TICKCAST_PAIRS: 'BTC/USDT', TICKCAST_STREAMS: 'trade' }), id => {
    ids.push(id)
    toldAt = performance.now()
  })
  await sleep(4000)
  const warm = ids.length
  const before = stage.connects()
  const from = performance.now()
  stage.faults[task]()
  let recovered = null
  for (let newAt; performance.now() - from < watchMs; await sleep(2)) {
    if (newAt === undefined && stage.connects() > before) newAt = performance.now()
    if (recovered === null && newAt !== undefined && (task === 'shutdown' || toldAt > newAt))
      recovered = Math.round((task === 'shutdown' ? newAt : toldAt) - from)
    if (recovered !== null && performance.now() - from > recovered + 3000) break
  }
  const once = [...new Set(ids)].sort((a, b) => a - b)
  const missing = once.reduce((sum, id, at) => (at === 0 ? 0 : sum + id - once[at - 1] - 1), 0)
  return { warm, recovered_ms: recovered, new_connects: stage.connects() - before, missing_trades: missing, dups: ids.length - once.length }
}

async function pongs() {
  startInstance({ TICKCAST_PAIRS: 'BTC/USDT', TICKCAST_STREAMS: 'trade' })
  await sleep(1500)
  const before = stage.pongs()
  if (stage.pings !== undefined) {
    const sent = stage.pings()
    await sleep(3500)
    return { pongs: (stage.pongs() - before) / (stage.pings() - sent) }
  }
  stage.ping()
  await sleep(800)
  return { pongs: stage.pongs() - before }
}

/** Every pair is taken at its word when no list of symbols can be had. */
async function subscribe() {
  const pairs = Array.from({ length: streams }, (_, at) => `SYM${String(at).padStart(4, '0')}/USDT`)
  startInstance({ TICKCAST_PAIRS: pairs.join(','), TICKCAST_STREAMS: 'ticker', TICKCAST_EXCHANGE_REST_URLS: 'http://127.0.0.1:9' })
  // Not longer than it takes: nothing is ever heard of these streams, and ours looks for another socket then.
  const from = performance.now()
  const subscribed = () => stage.perSocket().reduce((sum, count) => sum + count, 0)
  while (subscribed() < streams && performance.now() - from < 12_000) await sleep(20)
  const perSocket = stage.perSocket()
  const asked = {
    subscribed: subscribed(),
    most_on_a_socket: Math.max(0, ...perSocket),
    connections: stage.connects(),
  }
  if (stage.sent === undefined) return { ...asked, broken_rules: stage.violations() }
  const sent = stage.sent()
  const inOneSecond = sent.map(({ at }) => sent.filter(other => other.at >= at && other.at < at + 1000).length)
  return {
    ...asked,
    subscribe_msgs: sent.length,
    max_per_1s_all_conns: Math.max(0, ...inOneSecond),
    max_params: Math.max(0, ...sent.map(({ names }) => names)),
    max_bytes: Math.max(0, ...sent.map(({ bytes }) => bytes)),
  }
}

const result = await (task === 'pong' ? pongs() : task === 'subscribe' ? subscribe() : underFault())
process.stdout.write(`${JSON.stringify({ client: 'ours', task, ...result })}\n`, () => process.exit(0))
