/**
 * What one gzip stream for all readers of a group would save and cost. Readers in the same group have had the same bytes since the last one
 * joined, so a flush is compressed once, against that history as dictionary, and ends on a byte (Z_SYNC_FLUSH); a joiner gets a gzip header and
 * the history of all begins anew. `alone`: no history at all; `joins`: somebody joins at every second flush. First it is shown that curl, zlib,
 * Node's fetch and npm eventsource read each event of such a stream as it comes. `--readers N`, `--chromium PATH`.
 */
import { execFile, fork, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { constants, deflateRawSync } from 'node:zlib'

export const title = 'one gzip stream shared by a group'

/** RFC 1952: deflate, no name, no time, unknown system. */
const gzipHead = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
const windowBytes = 32 * 1024

/** Compresses what is due to all of a group; `forget` when somebody has joined. */
export function createPress() {
  let history = Buffer.alloc(0)
  return {
    press: bytes => {
      const dictionary = history.length > 0 ? { dictionary: history } : {}
      const pressed = deflateRawSync(bytes, { level: 1, finishFlush: constants.Z_SYNC_FLUSH, ...dictionary })
      history = Buffer.concat([history, bytes]).subarray(-windowBytes)
      return pressed
    },
    forget: () => {
      history = Buffer.alloc(0)
    },
  }
}

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

const chunked = bytes => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
const headOf = isPressed =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\nAccess-Control-Allow-Origin: *\r\n${isPressed ? 'Content-Encoding: gzip\r\n' : ''}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

/** A server of one group, and `send` to all of it. */
async function serve(kind) {
  const sockets = new Set()
  const { press, forget } = createPress()
  const isPressed = kind !== 'plain'
  const server = createServer(socket => {
    socket.setNoDelay(true)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.once('data', () => {
      socket.write(headOf(isPressed))
      if (isPressed) socket.write(chunked(gzipHead))
      forget()
      sockets.add(socket)
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  let flushes = 0
  return {
    port: server.address().port,
    sockets,
    send: text => {
      flushes += 1
      if (kind === 'alone' || (kind === 'joins' && flushes % 2 === 0)) forget()
      const frame = chunked(isPressed ? press(Buffer.from(text)) : Buffer.from(text))
      for (const socket of sockets) socket.write(frame)
      return frame.length
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

async function measure({ kind, pairs, perSecond, readers, seconds }) {
  const server = await serve(kind)
  const load = fork(fileURLToPath(import.meta.url), ['load', String(server.port), String(readers)])
  while (server.sockets.size < readers) await wait(50)
  const walks = Array.from({ length: pairs }, (_, index) => walk(index))
  const run = async (ms, count) => {
    let bytes = 0
    const began = performance.now()
    for (let turn = 0; turn < (ms / 1000) * perSecond; turn += 1) {
      bytes += server.send(walks.map(priceOf).join(''))
      await wait(Math.max(0, began + ((turn + 1) * 1000) / perSecond - performance.now()))
    }
    return count === 0 ? 0 : bytes / count
  }
  await run(1000, 0)
  const used = process.cpuUsage()
  const count = seconds * perSecond
  const bytes = await run(seconds * 1000, count)
  const { user, system } = process.cpuUsage(used)
  load.kill()
  server.close()
  return { bytes: Math.round(bytes), microseconds: (user + system) / count / readers }
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

/** How many of 20 events a client told before the next was sent. */
async function read(name, [command, words]) {
  const server = await serve('shared')
  const child = spawn(command, words(server.port), { stdio: ['ignore', 'pipe', 'ignore'] })
  child.on('error', () => {})
  let text = ''
  child.stdout.on('data', part => {
    text += part
  })
  for (let left = 200; left > 0 && server.sockets.size === 0; left -= 1) await wait(50)
  // Somebody else joins meanwhile.
  const other = execFile('curl', ['-sN', '--max-time', '5', `http://127.0.0.1:${server.port}/`], { encoding: 'buffer' }, () => {})
  const one = walk(0)
  let inTime = 0
  for (let turn = 0; turn < 20; turn += 1) {
    server.send(priceOf(one))
    for (let left = 100; left > 0 && !text.includes(`-${sequence}\n`); left -= 1) await wait(10)
    if (text.includes(`-${sequence}\n`) && text.includes(`"tradeId":${one.tradeId},`)) inTime += 1
  }
  child.kill()
  other.kill()
  server.close()
  return { name, inTime }
}

/** Chromium's EventSource and fetch, through playwright-core. */
async function readInChromium(executablePath) {
  const { chromium } = await import('playwright-core')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  const results = []
  for (const how of ['EventSource', 'fetch']) {
    const server = await serve('shared')
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
    for (let left = 100; left > 0 && server.sockets.size === 0; left -= 1) await wait(50)
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
    server.close()
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
    for (const kind of ['plain', 'alone', 'joins', 'shared']) {
      const { bytes, microseconds } = await measure({ kind, pairs, perSecond, readers: Number(readers), seconds: quick ? 1 : 4 })
      rows.push({ work, kind, 'bytes a flush': bytes, 'µs a flush and reader': Number(microseconds.toFixed(2)) })
    }
  console.table(rows)
  return { clients, rows }
}

if (process.argv[2] === 'load') {
  const { connect } = await import('node:net')
  for (let count = Number(process.argv[4]); count > 0; count -= 1) {
    const socket = connect(Number(process.argv[3]), '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
    socket.on('data', () => {}).on('error', () => {})
    if (count % 100 === 0) await wait(20)
  }
}
