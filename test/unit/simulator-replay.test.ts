import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/clock.ts'
import { type ExchangeOptions, type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'

const RECORDED = join(import.meta.dirname, '../../../shared/data/frames')
const open: SimulatedExchange[] = []
const sockets: WebSocket[] = []
const folder = mkdtempSync(join(tmpdir(), 'tickcast-replay-'))

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await Promise.all(open.splice(0).map(exchange => exchange.close()))
})

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

async function start(options: Partial<ExchangeOptions>): Promise<SimulatedExchange> {
  const exchange = await startExchange({ clock: systemClock, symbols: 60, ...options })
  open.push(exchange)
  return exchange
}

/** The frames received so far, growing. */
async function listen(exchange: SimulatedExchange, path: string): Promise<string[]> {
  const socket = new WebSocket(exchange.wsUrl + path)
  sockets.push(socket)
  const texts: string[] = []
  socket.on('message', received => texts.push(received.toString()))
  await new Promise((resolve, reject) => {
    socket.on('open', resolve)
    socket.on('error', reject)
  })
  return texts
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

const rest = async (exchange: SimulatedExchange, path: string): Promise<unknown> => (await fetch(exchange.restUrl + path)).json()

/** A made-up recording: a snapshot, then trades 10 ms apart with a quote after each. */
function recording(name: string, symbol: string, trades: number, from = 1_700_000_000_000): { path: string; lines: string[] } {
  const stream = symbol.toLowerCase()
  const lines: string[] = []
  for (let index = 0; index < trades; index++) {
    const at = from + index * 10
    lines.push(
      `{"stream":"${stream}@trade","data":{"e":"trade","E":${at},"s":"${symbol}","t":${500 + index},"p":"${100 + index}.50000000","q":"2.00000000","T":${at - 1},"m":true,"M":true}}`,
      `{"stream":"${stream}@bookTicker","data":{"u":${900 + index},"s":"${symbol}","b":"${index}.00000000","B":"1.00000000","a":"${index + 1}.00000000","A":"3.00000000"}}`,
    )
  }
  const path = join(folder, name)
  const numbered = lines.map((line, index) => `${from + Math.floor(index / 2) * 10}${String(index % 2).padStart(6, '0')} ${line}`)
  const text = `${from - 5}000000 {"lastUpdateId":1,"bids":[],"asks":[]}\n\n${numbered.join('\n')}\n`
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return { path, lines }
}

describe('a recording', () => {
  test('is played byte for byte and in its order, to raw sockets as bare payloads', async () => {
    const { path, lines } = recording('a.gz', 'AAAUSDT', 40)
    const exchange = await start({ replay: [path], hold: true })
    const combined = await listen(exchange, '/stream?streams=aaausdt@trade/aaausdt@bookTicker')
    const raw = await listen(exchange, '/ws/aaausdt@trade')
    const micro = await listen(exchange, '/ws/aaausdt@trade?timeUnit=microsecond')
    expect(exchange.replay.state).toBe('waiting')
    exchange.replay.start()
    await until(() => combined.length === 80 && raw.length === 40, 'all frames')
    expect(combined).toEqual(lines)
    const payloads = lines.filter(line => line.includes('@trade')).map(line => line.slice(line.indexOf('"data":') + 7, -1))
    expect(raw).toEqual(payloads)
    expect(micro[0]).toBe(payloads[0]?.replace('1700000000000', '1700000000000000').replace('1699999999999', '1699999999999000'))
    expect([exchange.replay.state, exchange.replay.sent]).toEqual(['finished', 80])
  })

  test('starts with the first subscription to one of its streams, not with another', async () => {
    const { path, lines } = recording('b.txt', 'BBBUSDT', 3)
    const exchange = await start({ replay: [path], rate: 40 })
    const other = await listen(exchange, '/ws/btcusdt@trade')
    await until(() => other.length > 3, 'trades of the seeded market')
    expect(exchange.replay.state).toBe('waiting')
    const texts = await listen(exchange, '/stream?streams=bbbusdt@trade/bbbusdt@bookTicker/bbbusdt@ticker')
    await until(() => texts.length === 6, 'all frames')
    expect(texts).toEqual(lines)
  })

  test('two files are merged by receive time, and takes as long as recorded', async () => {
    const [first, second] = [recording('c.gz', 'CCCUSDT', 20), recording('d.gz', 'DDDUSDT', 20, 1_700_000_000_105)]
    const exchange = await start({ replay: [first.path, second.path], hold: true, speed: 2 })
    const texts = await listen(exchange, '/stream?streams=cccusdt@trade/dddusdt@trade')
    const startedAt = performance.now()
    exchange.replay.start()
    await until(() => texts.length === 40, 'all trades')
    expect(performance.now() - startedAt).toBeGreaterThan(145)
    const times = texts.map(text => (JSON.parse(text) as { data: { T: number } }).data.T)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  test('is what REST tells of its symbols: newly listed before the first trade, then the last one replayed', async () => {
    const { path } = recording('e.gz', 'EEEUSDT', 4)
    const exchange = await start({ replay: [path], hold: true })
    const day = '/api/v3/ticker/24hr?symbol=EEEUSDT'
    expect(await rest(exchange, day)).toMatchObject({ lastPrice: '0.00000000', firstId: -1, lastId: -1, count: 0 })
    expect(await rest(exchange, '/api/v3/exchangeInfo?symbol=EEEUSDT')).toMatchObject({
      symbols: [{ baseAsset: 'EEE', quoteAsset: 'USDT' }],
    })
    await fetch(`${exchange.restUrl}/sim/replay/start`, { method: 'POST' })
    await until(() => exchange.replay.state === 'finished', 'the end')
    expect(await rest(exchange, day)).toMatchObject({
      lastPrice: '103.50000000',
      openPrice: '100.50000000',
      highPrice: '103.50000000',
      volume: '8.00000000',
      bidPrice: '3.00000000',
      askQty: '3.00000000',
      closeTime: 1_700_000_000_029,
      firstId: 500,
      lastId: 503,
      count: 4,
    })
    expect(await rest(exchange, '/api/v3/ticker/price?symbol=EEEUSDT')).toEqual({ symbol: 'EEEUSDT', price: '103.50000000' })
    expect(await rest(exchange, '/api/v3/trades?symbol=EEEUSDT&limit=2')).toMatchObject([{ id: 502 }, { id: 503 }])
    expect(await rest(exchange, '/api/v3/aggTrades?symbol=EEEUSDT&fromId=501&limit=1')).toMatchObject([{ a: 501, f: 501, l: 501 }])
  })

  test('that is missing is said so', async () => {
    await expect(start({ replay: [join(folder, 'none.gz')] })).rejects.toThrow('none.gz')
  })

  test('that is something else is said so', async () => {
    const path = join(folder, 'else')
    for (const text of ['', '# Some text\n\n1 {"stream":\n', 'no {"stream":"a@trade","data":{}}\n', '\x1f\x8b and no more']) {
      writeFileSync(path, text, 'latin1')
      await expect(start({ replay: [path] }), text).rejects.toMatchObject({ code: 'ENORECORDING', message: expect.stringContaining(path) })
    }
  })
})

const files = [join(RECORDED, 'btcusdt_20240808.gz'), join(RECORDED, 'ethusdt_20240808.gz')]

if (files.every(file => existsSync(file))) {
  test('six minutes of the real exchange at speed 50 arrive whole, in order, unchanged', { timeout: 30_000 }, async () => {
    const exchange = await start({ replay: files, speed: 50, hold: true })
    const names = ['btcusdt', 'ethusdt'].flatMap(symbol => [`${symbol}@trade`, `${symbol}@bookTicker`, `${symbol}@depth@100ms`])
    const texts = await listen(exchange, `/stream?streams=${names.join('/')}`)
    exchange.replay.start()
    await until(() => exchange.replay.state === 'finished' && texts.length === exchange.replay.sent, 'the end')
    for (const [index, symbol] of ['btcusdt', 'ethusdt'].entries()) {
      const lines = gunzipSync(readFileSync(files[index] ?? ''))
        .toString()
        .split('\n')
        .map(line => line.slice(line.indexOf(' ') + 1))
      const sent = texts.filter(text => text.startsWith(`{"stream":"${symbol}@`))
      const recorded = lines.filter(line => line.startsWith('{"stream":"'))
      // Not toEqual: printing the difference of 40,000 lines takes minutes.
      expect(sent.length).toBe(recorded.length)
      expect(sent.findIndex((text, at) => text !== recorded[at])).toBe(-1)
      expect(sent.filter(text => text.includes('@trade"')).length).toBe(symbol === 'btcusdt' ? 9757 : 6106)
    }
  })
} else {
  test.skipIf(!process.env.CI)('the recorded frames are at ../shared/data/frames, so the replay of the real exchange can be tested', () => {
    expect.fail(`no recordings at ${RECORDED}; with CI set nothing may be skipped`)
  })
}
