import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import type { ConnectionEvent, Link } from '../../machines/connection.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { openSocket } from '../../src/exchange/binance.ts'
import { type StreamKind, streamKinds, type Tick } from '../../src/exchange/exchange.ts'
import { createFeed, type Feed } from '../../src/exchange/feed.ts'
import { createHosts } from '../../src/exchange/hosts.ts'
import { type ExchangeOptions, type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { itWithRecordings, recorded } from '../support/recordings.ts'
import { until } from '../support/until.ts'

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function simulated(options: Partial<ExchangeOptions> = {}): Promise<SimulatedExchange & { readonly codes: number[] }> {
  const codes: number[] = []
  const note = (_line: string, fields: object = {}): void => {
    if ('code' in fields) codes.push(Number(fields.code))
  }
  const exchange = await startExchange({ clock: systemClock, symbols: 400, rate: 5, note, ...options })
  endings.push(() => exchange.close())
  return Object.assign(exchange, { codes })
}

/** Answers every upgrade with this status. */
async function turnsAway(status: number): Promise<string> {
  const server = createServer()
  server.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  endings.push(() => server.close())
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An exchange that lets a client on a hurried clock say as much as it likes. */
const unhurried = { limits: { messagesPerSecond: 1000 } }

/** The system's clock, so many times as fast, that can be set forward. While a busy machine lets us stand still it nearly does, too. */
function hurried(times: number): Clock & { skip(ms: number): void } {
  const stepMaxMs = 30
  let skipped = 0
  let readAt = systemClock.now()
  let passed = 0
  return {
    ...systemClock,
    now: () => {
      const at = systemClock.now()
      passed += Math.min(at - readAt, stepMaxMs) * times
      readAt = at
      return passed + skipped
    },
    setTimeout: (then, ms) => systemClock.setTimeout(then, ms / times),
    skip: ms => {
      skipped += ms
    },
  }
}

type Told = ConnectionEvent & { readonly at: number }

interface Rig {
  readonly feed: Feed
  readonly ticks: Tick[]
  readonly told: Told[]
  open(link?: Link): () => void
  tales(): string[]
}

function rig(urls: readonly string[], { clock = systemClock as Clock, streams = ['trade', 'ticker'] as readonly StreamKind[] } = {}): Rig {
  const ticks: Tick[] = []
  const told: Told[] = []
  const feed = createFeed({ clock, urls, streams, note: () => {}, tick: tick => ticks.push(tick) })
  endings.push(() => feed.stop())
  return {
    feed,
    ticks,
    told,
    tales: () => told.map(({ type }) => type),
    open: (link = 'a') => {
      const close = feed.open(link, event => told.push({ ...event, at: systemClock.now() }))
      endings.push(close)
      return close
    },
  }
}

const symbolsOf = (...names: string[]): Set<string> => new Set(names)
const flows = (here: Rig): Promise<unknown> =>
  until('ticks flow on all streams', () => here.feed.counts().confirmed === here.feed.counts().streams && here.ticks.length > 5)

describe('a socket tells', () => {
  for (const [name, fail, cause] of [
    ['is reset', (exchange: SimulatedExchange) => exchange.faults.reset(), /^closed with 1006$/],
    ['is cut', (exchange: SimulatedExchange) => exchange.faults.kill(), /^closed with 1006$/],
    [
      'is closed',
      (exchange: SimulatedExchange) => exchange.faults.close(1008, 'Too many requests'),
      /^closed with 1008 Too many requests$/,
    ],
  ] as const) {
    it(`that it is open, and once that it is over when it ${name}`, async () => {
      const exchange = await simulated()
      const here = rig([exchange.wsUrl])
      here.feed.want(symbolsOf('BTCUSDT'))
      here.open()
      await until('a tick came', () => here.ticks.length > 0)
      expect(here.feed.counts()).toMatchObject({ sockets: 1, host: exchange.wsUrl, streams: 2, garbage: 0 })
      fail(exchange)
      await until('it is over', () => here.tales().includes('socket.closed'))
      const ticks = here.ticks.length
      here.feed.want(symbolsOf('BTCUSDT', 'ETHUSDT'))
      await until('the exchange has noticed', () => exchange.stats().connections.now === 0)
      expect(here.told).toMatchObject([
        { type: 'socket.opened', link: 'a' },
        { type: 'socket.closed', link: 'a', cause: expect.stringMatching(cause) },
      ])
      expect('isViolation' in (here.told[1] ?? {})).toBe(name === 'is closed')
      expect(here.ticks.length).toBe(ticks)
    })
  }

  it('once that the exchange is leaving, and goes on until it does', async () => {
    const exchange = await simulated()
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT'))
    here.open()
    await flows(here)
    exchange.faults.shutdown(300)
    await until('it is leaving', () => here.tales().includes('socket.leaving'))
    const ticks = here.ticks.length
    await until('it has left', () => here.tales().includes('socket.closed'))
    expect(here.ticks.length).toBeGreaterThan(ticks)
    expect(here.tales()).toEqual(['socket.opened', 'socket.leaving', 'socket.closed'])
  })

  it('once that it is refused, and for how long, and keeps to its host', async () => {
    const exchange = await simulated()
    exchange.faults.upgradeStatus = 429
    exchange.faults.retryAfterS = 7
    const here = rig([exchange.wsUrl, await turnsAway(500)])
    here.open()()
    here.open()
    const refused = await until('it is refused', () => here.told.find(({ type }) => type === 'socket.refused'))
    expect(refused).toMatchObject({ cause: `HTTP 429 from ${exchange.wsUrl}`, waitMs: 7000 })
    exchange.faults.upgradeStatus = null
    here.open('b')
    await until('the same host is used', () => here.tales().includes('socket.opened'))
    expect(here.tales()).toEqual(['socket.refused', 'socket.opened'])
    expect(here.feed.counts().host).toBe(exchange.wsUrl)
  })

  it('nothing when it is closed on purpose, and takes its leave of the exchange', async () => {
    const exchange = await simulated({ rate: 50 })
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT', 'ETHUSDT'))
    const close = here.open()
    await flows(here)
    close()
    const ticks = here.ticks.length
    await until('the exchange has noticed', () => exchange.stats().connections.now === 0)
    expect(exchange.codes).toEqual([1000])
    expect(here.tales()).toEqual(['socket.opened'])
    expect(here.ticks.length).toBe(ticks)
  })

  it('nothing when it is closed on purpose before it was open, which is no fault of the host', async () => {
    const exchange = await simulated()
    const other = await simulated()
    const here = rig([exchange.wsUrl, other.wsUrl])
    exchange.faults.connectDelayMs = 200
    const close = here.open()
    await until('it was tried', () => exchange.stats().connections.attempts === 1)
    close()
    exchange.faults.clear()
    here.open('b')
    await until('it is open', () => here.tales().includes('socket.opened'))
    expect(here.tales()).toEqual(['socket.opened'])
    expect(here.feed.counts().host).toBe(exchange.wsUrl)
  })

  it('nothing of frames that came in one piece with the one at which it ended', async () => {
    const exchange = await simulated()
    let frames = 0
    const silent = { closed: () => {}, refused: () => {}, leaving: () => {} }
    const socket = openSocket(
      { clock: systemClock, hosts: createHosts(systemClock, [exchange.wsUrl]), note: () => {} },
      {
        ...silent,
        opened: () => {
          for (let at = 0; at < 50; at += 1) exchange.inject('[]')
        },
        frame: () => {
          frames += 1
          socket.close()
        },
      },
    )
    await until('it has come and gone', () => exchange.stats().connections.ever === 1 && exchange.stats().connections.now === 0)
    expect(frames).toBe(1)
  })

  it('in one sentence that it cannot be opened, later and never at once', async () => {
    const closedPort = await turnsAway(500)
    await endings.pop()?.()
    for (const [url, sentence] of [
      [closedPort, /^ws:\S+ refuses the connection$/],
      ['ws://nowhere.invalid', /^the name of ws:\/\/nowhere\.invalid does not resolve$/],
      ['ws://127.0.0.1/#here', /^ws:\/\/127\.0\.0\.1\/#here: .+/],
      ['nonsense', /^nonsense: .+/],
      [await turnsAway(500), /^HTTP 500 from ws:\S+$/],
    ] as const) {
      const here = rig([url])
      here.open()
      expect(here.told).toEqual([])
      await until('it is told', () => here.told.length > 0)
      expect(here.told).toMatchObject([{ type: 'socket.closed', cause: expect.stringMatching(sentence) }])
    }
  })
})

describe('hosts', () => {
  for (const status of [451, 403, 500]) {
    it(`that answer ${status} are followed by the next one`, async () => {
      const exchange = await simulated()
      const first = await turnsAway(status)
      const here = rig([first, exchange.wsUrl])
      here.open()
      await until('the first said no', () => here.told.length > 0)
      expect(here.told).toMatchObject([{ type: 'socket.closed', cause: `HTTP ${status} from ${first}` }])
      here.open('b')
      await until('the second is used', () => here.tales().includes('socket.opened'))
      expect(here.feed.counts().host).toBe(exchange.wsUrl)
    })
  }

  it('that all will not have us are left alone, and it is said for how long', async () => {
    const url = await turnsAway(451)
    const here = rig([url])
    here.open()
    await until('it is refused', () => here.told.length === 1)
    here.open('b')
    await until('it is refused again', () => here.told.length === 2)
    const waits = here.told.map(event => event.type === 'socket.refused' && Math.round(event.waitMs / 60_000))
    expect(waits).toEqual([10, 10])
    expect(here.told[1]).toMatchObject({ cause: 'no host serves us where we are' })
  })

  it('that open a socket and then say nothing are followed by the next one', async () => {
    const mute = await simulated(unhurried)
    mute.faults.silent = true
    const other = await simulated(unhurried)
    const clock = hurried(8)
    const here = rig([mute.wsUrl, other.wsUrl], { clock })
    here.feed.want(symbolsOf('BTCUSDT'))
    const close = here.open()
    await until('the feed is quiet', () => here.tales().includes('feed.quiet'))
    close()
    here.open('b')
    await until('the other one is used', () => here.ticks.length > 0)
    expect(here.feed.counts().host).toBe(other.wsUrl)
  })
})

describe('a feed', () => {
  it('survives garbage, binary and frames of 10 MB, and counts them', async () => {
    const exchange = await simulated()
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT'))
    here.open()
    await flows(here)
    exchange.faults.garbage()
    exchange.faults.giant(10 * 1024 * 1024)
    await until('they were counted', () => here.feed.counts().garbage === 4 && here.feed.counts().foreign === 2)
    const ticks = here.ticks.length
    await until('ticks still flow', () => here.ticks.length > ticks + 5)
    expect(here.feed.counts()).toMatchObject({ garbage: 4, foreign: 2 })
    expect(here.tales()).toEqual(['socket.opened'])
    expect(exchange.stats().connections.ever).toBe(1)
  })

  it('survives text that is no UTF-8', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    endings.push(() => server.close())
    await new Promise(resolve => server.once('listening', resolve))
    server.on('connection', socket => {
      socket.send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { binary: false })
      socket.send('[]')
    })
    const here = rig([`ws://127.0.0.1:${(server.address() as AddressInfo).port}`])
    here.open()
    await until('both were read', () => here.feed.counts().foreign === 1)
    expect(here.feed.counts().garbage).toBe(1)
    expect(here.tales()).toEqual(['socket.opened'])
  })

  it('takes no tick of a stream it did not ask for', async () => {
    const exchange = await simulated()
    exchange.faults.silent = true
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT'))
    here.open()
    await until('it has asked', () => exchange.stats().streams[0] === 2)
    const frame = (symbol: string): string =>
      `{"stream":"${symbol.toLowerCase()}@trade","data":{"e":"trade","E":1700000000000,"s":"${symbol}","t":1,"p":"1.00000000","q":"1","T":1700000000000,"m":true,"M":true}}`
    exchange.inject(frame('ETHUSDT'))
    exchange.inject(frame('BTCUSDT'))
    await until('the frames were read', () => here.ticks.length + here.feed.counts().foreign === 2)
    expect(here.ticks).toMatchObject([{ symbol: 'BTCUSDT' }])
  })

  for (const streams of [['trade', 'ticker'], streamKinds] as const) {
    itWithRecordings(`of ${streams.join(', ')} shows no price of another market`, async () => {
      const read = (file: string): string[] =>
        readFileSync(recorded(`single-frames/${file}`), 'utf8')
          .trim()
          .split('\n')
          .map(line => JSON.parse(line).frame)
      const others = read('other-markets.jsonl')
      const same = others.filter(frame => read('spot.jsonl').includes(frame) && streams.some(kind => frame.includes(`@${kind}"`)))
      expect(same.length).toBe(streams.length === 5 ? 1 : 0)
      const symbols = others.flatMap(frame => [...frame.matchAll(/"(?:s|ps|symbol)":"([^"]+)"/g)].map(([, symbol = '']) => symbol))
      const exchange = await simulated()
      exchange.faults.silent = true
      const here = rig([exchange.wsUrl], { streams })
      here.feed.want(new Set(symbols))
      here.open()
      await until('all was asked for', () => exchange.stats().streams[0] === Math.min(1024, new Set(symbols).size * streams.length))
      for (const frame of others) exchange.inject(frame)
      await until('all was read', () => here.ticks.length + here.feed.counts().foreign >= others.length)
      expect(here.ticks.length).toBe(same.length)
      expect(here.feed.counts()).toMatchObject({ garbage: 0, foreign: others.length - same.length })
    })
  }

  it('finds a black hole within five seconds', async () => {
    const exchange = await simulated()
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT'))
    here.open()
    await flows(here)
    const since = systemClock.now()
    exchange.faults.blackhole = true
    const over = await until('it is over', () => here.told.find(({ type }) => type === 'socket.closed'))
    expect(over).toMatchObject({ cause: 'no sign of life' })
    expect(over.at - since).toBeLessThan(5000)
    expect(over.at - since).toBeGreaterThan(4000)
  })

  it('tells silence within three seconds where tickers flowed, and when it ends', async () => {
    const exchange = await simulated()
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT'))
    here.open()
    await flows(here)
    const since = systemClock.now()
    exchange.faults.silent = true
    const quiet = await until('it is told', () => here.told.find(({ type }) => type === 'feed.quiet'))
    expect(quiet.at - since).toBeLessThan(3100)
    expect(quiet.at - since).toBeGreaterThan(1500)
    exchange.faults.silent = false
    await until('its end is told', () => here.tales().includes('feed.heard'))
    expect(here.tales()).toEqual(['socket.opened', 'feed.quiet', 'feed.heard'])
  })

  it('is not quiet because nothing was wanted for a while', async () => {
    const exchange = await simulated(unhurried)
    exchange.faults.silent = true
    const clock = hurried(8)
    const here = rig([exchange.wsUrl], { clock })
    here.open()
    await until('it is open', () => here.told.length > 0)
    const since = clock.now()
    await until('20 s have passed', () => clock.now() - since > 20_000)
    here.feed.want(symbolsOf('BTCUSDT'))
    await until('4 s more have passed', () => clock.now() - since > 24_000)
    expect(here.tales()).toEqual(['socket.opened'])
    await until('silence is told in its time', () => here.tales().includes('feed.quiet'))
    expect(clock.now() - since).toBeGreaterThan(25_000)
  })

  it('finds a single stream that has fallen silent inside a living socket, asks for it again, and says so', async () => {
    const exchange = await simulated({ rate: 100 })
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT', 'ETHUSDT'))
    here.open()
    await flows(here)
    await until('it has a rhythm', () => here.ticks.filter(({ kind, symbol }) => kind === 'trade' && symbol === 'BTCUSDT').length > 100)
    expect(here.feed.counts().silent).toEqual([])
    exchange.faults.silentStreams = new Set(['btcusdt@trade'])
    const since = systemClock.now()
    await until('it is found', () => here.feed.counts().silent.length > 0)
    expect(here.feed.counts().silent).toEqual(['btcusdt@trade'])
    expect(systemClock.now() - since).toBeLessThan(6000)
    await until('it is asked for again', () => exchange.stats().control.UNSUBSCRIBE === 1 && exchange.stats().control.SUBSCRIBE === 2)
    await until('what the exchange has is looked at', () => exchange.stats().control.LIST_SUBSCRIPTIONS === 1)
    exchange.faults.silentStreams = new Set()
    await until('it is heard', () => here.feed.counts().silent.length === 0)
    expect(exchange.stats()).toMatchObject({ violations: {}, streams: [4], connections: { ever: 1 } })
    expect(here.tales()).toEqual(['socket.opened'])
  })

  it('tells silence anew when the socket that could not act on it is gone', async () => {
    const exchange = await simulated(unhurried)
    const clock = hurried(8)
    const here = rig([exchange.wsUrl], { clock })
    here.feed.want(symbolsOf('BTCUSDT'))
    const close = here.open('a')
    await flows(here)
    exchange.faults.silent = true
    here.open('b')
    await until('silence is told', () => here.tales().includes('feed.quiet'))
    close()
    await until('it is told again', () => here.tales().filter(type => type === 'feed.quiet').length === 2)
  })

  it('does not take its own standing still for a dead socket or a silent exchange', async () => {
    const exchange = await simulated()
    const clock = hurried(1)
    const here = rig([exchange.wsUrl], { clock })
    here.feed.want(symbolsOf('BTCUSDT'))
    here.open()
    await flows(here)
    // As a stopped process: time has passed, timers are due, and what came meanwhile waits to be read.
    exchange.inject(JSON.stringify({ stream: 'btcusdt@bookTicker', data: { u: 1, s: 'BTCUSDT', b: '1', a: '2' } }))
    const last = { e: 'trade', E: 1, s: 'BTCUSDT', t: 9e9, p: '1.0', q: '1', T: 1_700_000_000_000, m: true, M: true }
    exchange.inject(JSON.stringify({ stream: 'btcusdt@trade', data: last }))
    clock.skip(60_000)
    for (const end = systemClock.now() + 600; systemClock.now() < end; );
    const ticks = here.ticks.length
    await until('ticks flow', () => here.ticks.length > ticks + 5)
    expect(here.tales()).toEqual(['socket.opened'])
  })

  it('keeps within the limits of the exchange with 400 streams that change all the time, own pings and pongs included', async () => {
    const exchange = await simulated({ limits: { pingEveryMs: 1000 } })
    const here = rig([exchange.wsUrl])
    const all = Array.from({ length: 260 }, (_, at) => `SYMBOL${at}USDT`)
    here.open()
    await until('it is open', () => here.told.length > 0)
    for (let at = 0; at < 60; at += 1) {
      here.feed.want(new Set(all.slice(at, at + 200)))
      const before = here.feed.counts().foreign
      exchange.inject('[]')
      await until('a moment has passed', () => here.feed.counts().foreign > before)
    }
    await until('all is as wanted', () => exchange.stats().streams[0] === 400 && exchange.stats().pings.received >= 2)
    expect(exchange.stats()).toMatchObject({ violations: {}, connections: { ever: 1 } })
    expect(exchange.stats().pongs.received).toBeGreaterThan(1)
  })

  it('that rotates tells when the new socket has delivered every stream that the old one did, and not before', async () => {
    const exchange = await simulated()
    const here = rig([exchange.wsUrl])
    here.feed.want(symbolsOf('BTCUSDT', 'ETHUSDT'))
    const close = here.open('a')
    await flows(here)
    exchange.faults.silentStreams = new Set(['ethusdt@ticker'])
    here.open('b')
    await until('the new one is open', () => here.tales().length === 2)
    const trades = here.ticks.length
    await until('both deliver', () => here.ticks.length > trades + 60)
    expect(here.tales()).toEqual(['socket.opened', 'socket.opened'])
    exchange.faults.silentStreams = new Set()
    await until('it is told', () => here.tales().length === 3)
    expect(here.tales()[2]).toBe('feed.covered')
    close()
    const ticks = here.ticks.length
    await until('the new one goes on', () => here.ticks.length > ticks + 5)
    const ids = here.ticks.flatMap(tick => (tick.kind === 'trade' && tick.symbol === 'BTCUSDT' ? [tick.tradeId] : []))
    const once = [...new Set(ids)].sort((a, b) => a - b)
    expect(once).toEqual(once.map((_, at) => (once[0] ?? 0) + at))
    expect(here.tales().length).toBe(3)
  })
})
