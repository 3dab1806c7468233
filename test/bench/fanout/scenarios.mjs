/** What is compared. Each measures one server that has just been started, and returns figures; lower is better unless the name ends in PerSecond. */

import { readFileSync } from 'node:fs'

const stamps = ['--ts', 'ts', '--ts-unit', 'us', '--count', 'ts']
const sequences = ['--seq', 'tradeId', '--group', 's']
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** So many readers, so many updates a second to each. */
const steady =
  ({ readers, rate, isSequenced = true, seconds = 4, silent = 0, more = [] }) =>
  async (server, { load, isQuick }) => {
    const isCounted = isSequenced && server.path !== '/sse'
    const args = [
      '-c',
      String(readers),
      '-w',
      '2',
      '-d',
      String(isQuick ? 2 : seconds),
      ...stamps,
      ...(isCounted ? sequences : []),
      ...more,
    ]
    const afterMs = readers / 2 + 300
    const told = await load(args, { connected: () => server.go({ rate }), afterMs })
    if (told.connected < readers - silent) throw new Error(`${told.connected} of ${readers} connected`)
    if (isCounted && (told.seq.gaps > 0 || told.seq.dups > 0 || told.seq.out_of_order > 0))
      throw new Error(`sequences: ${JSON.stringify(told.seq)}`)
    return {
      micros: told.server.cpu_us_per_update,
      p50: told.latency.p50_us / 1000,
      p99: told.latency.p99_us / 1000,
      perSecond: told.measured.updates_s,
      core: told.server.cpu_pct,
      loadCore: told.self.cpu_pct,
    }
  }

const all = { bound: { kind: 'bound' }, ours: { kind: 'ours' }, nchan: { kind: 'nchan' }, 'better-sse': { kind: 'better-sse' } }

const residentKb = pid => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])

async function idle(server, { load, isQuick }) {
  const rss = () => server.pids.reduce((sum, pid) => sum + residentKb(pid), 0)
  const readers = isQuick ? 2000 : 10_000
  // A few first, so that what the first connection loads once is not counted.
  await load(['-c', '200', '-d', '1'])
  await server.look?.()
  const before = rss()
  const told = await load(['-c', String(readers), '-r', '4000', '-d', '4', '-w', '2'], {
    afterMs: readers / 4 + 3000,
    connected: () => void server.look?.(),
  })
  // On a busy machine the last ones may have come too late to be counted.
  if (told.connected !== readers) throw new Error(`${told.connected} of ${readers} connected`)
  const after = told.server.rss_kb
  return { kbPerReader: (after - before) / readers, baseMb: before / 1024 }
}

/** A thousand different fives of the twenty pairs, as paths; or the same one for all. */
const fives = isOwn =>
  Array.from({ length: isOwn ? 1000 : 1 }, (_, at) => {
    // Four pairs by the digits of a number, and a fifth by what they leave.
    const digits = [at % 4, 4 + (Math.floor(at / 4) % 4), 8 + (Math.floor(at / 16) % 4), 12 + (Math.floor(at / 64) % 4)]
    const five = [...digits, 16 + (Math.floor(at / 256) % 4)]
    return ['-p', `/v1/stream?mode=every&pairs=${five.map(pair => `P${pair}/USD`).join()}`]
  }).flat()

const sets = (server, { isOwn = false, ...rest }) => steady({ readers: 1000, rate: 1000, more: fives(isOwn) })(server, rest)

/** One in twenty stops reading, or all read. */
const stuck = async (server, { isStuck = false, load, isQuick }) => {
  const before = residentKb(server.pids[0])
  let most = 0
  const look = setInterval(() => {
    most = Math.max(most, residentKb(server.pids[0]))
  }, 250)
  const more = isStuck ? ['--slow', '0.05:1'] : []
  const figures = await steady({ readers: 1000, rate: 200, seconds: 8, isSequenced: false, silent: isStuck ? 50 : 0, more })(server, {
    load,
    isQuick,
  })
  clearInterval(look)
  return { p99: figures.p99, micros: figures.micros, grownMb: (most - before) / 1024 }
}

const storm =
  readers =>
  async (server, { load }) => {
    // Prices are there to be sent with the greeting.
    server.go({ rate: 20 })
    await pause(300)
    const told = await load(['-c', String(readers), '--storm', '-r', '0', '-t', '30'])
    return { seconds: told.all_first_event_s, failed: told.failed }
  }

export const scenarios = {
  'one-20': {
    title: '1,000 readers, 20 updates a second',
    figure: 'micros',
    servers: { ...all, 'stream-sse': { kind: 'stream-sse' } },
    measure: steady({ readers: 1000, rate: 20 }),
  },
  'one-100': {
    title: '1,000 readers, 100 updates a second',
    figure: 'micros',
    servers: all,
    measure: steady({ readers: 1000, rate: 100 }),
  },
  million: {
    title: '1,000 readers, 1,000 updates a second',
    figure: 'micros',
    servers: { bound: { kind: 'bound', windowMs: 10 }, ours: { kind: 'ours' }, nchan: { kind: 'nchan', batchMs: 10 } },
    measure: steady({ readers: 1000, rate: 1000, isSequenced: true }),
  },
  ten: {
    title: '10,000 readers, 2 updates a second',
    figure: 'p99',
    isLong: true,
    servers: all,
    measure: steady({ readers: 10_000, rate: 2, seconds: 5 }),
  },
  idle: { title: '10,000 readers that hear nothing: resident memory of each', figure: 'kbPerReader', servers: all, measure: idle },
  'storm-5000': {
    title: '5,000 readers at once, until the last has its first event',
    figure: 'seconds',
    servers: all,
    measure: storm(5000),
  },
  'storm-10000': {
    title: '10,000 readers at once, until the last has its first event',
    figure: 'seconds',
    isLong: true,
    servers: all,
    measure: storm(10_000),
  },
  'own-sets': {
    title: '1,000 readers, each with its own 5 of 20 pairs, beside 1,000 with the same 5; a window of 20 ms',
    figure: 'micros',
    servers: { 'same-sets': { kind: 'ours', windowMs: 20 }, ours: { kind: 'ours', windowMs: 20, isOwn: true } },
    measure: sets,
  },
  stuck: {
    title: '1,000 readers of 200 updates a second, of whom 50 never read, beside 1,000 who all read',
    figure: 'p99',
    servers: { 'all-read': { kind: 'ours' }, ours: { kind: 'ours', isStuck: true } },
    measure: stuck,
  },
}
