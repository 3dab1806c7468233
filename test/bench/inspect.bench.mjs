/**
 * Each row runs alternately with nobody looking and with one page open whose stream is read to the end; CPU time of the whole process,
 * the median of the ratios of neighbouring rounds.
 *
 *   price path      frames from a socket to a reader, in one whole instance that leads
 *   whole cluster   three instances, their store, the exchange and readers for two virtual minutes: the control plane with what it does
 *   bare events     nothing but events through machines: the most it can cost
 *   … do nothing    the same with an inspector that does nothing: XState's part of it
 */
import { EventEmitter } from 'node:events'
import { pathToFileURL } from 'node:url'

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
const { createInspection } = await load('src/inspect/inspection.js')
const { createFeed } = await load('src/inspect/feed.js')
const { play } = await load('test/simulation/run.js')

const bases = Array.from({ length: 20 }, (_, at) => `B${String.fromCharCode(65 + at)}`)
const tick = () => new Promise(resolve => setImmediate(resolve))

/** One page: opens the feed of a system and reads all that comes. Returns how to close it. */
function look(name, actor) {
  const inspection = createInspection({ clock, instance: name, title: name, roots: [{ name: 'gateway', actor }] })
  const feed = createFeed({ clock, timeline: inspection.timeline, look: inspection.look })
  const reader = feed.open(undefined).getReader()
  let bytes = 0
  const drain = async () => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      bytes += value.byteLength
    }
  }
  void drain()
  return {
    close: () => {
      if (inspection.faults.count > 0) throw new Error(inspection.faults.last)
      feed.stop()
      return { records: inspection.timeline.last, bytes }
    },
  }
}

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

async function compare({ rounds, alone, watched }) {
  await alone()
  await watched()
  const ratios = []
  const times = { alone: [], watched: [] }
  for (let round = 0; round < rounds; round += 1) {
    // Whoever goes second finds a warmer machine: each goes first every other time.
    const order = round % 2 === 0 ? ['alone', 'watched'] : ['watched', 'alone']
    for (const name of order) times[name].push(await cpu(name === 'alone' ? alone : watched))
    ratios.push(times.watched.at(-1) / times.alone.at(-1))
  }
  return { ratio: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)], alone: median(times.alone) }
}

export async function run({ quick = false }) {
  const rows = []
  const one = await startInstance()
  const { gateway } = one.instance
  let seen = { records: 0, bytes: 0 }
  const whileLooking = work => async () => {
    const page = look('one', gateway)
    await work()
    seen = page.close()
  }

  const prices = () => one.frames(20_000)
  const before = one.written()
  rows.push(['price path', 'per frame', 20_000, await compare({ rounds: quick ? 3 : 41, alone: prices, watched: whileLooking(prices) })])
  if (one.written() === before) throw new Error('no price reached the reader')

  const world = async observed => {
    const { troubles } = await play('bench', [], observed)
    if (troubles.length > 0) throw new Error(troubles.join())
  }
  const cluster = async () => {
    const pages = []
    await world(instance => pages.push(look(instance.gateway.id, instance.gateway)))
    seen = pages.map(page => page.close())[0]
  }
  rows.push(['whole cluster', 'per virtual second', 120, await compare({ rounds: quick ? 1 : 7, alone: () => world(), watched: cluster })])
  if (seen.records < 100) throw new Error(`the page saw ${seen.records} records`)

  const events = async () => {
    for (let at = 0; at < 2000; at += 1) {
      gateway.send({ type: 'websocket.lost' })
      gateway.send({ type: 'websocket.heard' })
      if (at % 50 === 49) await tick()
    }
  }
  rows.push([
    'bare events',
    'per event to a child',
    4000,
    await compare({ rounds: quick ? 3 : 11, alone: events, watched: whileLooking(events) }),
  ])
  if (seen.records < 1000) throw new Error(`the page saw ${seen.records} records`)

  const idle = async () => {
    const { unsubscribe } = gateway.system.inspect(() => {})
    await events()
    unsubscribe()
  }
  rows.push(['… do nothing', 'per event to a child', 4000, await compare({ rounds: quick ? 3 : 11, alone: events, watched: idle })])

  for (const [name, unit, count, { ratio, spread, alone }] of rows)
    console.log(
      `${name.padEnd(14)} ${ratio.toFixed(3)} × (${spread.map(one => one.toFixed(2)).join(' to ')}); alone ${(alone / count).toFixed(1)} µs ${unit}`,
    )
  return { rows }
}
