/**
 * What a delivery costs over HTTP/2, beside HTTP/1.1: processor time of the server for each price a reader got. `npm run build`, then
 * `node test/bench/http2.bench.mjs`. A thousand readers of one pair and fifty prices a second: over HTTP/1.1 a connection each, over HTTP/2
 * a hundred to a connection, as a proxy has them, or a connection each. Alternating, medians of five.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { connect } from 'node:http2'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

const readers = 1000
const perSecond = 50
const seconds = 4
const rounds = 5

async function serve() {
  const dist = pathToFileURL('dist/')
  const load = path => import(new URL(`src/${path}.js`, dist).href)
  const [{ createBoard }, { createHub }, { createStays }, { createGate }, { systemClock: clock }, { readConfig }, served, { speakMore }] =
    await Promise.all(['board/board', 'board/hub', 'board/stays', 'board/gate', 'clock', 'config', 'server', 'protocols'].map(load))
  const { config } = readConfig({ PORT: '0', TICKCAST_HTTP2: 'on' })
  const board = createBoard(clock, entry => hub.changed(entry))
  const hub = createHub({ clock, board, levelOf: () => 'live', status: () => ({ level: 'live', role: 'leader', since: 0 }) })
  const doors = {
    board,
    hub,
    stays: createStays({ clock, hub, ...config }),
    gate: createGate({ clock, ...config }),
    wanted: { add: () => true, remove: () => {}, here: () => new Set(['BTC/USD']) },
    resolve: () => ({ kind: 'trading', symbol: 'BTCUSDT' }),
    levelOf: () => 'live',
    metrics: () => [],
  }
  const server = served.createServer({ clock, config, doors: () => doors })
  speakMore(server, clock, config)
  const url = await served.listen(server, config)
  const tail = '"price":"61837.64000000","receivedAt":1,"source":"websocket","level":"live","cached":false}'
  let sequence = 0
  setInterval(() => {
    sequence += 1
    const body = `"cause":"trade","pair":"BTC/USD","symbol":"BTCUSDT","tradeId":${sequence},${tail}`
    board.apply({ pair: 'BTC/USD', at: { epoch: 1, sequence }, prev: 0, cause: 'trade', body }, 1)
  }, 1000 / perSecond)
  process.on('message', () => process.send({ cpu: process.cpuUsage(), delivered: hub.counts().delivered, rss: process.memoryUsage.rss() }))
  console.log(url)
}

const path = '/v1/stream?pairs=BTC/USD'
const kinds = {
  'HTTP/1.1': url => {
    for (let count = 0; count < readers; count += 1) get(`${url}${path}`, { agent: false }, answer => answer.resume()).on('error', () => {})
  },
  'HTTP/2, 100 a connection': url => open2(url, 100),
  'HTTP/2, one a connection': url => open2(url, 1),
}

function open2(url, each) {
  for (let count = 0; count < readers; count += each) {
    const session = connect(url)
    session.on('error', () => {})
    for (let at = 0; at < each; at += 1) {
      const stream = session.request({ ':path': path })
      stream.on('error', () => {})
      stream.resume()
    }
  }
}

async function load(kind, url) {
  kinds[kind](url)
  await new Promise(() => {})
}

const self = fileURLToPath(import.meta.url)
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

async function round(kind) {
  const server = spawn('taskset', ['-c', '0', process.execPath, self, 'serve'], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const url = await new Promise(resolve => createInterface({ input: server.stdout }).once('line', resolve))
  const ask = async () => {
    server.send({})
    return (await once(server, 'message'))[0]
  }
  const client = spawn('taskset', ['-c', '1', process.execPath, self, 'load', kind, url], { stdio: 'inherit' })
  await pause(2500)
  const before = await ask()
  await pause(seconds * 1000)
  const after = await ask()
  client.kill('SIGKILL')
  server.kill('SIGKILL')
  await Promise.all([once(server, 'exit'), once(client, 'exit')])
  const micros = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system
  const delivered = after.delivered - before.delivered
  return { micros: micros / delivered, share: delivered / (readers * perSecond * seconds), megabytes: after.rss / 2 ** 20 }
}

const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

async function compare() {
  const results = Object.fromEntries(Object.keys(kinds).map(kind => [kind, []]))
  for (let at = 0; at < rounds; at += 1) for (const kind of Object.keys(kinds)) results[kind].push(await round(kind))
  const base = median(results['HTTP/1.1'].map(({ micros }) => micros))
  for (const [kind, all] of Object.entries(results)) {
    const of = name => median(all.map(one => one[name]))
    const share = Math.round(of('share') * 100)
    console.log(
      `${kind.padEnd(26)} ${of('micros').toFixed(1)} µs a delivery (× ${(of('micros') / base).toFixed(2)}), ${share} % delivered, ${Math.round(of('megabytes'))} MB`,
    )
  }
}

const [command, kind, url] = process.argv.slice(2)
if (command === 'serve') await serve()
else if (command === 'load') await load(kind, url)
else await compare()
