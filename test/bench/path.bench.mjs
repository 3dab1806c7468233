/**
 * The whole path of a price: from the exchange's frame, over the leader and Redis, to readers of a follower, hop by hop, beside the fan-out
 * alone. A thousand readers of 20 pairs, 2,000 frames a second; the follower has a core of its own. Times are whole milliseconds, cut off: each is
 * up to one too long. Starts itself again as the exchange: `node path.bench.mjs DIST PORT`. Needs redis-server and what `fanout` needs.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { loadCore, serverCore, startOurs } from './fanout/servers.mjs'
import { buildTools } from './fanout/tools.mjs'

export const title = 'a price from the exchange to the readers of a follower, hop by hop'

const [readers, perSecond, seconds] = [1000, 2000, 6]
/** What the README says, with a margin: ms above the fan-out alone, in the middle; ms in all, for 99 of 100. */
const [aboveMax, p99Max] = [3, 48]
const bases = 'BTC ETH BNB SOL XRP ADA DOGE TRX LTC LINK AVAX DOT'.split(' ')
const file = fileURLToPath(import.meta.url)
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

if (process.argv[1] === file) {
  const [, , dist, port] = process.argv
  const load = path => import(new URL(path, pathToFileURL(`${dist}/`)).href)
  const { systemClock: clock } = await load('src/clock.js')
  const { startExchange } = await load('src/simulator/exchange.js')
  const exchange = await startExchange({ clock, port: Number(port), rate: 1e-9 })
  // Beyond whatever trades the exchange has invented itself.
  let [sent, due, tradeId] = [0, 0, 1e12]
  const tick = () => {
    for (const now = Date.now(); due <= now; due += 1000 / perSecond) {
      const symbol = `${bases[sent % bases.length]}USDT`
      if (sent % bases.length === 0) tradeId += 1
      const [stream, at] = [`${symbol.toLowerCase()}@trade`, Date.now()]
      const trade = `{"e":"trade","E":${at},"s":"${symbol}","t":${tradeId},"p":"61234.56000000","q":"0.04210000","T":${at},"m":false,"M":true}`
      exchange.inject(`{"stream":"${stream}","data":${trade}}`, stream)
      sent += 1
    }
    setTimeout(tick, 1)
  }
  process.on('message', () => {
    due = Date.now()
    tick()
  })
  process.on('disconnect', () => process.exit(0))
  process.send('ready')
}

export async function run({ dist = 'dist', quick, rounds: wanted = 5 }) {
  const tools = buildTools()
  if (tools.missing !== undefined) {
    console.log(`${tools.missing} Nothing is measured without it.`)
    return {}
  }
  const taken = []
  for (let round = 0; round < (quick ? 1 : Number(wanted)); round += 1)
    taken.push({ ...(await wholePath(dist, tools.load)), ...(await fanOutAlone(dist, tools.load)) })
  const names = Object.keys(taken[0])
  const middle = name => taken.map(sample => sample[name]).sort((a, b) => a - b)[Math.floor(taken.length / 2)]
  const figures = Object.fromEntries(names.map(name => [name, middle(name)]))
  for (const name of names) console.log(`${name.padEnd(34)} ${figures[name].toFixed(1).padStart(7)}`)
  const above = figures['to 1,000 readers, p50 ms'] - figures['fan-out alone, p50 ms']
  console.log(`${'above the fan-out alone, p50 ms'.padEnd(34)} ${above.toFixed(1).padStart(7)}`)
  const broken = []
  if (above > aboveMax) broken.push(`the whole path takes ${above.toFixed(1)} ms more than the fan-out alone, not ${aboveMax}`)
  const p99 = figures['to 1,000 readers, p99 ms']
  if (p99 > p99Max) broken.push(`of the whole path p99 is ${p99.toFixed(1)} ms, not ${p99Max}`)
  return { figures, above, broken: quick ? [] : broken }
}

const started = new Set()
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})
function start(core, program, args, options) {
  const child = spawn('taskset', ['-c', core, program, ...args], { stdio: 'ignore', ...options })
  started.add(child)
  return child
}

async function until(what, isSo) {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await isSo().catch(() => false)) return
    await pause(100)
  }
  throw new Error(`not so after half a minute: ${what}`)
}

async function wholePath(dist, load) {
  const port = 23_000 + Math.floor(Math.random() * 5000)
  const [redisPort, exchangePort, leaderPort, followerPort] = [port, port + 1, port + 2, port + 3]
  const redis = start(loadCore, 'redis-server', ['--port', String(redisPort), '--save', '', '--appendonly', 'no'])
  const exchange = start(loadCore, process.execPath, [file, dist, String(exchangePort)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await new Promise(resolve => exchange.once('message', resolve))
  const serve = (core, own, more) =>
    start(core, process.execPath, [`${dist}/src/main.js`, 'serve'], {
      env: {
        ...process.env,
        REDIS_URL: `redis://127.0.0.1:${redisPort}`,
        TICKCAST_EXCHANGE_WS_URLS: `ws://127.0.0.1:${exchangePort}`,
        TICKCAST_EXCHANGE_REST_URLS: `http://127.0.0.1:${exchangePort}`,
        TICKCAST_STREAMS: 'trade',
        TICKCAST_JOINS_PER_SECOND: '0',
        PORT: String(own),
        ...more,
      },
    })
  const path = `/v1/stream?mode=every&pairs=${bases.map(base => `${base}/USD`).join()}`
  const has = (own, role) => async () => (await (await fetch(`http://127.0.0.1:${own}/v1/status`)).json()).role === role
  const leader = serve(loadCore, leaderPort, { TICKCAST_LEADER_ELIGIBLE: 'true' })
  await until('one leads', has(leaderPort, 'leader'))
  const follower = serve(serverCore, followerPort, { TICKCAST_LEADER_ELIGIBLE: 'false' })
  await until('one follows', has(followerPort, 'follower'))
  const read = (count, own, ts, more) =>
    readWith(load, { count, port: own, path, pid: follower.pid, ts, unit: 'ms', seq: 'symbol', ...more })
  try {
    // Somebody wants the pairs before the frames begin.
    const warm = read(1, followerPort, 'exchangeTime', { isFirst: true })
    await pause(1500)
    exchange.send('go')
    await warm
    const few = { leader: await read(1, leaderPort, 'receivedAt'), follower: await read(1, followerPort, 'receivedAt') }
    const many = await read(readers, followerPort, 'exchangeTime')
    return {
      'leader, to its only reader, p50 ms': few.leader.p50,
      'follower, to its only reader, p50 ms': few.follower.p50,
      'to 1,000 readers, p50 ms': many.p50,
      'to 1,000 readers, p99 ms': many.p99,
      'deliveries a second': many.perSecond,
      "follower's core, %": many.core,
    }
  } finally {
    for (const child of [follower, leader, exchange, redis]) child.kill('SIGKILL')
  }
}

async function fanOutAlone(dist, load) {
  const server = await startOurs({ dist })
  server.go({ rate: perSecond })
  try {
    const told = await readWith(load, { ...server, count: readers, pid: server.pids[0], ts: 'ts', unit: 'us', seq: 's' })
    return { 'fan-out alone, p50 ms': told.p50, 'fan-out alone, p99 ms': told.p99 }
  } finally {
    await server.stop()
  }
}

/** `isFirst`: trades are missing before the first of ours. */
async function readWith(program, { count, port, path, pid, ts, unit, seq, isFirst = false }) {
  const args = ['-c', String(count), '-w', '2', '-d', String(seconds), '--ts', ts, '--ts-unit', unit, '--count', 'tradeId', '--sample', '5']
  const child = start(
    loadCore,
    program,
    [...args, '--seq', 'tradeId', '--group', seq, '-p', path, '--pid', String(pid), `http://127.0.0.1:${port}/`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  let text = ''
  for await (const part of child.stdout) text += part
  const told = JSON.parse(text)
  if (told.seq.out_of_order > 0 || told.seq.dups > 0 || (told.seq.gaps > 0 && !isFirst))
    throw new Error(`sequences: ${JSON.stringify(told.seq)}`)
  return {
    p50: told.latency.p50_us / 1000,
    p99: told.latency.p99_us / 1000,
    perSecond: told.measured.updates_s,
    core: told.server.cpu_pct,
  }
}
