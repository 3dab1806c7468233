/**
 * What an exchange feed does under faults, ours beside four others on the same replay: how long until data flows again, what was lost, and
 * whether subscribing keeps the exchange's rules. `npm run build`, then `npm run bench -- exchange [--watch SECONDS] [--only NAME]`.
 *
 * The others are run by ../shared/clients as they stand; their packages go into the user's cache, never into the project.
 */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const title = 'the feed under faults, beside four other clients'

const pathOf = relative => fileURLToPath(new URL(relative, import.meta.url))
const shared = pathOf('../../../shared')
const peersHome = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tickcast-peers')
const peers = ['tardis', 'siebly', 'binance-spot', 'ccxt']
const packages = ['ws', '@binance/spot', 'binance', 'ccxt', 'tardis-dev@13']
const faults = {
  kill: 'connection cut',
  close1008: 'close 1008',
  silent: 'alive, no data',
  blackhole: 'black hole',
  shutdown: 'serverShutdown: next connection',
}
/** Faults after which most are back within seconds: the median of three. The others' probe looks every 50 ms, and from 100 ms on. */
const quick = ['kill', 'close1008']
const subscribers = ['tardis', 'siebly', 'binance-spot-bulk', 'binance-spot-each', 'ccxt']

/** The last line that `command` prints, as JSON; undefined when it failed. */
const askProcess = (file, args, options = {}) =>
  new Promise(resolve => {
    execFile(process.execPath, [file, ...args], { timeout: 120_000, maxBuffer: 1 << 26, ...options }, (_error, stdout) => {
      const line = stdout.trim().split('\n').at(-1) ?? ''
      try {
        resolve(JSON.parse(line))
      } catch {
        resolve(undefined)
      }
    })
  })

const npm = (args, cwd) => new Promise(resolve => execFile('npm', args, { cwd, timeout: 300_000 }, error => resolve(error === null)))

/** The peers, ready to run; or in one sentence why they are not. */
async function preparePeers() {
  const clients = join(shared, 'clients')
  if (!existsSync(join(clients, 'probe.mjs'))) return `${clients} is not there: ours alone, against our simulated exchange.`
  mkdirSync(peersHome, { recursive: true })
  for (const name of readdirSync(clients)) if (name.endsWith('.mjs')) cpSync(join(clients, name), join(peersHome, name), { force: true })
  const isInstalled = packages.every(name => existsSync(join(peersHome, 'node_modules', name.replace('@13', ''))))
  if (isInstalled) return undefined
  console.log(`installing ${packages.join(', ')} into ${peersHome}`)
  if (!existsSync(join(peersHome, 'package.json'))) await npm(['init', '-y'], peersHome)
  const isDone = await npm(['install', '--no-audit', '--no-fund', ...packages], peersHome)
  return isDone
    ? undefined
    : `the packages of the others could not be installed into ${peersHome}: ours alone, against our simulated exchange.`
}

const peerEnvironment = {
  ...process.env,
  FRAMES: join(shared, 'data/frames/btcusdt_20240808.gz'),
  EXCHANGE_INFO: join(shared, 'data/symbols/exchangeInfo_binance_trimmed.json'),
}
const askPeer = (script, args) => askProcess(join(peersHome, script), args.map(String), { cwd: peersHome, env: peerEnvironment })

const seconds = (ms, watchMs) => (ms === undefined ? 'failed' : ms === null ? `never (${watchMs / 1000} s)` : `${(ms / 1000).toFixed(2)} s`)

function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => String(row[column] ?? '').length)))
  for (const [at, row] of rows.entries()) {
    console.log(`| ${row.map((cell, column) => String(cell ?? '').padEnd(widths[column])).join(' | ')} |`)
    if (at === 0) console.log(`|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`)
  }
  console.log('')
}

/** In between them; undefined and null, which is never, stand at the end. */
function median(times) {
  const sorted = [...times].sort((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
  return sorted[Math.floor((sorted.length - 1) / 2)]
}

/** How many times as fast as the best of the others. */
function ratio(ours, others) {
  const best = Math.min(...others.map(ms => ms ?? Number.POSITIVE_INFINITY))
  if (typeof ours !== 'number') return '-'
  return best === Number.POSITIVE_INFINITY ? 'only ours' : `${(best / Math.max(1, ours)).toFixed(1)} ×`
}

export async function run(options = {}) {
  const watchMs = Number(options.watch ?? (options.quick ? 6 : 20)) * 1000
  const isWanted = name => options.only === undefined || options.only === name
  const absent = await preparePeers()
  if (absent !== undefined) console.log(absent)
  const others = absent === undefined && options.alone !== true ? peers : []
  const ours = more => {
    const clients = absent === undefined ? { clients: peersHome } : {}
    return askProcess(pathOf('exchange/ours.mjs'), [JSON.stringify({ dist: pathOf('../../dist'), ...clients, watchMs, ...more })], {
      env: peerEnvironment,
    })
  }
  const figures = { faults: {}, pongs: {}, subscribing: {} }

  const timed = [['time to data again', 'ours', ...others, 'best of them / ours', 'ours: lost, twice']]
  for (const [fault, what] of Object.entries(faults)) {
    if (!isWanted(fault)) continue
    // Who is back at once waits for the next trade of the recording, which is a matter of luck.
    const rounds = quick.includes(fault) && !options.quick ? 3 : 1
    const runs = { ours: [], ...Object.fromEntries(others.map(client => [client, []])) }
    for (let round = 0; round < rounds; round += 1) {
      runs.ours.push(await ours({ task: fault }))
      // Side by side: they wait most of the time.
      const theirs = await Promise.all(others.map(client => askPeer('probe.mjs', [client, fault, watchMs])))
      for (const [at, client] of others.entries()) runs[client].push(theirs[at])
    }
    figures.faults[fault] = runs
    const [mine, ...times] = Object.values(runs).map(of => median(of.map(one => one?.recovered_ms)))
    const sum = name => runs.ours.reduce((total, one) => total + (one?.[name] ?? Number.NaN), 0)
    const cells = [mine, ...times].map(ms => seconds(ms, watchMs))
    timed.push([what, ...cells, others.length > 0 ? ratio(mine, times) : '-', `${sum('missing_trades')}, ${sum('dups')}`])
  }
  if (timed.length > 1) print(timed)

  if (isWanted('pong')) {
    const theirs = await Promise.all(others.map(client => askPeer('pong.mjs', [client])))
    const mine = await ours({ task: 'pong' })
    figures.pongs = { ours: mine?.pongs, ...Object.fromEntries(others.map((client, at) => [client, theirs[at]?.pongs?.length])) }
    print([
      ['', 'ours', ...others],
      ['pongs per server ping', mine?.pongs ?? 'failed', ...others.map(client => figures.pongs[client] ?? 'failed')],
    ])
  }

  for (const streams of [300, 1500]) {
    if (!isWanted('subscribe')) continue
    const clients = others.length > 0 ? subscribers : []
    const [mine, ...theirs] = await Promise.all([
      ours({ task: 'subscribe', streams }),
      ...clients.map(client => askPeer('burst.mjs', [client, streams])),
    ])
    figures.subscribing[streams] = { ours: mine, ...Object.fromEntries(clients.map((client, at) => [client, theirs[at]])) }
    const columns = ['connections', 'subscribe_msgs', 'max_per_1s_all_conns', 'max_params', 'max_bytes']
    const row = (name, one) => [name, ...columns.map(column => one?.[column] ?? '-')]
    print([
      [`${streams} streams`, 'connections', 'messages', 'most in 1 s', 'most names', 'most bytes'],
      row(`ours: ${mine?.subscribed ?? '?'} subscribed, ${mine?.most_on_a_socket ?? '?'} on a socket`, mine),
      ...clients.map((client, at) => row(client, theirs[at])),
    ])
  }
  return { title, watchMs, alone: absent ?? (others.length === 0 ? 'asked for alone' : undefined), ...figures }
}
