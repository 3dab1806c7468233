/**
 * How long the feed goes without data after each fault, over real sockets to the simulated exchange: the connection machine with the feed it
 * runs, streams trade and ticker of BTCUSDT; and what many streams cost. `npm run build`, then
 * `node test/bench/feed.bench.mjs [rounds] [dist] [only what contains]`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { createActor } from 'xstate'

const rounds = Number(process.argv[2] ?? 5)
const dist = pathToFileURL(`${process.argv[3] ?? 'dist'}/`)
const load = name => import(new URL(`src/${name}.js`, dist).href)
const { provideConnection } = await load('actors')
const { systemClock: clock } = await load('clock')
const { createFeed } = await load('exchange/feed')
const { createShards } = await load('exchange/shards')
const { startExchange } = await load('simulator/exchange')

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

async function until(look, withinMs) {
  for (const end = performance.now() + withinMs; performance.now() < end; await sleep(5)) if (look()) return true
  return false
}

async function play({ streams = ['trade', 'ticker'], symbols = ['BTCUSDT'], options = {} }, act) {
  const exchange = await startExchange({ clock, symbols: 1000, rate: 5, ...options })
  let lastAt = 0
  const actors = []
  const feed = createShards({
    clock,
    urls: [exchange.wsUrl],
    streams,
    note: () => {},
    beside: shards => shards.forEach(connect),
    tick: () => {
      lastAt = performance.now()
    },
  })
  const provided = provideConnection({ clock, rotateMs: 86_000_000, openSocket: feed.open })
  const machine = provided.provide({ actions: { tellDown: () => {} } })
  function connect(shard) {
    const actor = createActor(machine, { clock, input: { shard } })
    actors.push(actor)
    actor.start()
    actor.send({ type: 'connection.start' })
  }
  feed.want(new Set(symbols))
  connect(1)
  try {
    return await act({ exchange, feed, lastAt: () => lastAt })
  } finally {
    for (const actor of actors) {
      actor.send({ type: 'connection.stop' })
      actor.stop()
    }
    feed.stop()
    await exchange.close()
  }
}

/** Seconds from the fault to the first price over another connection. */
const outage = fault => () =>
  play({}, async ({ exchange, feed, lastAt }) => {
    await until(() => feed.counts().confirmed === 2, 5000)
    await sleep(1000 + Math.random() * 1000)
    const { ever } = exchange.stats().connections
    const began = performance.now()
    fault(exchange.faults)
    await until(() => exchange.stats().connections.ever > ever, 30_000)
    const openedAt = performance.now()
    await until(() => lastAt() >= openedAt, 30_000)
    return (lastAt() - began) / 1000
  })

/** Seconds until every stream has brought data. */
const joining = count => () =>
  play({ streams: ['ticker', 'miniTicker'], symbols: listed.slice(0, count / 2) }, async ({ exchange, feed }) => {
    const began = performance.now()
    const isDone = await until(() => feed.counts().confirmed === count, 40_000)
    const { violations } = exchange.stats()
    if (Object.keys(violations).length > 0) return `rules broken: ${JSON.stringify(violations)}`
    return isDone ? (performance.now() - began) / 1000 : `${feed.counts().confirmed} of ${count}`
  })

const listing = await startExchange({ clock, symbols: 1000 })
const listed = (await (await fetch(`${listing.restUrl}/api/v3/exchangeInfo`)).json()).symbols
  .filter(({ status }) => status === 'TRADING')
  .map(({ symbol }) => symbol)
await listing.close()

const pongs = () =>
  play({ options: { limits: { pingEveryMs: 500 } } }, async ({ exchange }) => {
    await sleep(5000)
    const { pings, pongs } = exchange.stats()
    return pongs.received / pings.sent
  })

/** Percent of a core for 1,000 pairs that do not trade and one that hardly does; the exchange is another process. */
async function idle() {
  const code = `
    const { startExchange } = await import('${new URL('src/simulator/exchange.js', dist)}')
    const { systemClock: clock } = await import('${new URL('src/clock.js', dist)}')
    console.log((await startExchange({ clock, rate: 0.1 })).wsUrl)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [told] = await once(child.stdout, 'data')
  const feed = createFeed({ clock, urls: [String(told).trim()], streams: ['trade'], note: () => {}, tick: () => {} })
  feed.want(new Set(['BTCUSDT', ...Array.from({ length: 1000 }, (_, at) => `QUIET${at}USDT`)]))
  const close = feed.open('a', () => {})
  await until(() => feed.counts().streams === 1001, 10_000)
  await sleep(2000)
  const began = process.cpuUsage()
  const beganAt = performance.now()
  await sleep(20_000)
  const { user, system } = process.cpuUsage(began)
  const percent = (user + system) / 10 / (performance.now() - beganAt)
  close()
  feed.stop()
  child.kill()
  return percent
}

const cases = [
  ['TCP reset', outage(faults => faults.reset()), 0.25],
  ['close 1008', outage(faults => faults.close(1008, 'Too many requests')), 1.5],
  ['socket alive, no data', outage(faults => faults.mute()), 5],
  ['black hole', outage(faults => faults.lose()), 5],
  ['pongs per server ping', pongs, 1],
  ['idle, % of a core', idle, 1],
  ['300 streams confirmed', joining(300), 5],
  ['1,500 streams confirmed', joining(1500), 20],
]
console.log('                          median      worst    wanted')
for (const [name, measure, wanted] of cases.filter(([name]) => name.includes(process.argv[4] ?? ''))) {
  const seen = []
  for (let round = 0; round < (/streams|pongs|idle/.test(name) ? 1 : rounds); round += 1) seen.push(await measure())
  const numbers = seen.filter(one => typeof one === 'number').sort((a, b) => a - b)
  const show = number => (number === undefined ? '-' : number.toFixed(2)).padStart(10)
  const odd = seen.find(one => typeof one === 'string') ?? ''
  console.log(`${name.padEnd(22)}${show(numbers[numbers.length >> 1])} ${show(numbers.at(-1))} ${show(wanted)}  ${odd}`)
}
process.exit(0)
