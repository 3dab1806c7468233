/** What is compared. Each measures one server that has just been started, and returns figures; lower is better unless the name ends in PerSecond. */

import { readFileSync } from 'node:fs'

const stamps = ['--ts', 'ts', '--ts-unit', 'us', '--count', 'ts']
const sequences = ['--seq', 'tradeId', '--group', 's']
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Nobody may see an older price after a newer one; nor, if every one is promised, miss one or see it twice. */
function checkOrder({ seq }, isEvery) {
  if (seq.out_of_order > 0 || seq.dups > 0 || (isEvery && seq.gaps > 0)) throw new Error(`sequences: ${JSON.stringify(seq)}`)
}

/** So many readers, so many updates a second to each. */
const steady =
  ({ readers, rate, seconds = 4, more = [] }) =>
  async (server, { load, isQuick }) => {
    const isChecked = server.path !== '/sse'
    const args = [
      '-c',
      String(readers),
      '-w',
      '2',
      '-d',
      String(isQuick ? 2 : seconds),
      ...stamps,
      ...(isChecked ? sequences : []),
      ...more,
    ]
    const told = await load(args, { connected: () => server.go({ rate }), afterMs: readers / 2 + 300 })
    if (told.connected < readers) throw new Error(`${told.connected} of ${readers} connected`)
    if (isChecked) checkOrder(told, true)
    return {
      micros: told.server.cpu_us_per_update,
      p50: told.latency.p50_us / 1000,
      p99: told.latency.p99_us / 1000,
      perSecond: told.measured.updates_s,
      core: told.server.cpu_pct,
      loadCore: told.self.cpu_pct,
    }
  }

/** Half as many updates again every two seconds, until no more arrive. One connection in ten is read closely: the load generator has a limit, too. */
const ramp = async (server, { load, isQuick }) => {
  const args = ['-c', '1000', '-w', '0', '-d', isQuick ? '8' : '14', '--sample', '10', ...stamps]
  const told = await load(args, { connected: () => server.go({ rate: 1500, factor: 1.5, step: 2 }), afterMs: 900 })
  const { updates_s: mostPerSecond } = told.timeline.reduce((most, second) => (second.updates_s > most.updates_s ? second : most))
  return { mostPerSecond, loadCore: told.self.cpu_pct }
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

/** First all read, then one in twenty never does: what the others notice, and what the server holds for each of those. */
const stuck =
  ({ mode, rate, seconds }) =>
  async (server, { load, isQuick }) => {
    const run = async more => {
      let mostKb = 0
      const look = setInterval(() => {
        mostKb = Math.max(mostKb, residentKb(server.pids[0]))
      }, 250)
      const path = server.path.replace('mode=every', `mode=${mode}`)
      const args = ['-c', '1000', '-w', '2', '-d', String(isQuick ? 4 : seconds), ...stamps, ...sequences, '-p', path, ...more]
      const told = await load(args)
      clearInterval(look)
      checkOrder(told, mode === 'every' && more.length === 0)
      return { p99: told.latency.p99_us / 1000, mostKb }
    }
    server.go({ rate })
    // The first one warms up: memory grows to what such a load needs.
    await run([])
    const before = await run([])
    const after = await run(['--slow', `${stuckReaders / 1000}:1`])
    return {
      p99All: before.p99,
      p99: after.p99,
      p99Ratio: after.p99 / before.p99,
      kbPerStuck: Math.max(0, after.mostKb - before.mostKb) / stuckReaders,
    }
  }
const stuckReaders = 50

/** Two hundred are there already and go on reading five prices a second while the others come all at once. */
const storm =
  readers =>
  async (server, { load }) => {
    server.go({ rate: 5 })
    const there = load(['-c', '200', '-r', '0', '-w', '1', '-d', '6', ...stamps, ...(server.path === '/sse' ? [] : sequences)])
    await pause(1800)
    const told = await load(['-c', String(readers), '--storm', '-r', '0', '-t', '30'])
    const { timeline, seq } = await there
    if (server.path !== '/sse') checkOrder({ seq }, true)
    return {
      seconds: told.all_first_event_s,
      failed: told.failed,
      p99There: Math.max(...timeline.map(second => second.p99_us)) / 1000,
    }
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
    measure: steady({ readers: 1000, rate: 1000 }),
  },
  ramp: {
    title: '1,000 readers, more and more updates: the most that arrived in a second',
    figure: 'mostPerSecond',
    servers: { bound: { kind: 'bound', windowMs: 10 }, ours: { kind: 'ours' }, nchan: { kind: 'nchan', batchMs: 10 } },
    measure: ramp,
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
  'own-sets-20': {
    title: '1,000 readers, each with its own 5 of 20 pairs, beside 1,000 with the same 5; fed every 20 ms',
    figure: 'micros',
    servers: { 'same-sets': { kind: 'ours', batchMs: 20 }, ours: { kind: 'ours', batchMs: 20, isOwn: true } },
    measure: sets,
  },
  'own-sets-100': {
    title: 'the same, fed every 100 ms',
    figure: 'micros',
    servers: { 'same-sets': { kind: 'ours', batchMs: 100 }, ours: { kind: 'ours', batchMs: 100, isOwn: true } },
    measure: sets,
  },
  stuck: {
    title: '1,000 readers of 200 updates a second, first all reading, then 50 of them never',
    figure: 'p99',
    servers: { ours: { kind: 'ours' } },
    measure: stuck({ mode: 'every', rate: 200, seconds: 8 }),
  },
  'stuck-latest': {
    title: 'the same with 200,000 updates in 25 seconds, of which each gets the latest',
    figure: 'p99',
    isLong: true,
    servers: { ours: { kind: 'ours' } },
    measure: stuck({ mode: 'latest', rate: 8000, seconds: 25 }),
  },
}
