/**
 * The server, routes, hub and board of an instance on a port, fed with the updates of source.mjs in place of an exchange. Told to begin and
 * asked for its memory by messages. `node ours.mjs DIST PORT [BATCH_MS]`.
 */
import { pathToFileURL } from 'node:url'
import { createSource, pairCount } from './source.mjs'

const [, , distFolder, port, batchMs] = process.argv
const dist = pathToFileURL(`${distFolder}/`)
const load = path => import(new URL(path, dist).href)
const { systemClock: clock } = await load('src/clock.js')
const { readConfig } = await load('src/config.js')
const { createBoard } = await load('src/board/board.js')
const { createGate } = await load('src/board/gate.js')
const { createHub } = await load('src/board/hub.js')
const { createStays } = await load('src/board/stays.js')
const { createServer, listen } = await load('src/server.js')

// Everybody is let in: what a storm costs is what is measured, not how long it is held up.
const { config } = readConfig({ PORT: port, TICKCAST_PAIRS: 'P0/USD', TICKCAST_JOINS_PER_SECOND: '0' })
const levelOf = () => 'live'
const board = createBoard(clock, entry => hub.changed(entry))
const hub = createHub({
  clock,
  board,
  levelOf,
  status: () => ({ level: 'live', role: 'leader', since: 0 }),
})
const stays = createStays({ clock, hub, ...config })
const gate = createGate({ clock, ...config })
const server = createServer({
  clock,
  config,
  doors: () => ({
    board,
    hub,
    stays,
    gate,
    levelOf,
    wanted: { add: () => true, remove: () => {}, here: () => new Set() },
    resolve: pair => ({ kind: 'trading', symbol: pair }),
    search: () => [],
    status: () => ({}),
    unready: () => [],
    metrics: () => [],
    handOver: () => false,
  }),
})

const epoch = Date.now() * 1000
const pairs = Array.from({ length: pairCount }, (_, index) => `P${index}/USD`)
const before = new Array(pairCount).fill(0)
const apply = (index, sequence, body) => {
  const pair = pairs[index]
  board.apply({ pair, at: { epoch, sequence }, prev: before[index], cause: 'trade', body }, Date.now())
  before[index] = sequence
}
/** What has come since the last go, where updates come a batch at a time. */
let batch = []
const flush = () => {
  for (const update of batch) apply(...update)
  batch = []
}
const start = createSource((...update) => {
  if (batchMs === undefined) return apply(...update)
  if (batch.length === 0) setTimeout(flush, Number(batchMs))
  batch.push(update)
})
process.on('message', message => {
  if (message.kind === 'go') start(message)
  else {
    globalThis.gc?.()
    process.send({ memory: process.memoryUsage(), counts: hub.counts() })
  }
})
process.on('disconnect', () => process.exit(0))
await listen(server, { host: '127.0.0.1', port: Number(port) })
process.send('ready')
