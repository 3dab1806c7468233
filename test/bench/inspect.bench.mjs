/**
 * Each row runs alternately with nobody looking and with one page open in another process, which reads all of it over HTTP and must have
 * come to the last record before the round is over; CPU time of this process, the median of the ratios of neighbouring rounds.
 *
 *   price path      frames from a socket to a reader, in one whole instance that leads
 *   whole cluster   three instances, their store, the exchange and readers for two virtual minutes: the control plane with what it does
 *   events, shown   2,000 a second through two machines, nothing else: the page gets each record
 *   events, flood   the same as fast as it goes, which is more than a page is sent: what it is spared is not written
 *   … do nothing    the flood with an inspector of XState's own that does nothing
 */
import { EventEmitter } from 'node:events'
import { pathToFileURL } from 'node:url'
import { startViewer } from './inspect/look.mjs'

export const title = 'what it costs the machines to be looked at'

const dist = pathToFileURL('dist/')
const load = path => import(new URL(path, dist).href)
const { createInstance } = await load('src/instance.js')
const { createEmbeddedStore } = await load('src/embedded.js')
const { createMemoryBus } = await load('src/bus/memory-bus.js')
const { createMemoryLease } = await load('src/leadership/memory-lease.js')
const { createMemoryLedger } = await load('src/demand/memory-ledger.js')
const { names } = await load('src/names.js')
const { systemClock: clock } = await load('src/clock.js')
const { readConfig } = await load('src/config.js')
const { play } = await load('test/simulation/run.js')

const bases = Array.from({ length: 20 }, (_, at) => `B${String.fromCharCode(65 + at)}`)
const tick = () => new Promise(resolve => setImmediate(resolve))

/** A whole instance that leads, and a hand on its socket. */
async function startInstance() {
  const environment = {
    TICKCAST_PAIRS: bases.map(base => `${base}/USD`).join(','),
    TICKCAST_STREAMS: 'trade',
    TICKCAST_EXCHANGE_WS_URLS: 'ws://x',
    TICKCAST_EXCHANGE_REST_URLS: 'http://x',
  }
  const { config } = readConfig(environment)
  const store = createEmbeddedStore(clock)
  const ours = names()
  let wire
  const connect = () => {
    wire = Object.assign(new EventEmitter(), {
      readyState: 1,
      ping: () => void setImmediate(() => wire.emit('pong')),
      close: () => {},
      terminate: () => {},
      send: text => {
        const { id } = JSON.parse(text)
        setImmediate(() => wire.emit('message', Buffer.from(JSON.stringify({ result: null, id })), false))
      },
    })
    setImmediate(() => wire.emit('open'))
    return wire
  }
  const symbols = bases.map(base => ({ symbol: `${base}USDT`, status: 'TRADING', baseAsset: base, quoteAsset: 'USDT' }))
  const get = async url => ({
    status: 200,
    retryAfter: undefined,
    text: async () => JSON.stringify(url.includes('exchangeInfo') ? { symbols } : []),
    drop: () => {},
  })
  const instance = createInstance({
    clock,
    config,
    name: 'one',
    id: 'one-1',
    bus: createMemoryBus({ store, names: ours }),
    lease: createMemoryLease({ store, names: ours }),
    ledger: createMemoryLedger({ store, names: ours }),
    connect,
    get,
    openDoors: opened => clock.soon(opened),
    log: { info: () => {}, warn: () => {} },
    crashed: error => {
      throw error
    },
  })
  instance.start()
  let written = 0
  const outlet = {
    write: frames => {
      written += frames.length
      return true
    },
    end: () => {},
    cut: () => {},
    waitingBytes: 0,
  }
  const pairs = bases.map(base => `${base}/USD`)
  for (const pair of pairs) instance.doors.wanted.add(pair)
  instance.doors.hub.join({ pairs, mode: 'every', intervalMs: 0, preface: '', after: undefined }, outlet)
  let id = 1
  const frame = at => {
    const s = `${bases[at % bases.length]}USDT`
    id += 1
    const data = { e: 'trade', E: Date.now(), s, t: id, p: `${(id % 1000) + 1}.50`, q: '1', T: Date.now(), m: true, M: true }
    wire.emit('message', Buffer.from(JSON.stringify({ stream: `${s.toLowerCase()}@trade`, data })), false)
  }
  const at = machine => JSON.stringify(instance.gateway.system.get(machine)?.getSnapshot().value)
  while (!at('connection')?.includes('streaming') || !at('leadership').includes('leader'))
    await new Promise(resolve => setTimeout(resolve, 20))
  return {
    instance,
    written: () => written,
    frames: async count => {
      for (let at = 0; at < count; at += 1) {
        frame(at)
        if (at % 100 === 99) await tick()
      }
    },
  }
}

const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

async function cpu(work) {
  const began = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(began)
  return user + system
}

/** Both return what they cost. */
async function compare(rounds, alone, watched) {
  await alone()
  await watched()
  const ratios = []
  const times = { alone: [], watched: [] }
  for (let round = 0; round < rounds; round += 1) {
    // Whoever goes second finds a warmer machine: each goes first every other time.
    const order = round % 2 === 0 ? ['alone', 'watched'] : ['watched', 'alone']
    for (const name of order) times[name].push(await (name === 'alone' ? alone : watched)())
    ratios.push(times.watched.at(-1) / times.alone.at(-1))
  }
  return { ratio: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)], alone: median(times.alone) }
}

/** Above what is measured by more than a busy machine adds. */
const bounds = { 'price path': 1.1, 'whole cluster': 1.6, 'events, shown': 1.8, 'events, flood': 1.7 }

const must = (isTrue, sentence) => {
  if (!isTrue) throw new Error(sentence)
}

export async function run({ quick = false, only }) {
  const viewer = startViewer()
  const one = await startInstance()
  const { gateway } = one.instance
  let seen = { number: 0, lost: 0 }
  const alone = work => () => cpu(work)
  const watched = work => async () => {
    const page = viewer.look('one', gateway, clock)
    await page.ready
    const spent = await cpu(async () => {
      await work()
      seen = await page.caughtUp()
    })
    await page.close()
    return spent
  }

  const prices = () => one.frames(20_000)
  const world = async observed => {
    const { troubles } = await play('bench', [], observed)
    must(troubles.length === 0, troubles.join())
  }
  const watchedWorld = async () => {
    const pages = []
    const spent = await cpu(async () => {
      await world(instance => pages.push(viewer.look(instance.gateway.id, instance.gateway, clock)))
      for (const page of pages) seen = await page.caughtUp()
    })
    for (const page of pages) await page.close()
    return spent
  }
  const toAndFro = times => {
    for (let at = 0; at < times; at += 1) {
      gateway.send({ type: 'websocket.lost' })
      gateway.send({ type: 'websocket.heard' })
    }
  }
  const paced = async () => {
    for (let at = 0; at < 20; at += 1) {
      toAndFro(50)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  const flood = async () => {
    for (let at = 0; at < 400; at += 1) {
      toAndFro(25)
      await tick()
    }
  }
  const idle = async () => {
    const { unsubscribe } = gateway.system.inspect(() => {})
    const spent = await cpu(flood)
    unsubscribe()
    return spent
  }

  const before = one.written()
  const rows = []
  const measure = async (name, unit, count, ...pair) => {
    if (only === undefined || name.includes(only)) rows.push({ name, unit, count, ...(await compare(...pair)) })
  }
  await measure('price path', 'per frame', 20_000, quick ? 3 : 41, alone(prices), watched(prices))
  must(rows.length === 0 || one.written() > before, 'no price reached the reader')
  await measure('whole cluster', 'per virtual second', 120, quick ? 1 : 7, alone(world), watchedWorld)
  await measure('events, shown', 'per event to a child', 2000, quick ? 3 : 9, alone(paced), watched(paced))
  must(seen.lost === 0, 'the page was not sent every record')
  await measure('events, flood', 'per event to a child', 20_000, quick ? 3 : 11, alone(flood), watched(flood))
  await measure('… do nothing', 'per event to a child', 20_000, quick ? 3 : 11, alone(flood), idle)
  must(only !== undefined || seen.number > 100, `the page saw ${seen.number} records`)
  viewer.stop()

  for (const { name, unit, count, ratio, spread, alone } of rows)
    console.log(
      `${name.padEnd(14)} ${ratio.toFixed(3)} × (${spread.map(one => one.toFixed(2)).join(' to ')}); alone ${(alone / count).toFixed(1)} µs ${unit}`,
    )
  const broken = quick ? [] : rows.filter(({ name, ratio }) => ratio > (bounds[name] ?? Infinity))
  return { rows, broken: broken.map(({ name, ratio }) => `an open page costs the ${name} ${bounds[name]} × (${ratio.toFixed(2)})`) }
}
