/**
 * What TICKCAST_GZIP saves and costs: readers of the same pairs, with and without it, and the bytes and processor time of a flush to each of
 * them. Before that some clients read each event of such a stream as it comes, while others join: curl, zlib, Node's fetch, npm eventsource.
 * `--readers N`, `--chromium PATH`: Chromium, too.
 */
import { fork, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

export const title = 'gzip, pressed once for all who read the same'

const load = path => import(new URL(`../../dist/src/${path}`, import.meta.url).href)

const walk = index => ({ index, price: 100 * (index + 1), volume: 12_000, tradeId: 3_735_683_259 })
let sequence = 1_929_777

function priceOf(one) {
  one.price *= 1 + (Math.random() - 0.5) / 5000
  one.volume += Math.random()
  one.tradeId += 1 + Math.floor(Math.random() * 3)
  sequence += 1 + Math.floor(Math.random() * 40)
  const at = Date.now()
  const [price, volume] = [one.price.toFixed(8), one.volume.toFixed(8)]
  const day = `"open24h":"${100 * (one.index + 1)}.01000000","high24h":"${111 * (one.index + 1)}.50000000","low24h":"${99 * (one.index + 1)}.02000000"`
  const change = `"change24h":"${(one.price - 100 * (one.index + 1)).toFixed(8)}","changePercent24h":"${(one.price / (one.index + 1) - 100).toFixed(3)}"`
  const book = `"bid":"${(one.price - 0.01).toFixed(8)}","ask":"${(one.price + 0.01).toFixed(8)}"`
  const told = `"pair":"P${one.index}/USD","symbol":"P${one.index}USDT","price":"${price}",${book},${day},"volume24h":"${volume}",${change}`
  const rest = `"tradeId":${one.tradeId},"exchangeTime":${at - 3},"receivedAt":${at},"source":"websocket","level":"live","cached":false`
  return `event: price\nid: 1795359980845000-${sequence}\ndata: {"cause":"trade",${told},${rest}}\n\n`
}

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

/** A server of one group, and `send` to all of it. */
async function serve(isPressed) {
  const [{ chunk }, { createPress }, { BareResponse }] = await Promise.all([
    load('board/frame.js'),
    load('http/press.js'),
    load('http/stream.js'),
  ])
  const outlets = new Set()
  const press = isPressed ? createPress() : { headers: {}, through: stream => stream }
  const cors = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', 'Access-Control-Allow-Origin': '*' }
  let bytes = 0
  const counted = ({ outlet, on }) => ({
    on,
    outlet: {
      write: frames => {
        for (const { length } of frames) bytes += length
        return outlet.write(frames)
      },
      end: () => outlet.end(),
      cut: () => outlet.cut(),
    },
  })
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      const bare = new BareResponse(socket, () => new Date().toUTCString()).open({ ...cors, ...press.headers })
      const { outlet, on } = press.through(outlets.size === 0 ? counted(bare) : bare)
      on({ drained: () => {}, closed: () => outlets.delete(outlet) })
      outlet.write([chunk('retry: 2000\n\n')])
      outlets.add(outlet)
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: server.address().port,
    readers: () => outlets.size,
    send: text => {
      const frames = [chunk(text)]
      for (const outlet of outlets) outlet.write(frames)
    },
    close: async () => {
      for (const outlet of outlets) outlet.cut()
      await new Promise(resolve => server.close(resolve))
      return bytes
    },
  }
}

async function measure({ isPressed, pairs, perSecond, readers, seconds }) {
  const server = await serve(isPressed)
  const load = fork(fileURLToPath(import.meta.url), ['load', String(server.port), String(readers)])
  while (server.readers() < readers) await wait(50)
  const walks = Array.from({ length: pairs }, (_, index) => walk(index))
  let flushes = 0
  const run = async ms => {
    const began = performance.now()
    for (let turn = 0; turn < (ms / 1000) * perSecond; turn += 1) {
      flushes += 1
      server.send(walks.map(priceOf).join(''))
      await wait(Math.max(0, began + ((turn + 1) * 1000) / perSecond - performance.now()))
    }
  }
  await run(1000)
  const used = process.cpuUsage()
  await run(seconds * 1000)
  const { user, system } = process.cpuUsage(used)
  const bytes = await server.close()
  load.kill()
  return { bytes: Math.round(bytes / flushes), microseconds: (user + system) / (seconds * perSecond) / readers }
}

const programs = {
  'curl --compressed': port => ['curl', ['-sN', '--compressed', `http://127.0.0.1:${port}/`]],
  'Python zlib': port => [
    'python3',
    [
      '-c',
      `import urllib.request,zlib,sys
r=urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:${port}/',headers={'Accept-Encoding':'gzip'}))
d=zlib.decompressobj(31)
while True:
    b=r.read1(65536)
    if not b: break
    sys.stdout.write(d.decompress(b).decode());sys.stdout.flush()`,
    ],
  ],
  "Node's fetch": port => [
    process.execPath,
    ['-e', `fetch('http://127.0.0.1:${port}/').then(async r=>{for await(const b of r.body)process.stdout.write(b)})`],
  ],
  'npm eventsource': port => [
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import{EventSource}from'eventsource';new EventSource('http://127.0.0.1:${port}/').addEventListener('price',e=>process.stdout.write('id: '+e.lastEventId+'\\n'+e.data+'\\n\\n'))`,
    ],
  ],
}

/** Readers of the same: from eight on they share what is pressed. */
const join = (port, count) =>
  Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
    return socket.on('data', () => {}).on('error', () => {})
  })

/** How many of 20 events a client told before the next was sent. */
async function read(name, [command, words]) {
  const server = await serve(true)
  const child = spawn(command, words(server.port), { stdio: ['ignore', 'pipe', 'ignore'] })
  child.on('error', () => {})
  let text = ''
  child.stdout.on('data', part => {
    text += part
  })
  for (let left = 200; left > 0 && server.readers() === 0; left -= 1) await wait(50)
  const others = join(server.port, 20)
  for (let left = 200; left > 0 && server.readers() < 21; left -= 1) await wait(10)
  const one = walk(0)
  let inTime = 0
  for (let turn = 0; turn < 20; turn += 1) {
    server.send(priceOf(one))
    for (let left = 100; left > 0 && !text.includes(`-${sequence}\n`); left -= 1) await wait(10)
    if (text.includes(`-${sequence}\n`) && text.includes(`"tradeId":${one.tradeId},`)) inTime += 1
  }
  child.kill()
  for (const other of others) other.destroy()
  void server.close()
  return { name, inTime }
}

/** Chromium's EventSource and fetch, through playwright-core. */
async function readInChromium(executablePath) {
  const { chromium } = await import('playwright-core')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  const results = []
  for (const how of ['EventSource', 'fetch']) {
    const server = await serve(true)
    const page = await browser.newPage()
    await page.evaluate(
      ([kind, url]) => {
        globalThis.text = ''
        const hear = part => {
          globalThis.text += part
        }
        const decoder = new TextDecoder()
        const pump = async reader => {
          for (let part = await reader.read(); !part.done; part = await reader.read()) hear(decoder.decode(part.value))
        }
        if (kind === 'fetch') void fetch(url).then(answer => pump(answer.body.getReader()))
        else new EventSource(url).addEventListener('price', event => hear(`id: ${event.lastEventId}\n${event.data}\n\n`))
      },
      [how, `http://127.0.0.1:${server.port}/`],
    )
    for (let left = 100; left > 0 && server.readers() === 0; left -= 1) await wait(50)
    const others = join(server.port, 20)
    for (let left = 200; left > 0 && server.readers() < 21; left -= 1) await wait(10)
    const one = walk(0)
    let inTime = 0
    for (let turn = 0; turn < 20; turn += 1) {
      server.send(priceOf(one))
      const isThere = () => page.evaluate(mark => globalThis.text.includes(mark), `-${sequence}\n`)
      for (let left = 50; left > 0 && !(await isThere()); left -= 1) await wait(10)
      if (await isThere()) inTime += 1
    }
    results.push({ name: `Chromium ${how}`, inTime })
    await page.close()
    for (const other of others) other.destroy()
    void server.close()
  }
  await browser.close()
  return results
}

export async function run({ quick = false, readers = 1000, chromium = '' } = {}) {
  const clients = []
  for (const [name, words] of Object.entries(programs)) {
    const [command] = words(0)
    clients.push(await read(name, [command, port => words(port)[1]]))
  }
  if (chromium !== '') clients.push(...(await readInChromium(chromium)))
  console.table(clients)
  const rows = []
  for (const [work, pairs, perSecond] of [
    ['1 pair, 20 a second', 1, 20],
    ['20 pairs together, 10 times a second', 20, 10],
  ])
    for (const isPressed of [false, true]) {
      const { bytes, microseconds } = await measure({ isPressed, pairs, perSecond, readers: Number(readers), seconds: quick ? 1 : 4 })
      rows.push({ work, gzip: isPressed ? 'on' : 'off', 'bytes a flush': bytes, 'µs a flush and reader': Number(microseconds.toFixed(2)) })
    }
  console.table(rows)
  return { clients, rows }
}

if (process.argv[2] === 'load')
  for (let left = Number(process.argv[4]); left > 0; left -= 100) {
    join(Number(process.argv[3]), Math.min(left, 100))
    await wait(20)
  }
