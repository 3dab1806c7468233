/**
 * The speed of the bus: what one instance publishes in a second, what a price costs Redis, what it costs a follower to hear one. Everything is
 * compared within one run, alternating, medians of five. Needs redis-server. Starts itself again as the follower: `node bus.bench.mjs DIST RECEIVER PORT`.
 */
import { fork, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Redis } from 'ioredis'

export const title = 'what the bus carries, and what it costs Redis and a follower'

const isChild = process.argv[1] === fileURLToPath(import.meta.url)
const [distFolder = 'dist', child, childPort] = isChild ? process.argv.slice(2) : []
const dist = pathToFileURL(`${distFolder}/`)
const load = path => import(new URL(path, dist).href)
const { systemClock: clock } = await load('src/clock.js')
const { names: namesOf } = await load('src/names.js')
const { connectCommands } = await load('src/redis.js')
const { createRedisBus } = await load('src/bus/redis-bus.js')
const { createPublisher } = await load('src/bus/publisher.js')
const { createRedisLease } = await load('src/leadership/redis-lease.js')
const { writeBody, writePayload, readPayload, receivedAtOf } = await load('src/price.js')
const { createBoard } = await load('src/board/board.js')

const rounds = 5
const published = 100_000
const heard = 200_000
const pairs = Array.from({ length: 20 }, (_, index) => `P${index}/USD`)
const names = namesOf()
const bodyOf = pair =>
  writeBody(
    {
      pair,
      symbol: 'BTCUSDT',
      price: '61837.64000000',
      bid: '61837.63000000',
      ask: '61837.65000000',
      tradeId: 3735683259,
      exchangeTime: 1723161253937,
      receivedAt: Date.now(),
      source: 'websocket',
    },
    'trade',
    'live',
  )

/** The channels, subscribed and counted with as little as the protocol allows: what a receiver cannot go below. */
function countByHand(port, got) {
  const socket = connect(port, '127.0.0.1')
  let rest = Buffer.alloc(0)
  socket.write(`HELLO 3\r\n${pairs.map(pair => `SUBSCRIBE ${names.channel(pair)}\r\n`).join('')}`)
  const number = (bytes, at) => {
    let value = 0
    for (; bytes[at] !== 13; at += 1) value = value * 10 + bytes[at] - 48
    return [value, at + 2]
  }
  socket.on('data', chunk => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (;;) {
      const start = bytes.indexOf('>3\r\n$7\r\nmessage\r\n$', at, 'latin1')
      if (start < 0 || bytes.indexOf('\n', start + 18) < 0) break
      const [channelLength, channelAt] = number(bytes, start + 18)
      const lengthAt = channelAt + channelLength + 3
      if (bytes.indexOf('\n', lengthAt) < 0) break
      const [length, payloadAt] = number(bytes, lengthAt)
      if (payloadAt + length + 2 > bytes.length) break
      at = payloadAt + length + 2
      got()
    }
    rest = bytes.subarray(at)
  })
  return new Promise(resolve => setTimeout(resolve, 300))
}

async function countByIoredis(port, got) {
  const redis = new Redis(port, '127.0.0.1', { protocol: 3 })
  redis.on('messageBuffer', got)
  await redis.subscribe(...pairs.map(names.channel))
}

/** `use` is what is done with each price. */
const countByFollowing = (port, use) =>
  new Promise(resolve => {
    const url = `redis://127.0.0.1:${port}`
    const bus = createRedisBus({ url, commands: undefined, clock, names })
    bus.follow(new Set(pairs), {
      subscribed: () => {},
      caughtUp: resolve,
      price: use,
      bulletin: () => {},
      lost: cause => console.error(cause),
    })
  })

const toBoard = got => {
  const board = createBoard(clock, () => {})
  return (_pair, payload) => {
    const update = readPayload(payload)
    board.apply(update, receivedAtOf(update.body))
    got()
  }
}

const receivers = {
  'by hand': countByHand,
  'bus.follow': countByFollowing,
  'bus.follow to the board': (port, got) => countByFollowing(port, toBoard(got)),
  ioredis: countByIoredis,
}

if (child !== undefined) {
  let count = 0
  let began
  const got = () => {
    if (count === 0) began = process.cpuUsage()
    count += 1
    if (count < heard) return
    const { user, system } = process.cpuUsage(began)
    process.send({ micros: (user + system) / heard })
    count = 0
  }
  await receivers[child](Number(childPort), got)
  process.send('ready')
}

export async function run() {
  const port = 21_000 + (process.pid % 9000)
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--save', '', '--appendonly', 'no', '--client-output-buffer-limit', 'pubsub 0 0 0'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await new Promise(resolve => server.stdout.on('data', chunk => String(chunk).includes('Ready to accept') && resolve()))
  try {
    const results = { publish: await benchPublish(port), receive: await benchReceive(port) }
    report(results)
    return results
  } finally {
    server.kill('SIGKILL')
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

async function cpuOf(redis) {
  const told = await redis.info('cpu')
  return ['used_cpu_user', 'used_cpu_sys'].reduce((sum, name) => sum + Number(new RegExp(`${name}:([\\d.]+)`).exec(told)[1]), 0)
}

async function benchPublish(port) {
  const url = `redis://127.0.0.1:${port}`
  const commands = connectCommands(url, { clock, note: () => {} })
  const bus = createRedisBus({ url, commands, clock, names })
  const lease = createRedisLease({ commands, names })
  const redis = new Redis(port, '127.0.0.1')
  await redis.ping()
  await new Promise(resolve => setTimeout(resolve, 200))
  const { epoch } = await lease.acquire({ id: 'bench', ttlMs: 600_000, floorEpoch: 0 })
  const publisher = createPublisher({ clock, bus, fenced: () => {}, note: (line, fields) => console.error(line, fields) })
  publisher.lead({ epoch, validUntil: Number.POSITIVE_INFINITY })
  const bodies = pairs.map(bodyOf)
  const payloads = pairs.map((pair, at) =>
    writePayload({ pair, at: { epoch, sequence: 1_000_000 }, prev: 1, cause: 'trade', body: bodies[at] }),
  )
  const ways = {
    'fenced, as the leader publishes': async () => {
      const until = publisher.counts().published + published
      for (let made = 0; publisher.counts().published < until; await new Promise(setImmediate))
        for (let at = 0; at < 400 && made < published && publisher.counts().waiting < 2000; at += 1, made += 1) {
          const pair = pairs[made % pairs.length]
          const position = publisher.next()
          publisher.publish({ pair, at: position, prev: publisher.link(pair, position), cause: 'trade', body: bodies[made % pairs.length] })
        }
    },
    'plain PUBLISH, pipelines of 200': async () => {
      const waiting = new Set()
      for (let made = 0; made < published; ) {
        const pipeline = redis.pipeline()
        for (let at = 0; at < 200; at += 1, made += 1)
          pipeline.publish(names.channel(pairs[made % pairs.length]), payloads[made % pairs.length])
        const sent = pipeline.exec().then(() => waiting.delete(sent))
        waiting.add(sent)
        if (waiting.size >= 4) await Promise.race(waiting)
      }
      await Promise.all(waiting)
    },
    'SET and PUBLISH, unfenced, pipelines of 200': async () => {
      const waiting = new Set()
      for (let made = 0; made < published; ) {
        const pipeline = redis.pipeline()
        for (let at = 0; at < 200; at += 1, made += 1) {
          pipeline.set(names.key(pairs[made % pairs.length]), payloads[made % pairs.length], 'PX', 86_400_000)
          pipeline.publish(names.channel(pairs[made % pairs.length]), payloads[made % pairs.length])
        }
        const sent = pipeline.exec().then(() => waiting.delete(sent))
        waiting.add(sent)
        if (waiting.size >= 4) await Promise.race(waiting)
      }
      await Promise.all(waiting)
    },
  }
  const taken = Object.fromEntries(Object.keys(ways).map(name => [name, []]))
  for (let round = -1; round < rounds; round += 1)
    for (const [name, way] of Object.entries(ways)) {
      const cpu = await cpuOf(redis)
      const own = process.cpuUsage()
      const began = performance.now()
      await way()
      const seconds = (performance.now() - began) / 1000
      const { user, system } = process.cpuUsage(own)
      const sample = {
        perSecond: published / seconds,
        redisMicros: (((await cpuOf(redis)) - cpu) * 1e6) / published,
        clientMicros: (user + system) / published,
      }
      if (round >= 0) taken[name].push(sample)
    }
  publisher.lead(undefined)
  await commands.close()
  redis.disconnect()
  const middle = (name, field) => median(taken[name].map(sample => sample[field]))
  return Object.fromEntries(
    Object.keys(ways).map(name => [
      name,
      {
        perSecond: Math.round(middle(name, 'perSecond')),
        redisMicros: middle(name, 'redisMicros'),
        clientMicros: middle(name, 'clientMicros'),
      },
    ]),
  )
}

async function benchReceive(port) {
  const redis = new Redis(port, '127.0.0.1')
  const taken = Object.fromEntries(Object.keys(receivers).map(name => [name, []]))
  let epoch = 1
  for (let round = -1; round < rounds; round += 1)
    for (const name of Object.keys(receivers)) {
      const follower = fork(fileURLToPath(import.meta.url), [distFolder, name, String(port)])
      const next = () => new Promise(resolve => follower.once('message', resolve))
      await next()
      const bodies = pairs.map(bodyOf)
      // Once to warm up, once to count.
      for (const isCounted of [false, true]) {
        const done = next()
        epoch += 1
        for (let made = 0; made < heard; ) {
          const pipeline = redis.pipeline()
          for (let at = 0; at < 200; at += 1, made += 1) {
            const pair = pairs[made % pairs.length]
            const prev = Math.max(0, made + 1 - pairs.length)
            pipeline.publish(names.channel(pair), `{"id":"${epoch}-${made + 1}","prev":${prev},${bodies[made % pairs.length]}`)
          }
          await pipeline.exec()
        }
        const { micros } = await done
        if (isCounted && round >= 0) taken[name].push(micros)
      }
      follower.kill('SIGKILL')
    }
  redis.disconnect()
  const floor = median(taken['by hand'])
  return Object.fromEntries(
    Object.entries(taken).map(([name, values]) => [name, { micros: median(values), ratio: median(values) / floor }]),
  )
}

function report({ publish, receive }) {
  const plain = publish['plain PUBLISH, pipelines of 200']
  console.log(`publishing ${published} prices of ${pairs.length} pairs, medians of ${rounds}\n`)
  console.log(`${''.padEnd(46)} ${'prices/s'.padStart(10)} ${'Redis µs'.padStart(9)} ${'× plain'.padStart(8)} ${'client µs'.padStart(10)}`)
  for (const [name, { perSecond, redisMicros, clientMicros }] of Object.entries(publish))
    console.log(
      `${name.padEnd(46)} ${String(perSecond).padStart(10)} ${redisMicros.toFixed(2).padStart(9)} ${(redisMicros / plain.redisMicros).toFixed(2).padStart(8)} ${clientMicros.toFixed(2).padStart(10)}`,
    )
  console.log(`\nhearing ${heard} prices, processor time of the follower\n`)
  for (const [name, { micros, ratio }] of Object.entries(receive))
    console.log(`${name.padEnd(46)} ${micros.toFixed(2).padStart(10)} µs ${ratio.toFixed(2).padStart(9)} × by hand`)
}
