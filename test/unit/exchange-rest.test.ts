import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createRest, type Rest, readDayTickers, readWeightLimit } from '../../src/exchange/rest.ts'
import { type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { until } from '../support/until.ts'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(endings.splice(0).map(end => end()))
})

interface Host {
  readonly url: string
  readonly asked: string[]
}

async function host(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Host> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(decodeURIComponent(request.url ?? ''))
    answer(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  endings.push(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(() => resolve()))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const says = (status: number, body: string, headers: Record<string, string> = {}): Promise<Host> =>
  host((_request, response) => response.writeHead(status, headers).end(body))

/** A port where nobody listens. */
async function nobody(): Promise<string> {
  const { url } = await says(200, '')
  await endings.pop()?.()
  return url
}

async function simulated(): Promise<SimulatedExchange> {
  const exchange = await startExchange({ clock: systemClock, symbols: 60 })
  endings.push(() => exchange.close())
  return exchange
}

interface Rig {
  readonly rest: Rest
  readonly clock: FakeClock
  readonly noted: Readonly<Record<string, unknown>>[]
}

function rig(...urls: readonly string[]): Rig {
  const clock = fakeClock()
  const noted: Readonly<Record<string, unknown>>[] = []
  return { clock, noted, rest: createRest({ clock, urls, note: (_line, fields) => noted.push(fields) }) }
}

const ticker = (symbol: string, more: object = {}): object => ({
  symbol,
  lastPrice: '5.00000000',
  bidPrice: '4.00000000',
  askPrice: '6.00000000',
  openPrice: '1.00000000',
  highPrice: '7.00000000',
  lowPrice: '1.00000000',
  volume: '9.00000000',
  priceChange: '-4.00000000',
  priceChangePercent: '-80.000',
  closeTime: 1_700_000_000_000,
  lastId: 12,
  ...more,
})

describe('prices over REST', () => {
  it('of the symbols asked for are read, Unicode ones too', async () => {
    const exchange = await simulated()
    const { rest } = rig(exchange.restUrl)
    const answer = await rest.prices(['BTCUSDT', '币安人生USDT'])
    if (answer.kind !== 'answered') throw new Error(answer.cause)
    expect(answer.value.map(({ symbol }) => symbol)).toEqual(['BTCUSDT', '币安人生USDT'])
    expect(answer.value[0]).toMatchObject({ kind: 'rest', price: expect.stringMatching(/^\d+\.\d{8}$/), tradeId: expect.any(Number) })
    expect(exchange.stats().rest).toEqual({ '/api/v3/ticker/24hr': 1 })
  })

  it('of no symbol are not asked for', async () => {
    const { url, asked } = await says(200, '[]')
    expect(await rig(url).rest.prices([])).toEqual({ kind: 'answered', value: [] })
    expect(asked).toEqual([])
  })

  it('of more symbols than fit in a request are asked for as all, and only those wanted are taken', async () => {
    const wanted = Array.from({ length: 201 }, (_, at) => `S${at}USDT`)
    const { url, asked } = await says(200, JSON.stringify([ticker('S7USDT'), ticker('OTHERUSDT')]))
    const answer = await rig(url).rest.prices(wanted)
    expect(asked).toEqual(['/api/v3/ticker/24hr'])
    expect(answer).toMatchObject({ kind: 'answered', value: [{ symbol: 'S7USDT' }] })
    await rig(url).rest.prices(wanted.slice(0, 200))
    expect(asked[1]).toContain('symbols=["S0USDT",')
  })

  it('of a symbol that never traded do not exist', () => {
    const answer = [ticker('A', { lastId: -1 }), ticker('B', { lastPrice: '0.00000000' }), ticker('C')]
    expect(readDayTickers(answer)?.map(({ symbol }) => symbol)).toEqual(['C'])
    expect(readDayTickers([ticker('A', { lastId: -1 })])).toEqual([])
  })

  it('of a symbol whose ticker has another form are left out, without spoiling the others', () => {
    for (const wrong of [{ lastPrice: 5 }, { bidPrice: '-1' }, { closeTime: 0 }, { lastId: 2 ** 60 }, { volume: 'many' }, { symbol: null }])
      expect(
        readDayTickers([ticker('A', wrong), ticker('B')])?.map(({ symbol }) => symbol),
        JSON.stringify(wrong),
      ).toEqual(['B'])
    for (const nothing of [null, {}, 'x', [{}], [null], { code: -1121 }]) expect(readDayTickers(nothing)).toBeUndefined()
  })
})

describe('a refusal', () => {
  for (const status of [429, 418]) {
    it(`by ${status} is kept to the second: nothing is asked before, and something after`, async () => {
      const { url, asked } = await says(status, '{"code":-1003,"msg":"Too many requests."}', { 'Retry-After': '7' })
      const { rest, clock, noted } = rig(url)
      expect(await rest.prices(['A'])).toMatchObject({ kind: 'refused', waitMs: 7000 })
      clock.advance(6999)
      expect(await rest.prices(['A'])).toEqual({ kind: 'refused', waitMs: 1, cause: 'waiting as the exchange told us to' })
      for (const answer of [
        rest.exchangeInfo(),
        rest.exchangeInfo(['A']),
        rest.aggregates('A'),
        rest.aggregates('A', 5),
        rest.prices(['B']),
      ])
        expect(await answer).toMatchObject({ kind: 'refused' })
      expect(asked.length).toBe(1)
      clock.advance(1)
      await rest.prices(['A'])
      expect(asked.length).toBe(2)
      expect(noted).toEqual([
        { status, waitMs: 7000, host: url },
        { status, waitMs: 7000, host: url },
      ])
    })
  }

  it('that names no time, or none that makes sense, is kept for two minutes; an endless one for three days', async () => {
    const waits: unknown[] = []
    for (const header of [undefined, 'soon', '-5', '0', '99999999999']) {
      const { url } = await says(429, '', header === undefined ? {} : { 'Retry-After': header })
      const answer = await rig(url).rest.prices(['A'])
      waits.push(answer.kind === 'refused' && answer.waitMs)
    }
    expect(waits).toEqual([120_000, 120_000, 120_000, 120_000, 259_200_000])
  })

  it('of the simulated exchange is kept', async () => {
    const exchange = await simulated()
    const { rest, clock } = rig(exchange.restUrl)
    exchange.faults.restStatus = 418
    expect(await rest.prices(['BTCUSDT'])).toMatchObject({ kind: 'refused', waitMs: 5000 })
    exchange.faults.clear()
    expect(await rest.prices(['BTCUSDT'])).toMatchObject({ kind: 'refused' })
    expect(exchange.stats().rest).toEqual({ '/api/v3/ticker/24hr': 1 })
    clock.advance(5000)
    expect(await rest.prices(['BTCUSDT'])).toMatchObject({ kind: 'answered' })
  })

  for (const status of [451, 403]) {
    it(`by ${status} ends a host, and the next one is used`, async () => {
      const first = await says(status, '{}')
      const second = await says(200, JSON.stringify([ticker('A')]))
      const { rest } = rig(first.url, second.url)
      expect(await rest.prices(['A'])).toEqual({ kind: 'unreachable', cause: `HTTP ${status} from ${first.url}` })
      for (let at = 0; at < 3; at += 1) expect(await rest.prices(['A'])).toMatchObject({ kind: 'answered' })
      expect(first.asked.length).toBe(1)
    })
  }

  it('by every host ends asking for ten minutes', async () => {
    const hosts = [await says(451, '{}'), await says(451, '{}')]
    const { rest, clock } = rig(...hosts.map(({ url }) => url))
    await rest.prices(['A'])
    expect(await rest.prices(['A'])).toMatchObject({ kind: 'refused', waitMs: 600_000 })
    clock.advance(599_000)
    expect(await rest.prices(['A'])).toMatchObject({ kind: 'refused', waitMs: 1000 })
    expect(hosts.map(({ asked }) => asked.length)).toEqual([1, 1])
    clock.advance(1000)
    await rest.prices(['A'])
    expect(hosts.map(({ asked }) => asked.length)).toEqual([1, 2])
  })
})

describe('the weight of a minute', () => {
  const used = (weight: number, body: object): Promise<Host> =>
    host((_request, response) => response.writeHead(200, { 'X-MBX-USED-WEIGHT-1m': String(weight) }).end(JSON.stringify(body)))
  const info = (limit: number): object => ({
    symbols: [],
    rateLimits: [
      { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: 5 },
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit },
    ],
  })
  const usedUp = 'the weight of this minute is used up'

  it('is not used up, by what the answers say, whoever used it; what can wait does first', async () => {
    const { url, asked } = await used(5390, [ticker('A')])
    const { rest, clock } = rig(url)
    // 1,700,000,000 s is 20 s after a minute began.
    expect(await rest.prices(['A'])).toMatchObject({ kind: 'answered' })
    expect(await rest.exchangeInfo()).toEqual({ kind: 'refused', waitMs: 40_000, cause: usedUp })
    // 5,390 and 10 are nine tenths of 6,000.
    expect(await rest.prices(Array.from({ length: 20 }, (_, at) => `S${at}`))).toMatchObject({ kind: 'answered' })
    expect(await rest.prices(Array.from({ length: 21 }, (_, at) => `S${at}`))).toEqual({ kind: 'refused', waitMs: 40_000, cause: usedUp })
    expect(asked.length).toBe(2)
    clock.advance(39_999)
    expect(await rest.exchangeInfo()).toMatchObject({ kind: 'refused', waitMs: 1 })
    clock.advance(1)
    expect(await rest.exchangeInfo()).toMatchObject({ kind: 'answered' })
  })

  it('is the one exchangeInfo tells', async () => {
    const { url, asked } = await used(1000, info(1200))
    const { rest } = rig(url)
    expect(await rest.exchangeInfo()).toMatchObject({ kind: 'answered' })
    expect(await rest.exchangeInfo()).toMatchObject({ kind: 'refused', cause: usedUp })
    expect(asked.length).toBe(1)
    for (const odd of [undefined, {}, { rateLimits: 'many' }, { rateLimits: [{ limit: 1 }] }, { rateLimits: [] }])
      expect(readWeightLimit(odd)).toBeUndefined()
  })

  it('is counted by ourselves where no answer says it, and while answers are on their way', async () => {
    const { url, asked } = await says(200, JSON.stringify([ticker('A')]))
    const { rest } = rig(url)
    const all = Array.from({ length: 101 }, (_, at) => `S${at}`)
    const answers = await Promise.all(Array.from({ length: 80 }, () => rest.prices(all)))
    // 67 times 80 is under nine tenths of 6,000, 68 times is over.
    expect(answers.filter(({ kind }) => kind === 'answered').length).toBe(67)
    expect(asked.length).toBe(67)
    expect(await rest.prices(all)).toMatchObject({ kind: 'refused' })
  })

  it('of the simulated exchange is never gone over, however often prices are asked for', async () => {
    const exchange = await startExchange({ clock: systemClock, symbols: 60, limits: { weightPerMinute: 400 } })
    endings.push(() => exchange.close())
    const { rest } = rig(exchange.restUrl)
    await rest.exchangeInfo()
    for (let at = 0; at < 500; at += 1) await rest.prices(['BTCUSDT'])
    expect(exchange.stats().violations).toEqual({})
    expect(exchange.stats().rest['/api/v3/ticker/24hr']).toBeGreaterThan(150)
  })
})

describe('aggregates over REST', () => {
  it('are asked for by symbol, Unicode ones too, the newest or from an id on', async () => {
    const exchange = await startExchange({ clock: systemClock, symbols: 60, rate: 5 })
    endings.push(() => exchange.close())
    const { rest } = rig(exchange.restUrl)
    for (const symbol of ['BTCUSDT', '币安人生USDT']) {
      // Its market begins when it is first looked at.
      const [first, second] = await until('two were made', async () => {
        const newest = await rest.aggregates(symbol)
        return newest.kind === 'answered' && newest.value.length > 1 && newest.value
      })
      expect(second?.firstTradeId).toBe((first?.tradeId ?? 0) + 1)
      const later = await rest.aggregates(symbol, second?.aggregateId)
      expect(later.kind === 'answered' && later.value[0]).toEqual(second)
    }
  })

  it('leave half of the weight to prices', async () => {
    const { url, asked } = await host((_request, response) => response.writeHead(200, { 'X-MBX-USED-WEIGHT-1m': '2997' }).end('[]'))
    const { rest } = rig(url)
    await rest.aggregates('A')
    expect(await rest.aggregates('A')).toMatchObject({ kind: 'refused', cause: 'the weight of this minute is used up' })
    expect(asked.length).toBe(1)
    await rest.prices(['A'])
    expect(asked.length).toBe(2)
  })
})

describe('a host that does not answer sensibly', () => {
  const ok = (): Promise<Host> => says(200, JSON.stringify([ticker('A')]))

  it('is told in one sentence, and the next one is used', async () => {
    const broken = async (answer: Promise<string | Host>): Promise<string> => {
      const given = await answer
      return typeof given === 'string' ? given : given.url
    }
    const hosts: [string, RegExp][] = [
      [await broken(says(200, '<html>sign in</html>')), /^http:\S+ answers with no JSON$/],
      [await broken(says(200, '[{"symbol":"A"')), /^http:\S+ answers with no JSON$/],
      [await broken(says(200, '{"code":0}')), /^http:\S+ answers with something else than was asked for$/],
      [await broken(says(500, 'oops')), /^HTTP 500 from http:\S+$/],
      [await broken(says(404, '{}')), /^HTTP 404 from http:\S+$/],
      [await broken(host((_request, response) => void response.destroy())), /^http:\S+: .+/],
      [await broken(nobody()), /^http:\S+ refuses the connection$/],
      ['http://nowhere.invalid', /^the name of http:\/\/nowhere\.invalid does not resolve$/],
      ['http://[', /^http:\/\/\[: .+/],
    ]
    for (const [url, sentence] of hosts) {
      const { rest } = rig(url, (await ok()).url)
      const answer = await rest.prices(['A'])
      expect(answer.kind === 'unreachable' && answer.cause).toMatch(sentence)
      expect(answer.kind === 'unreachable' && answer.cause).not.toContain('\n')
      expect(await rest.prices(['A']), url).toMatchObject({ kind: 'answered' })
    }
  })

  it('because we asked wrongly keeps its place: another would say the same', async () => {
    const exchange = await simulated()
    const second = await ok()
    const { rest } = rig(exchange.restUrl, second.url)
    expect(await rest.prices(['NOSUCHUSDT'])).toMatchObject({ kind: 'unreachable', cause: `HTTP 400 from ${exchange.restUrl}` })
    expect(await rest.prices(['BTCUSDT'])).toMatchObject({ kind: 'answered' })
    expect(second.asked).toEqual([])
  })

  it('in time is given up, be it before the head or in the middle of the body', async () => {
    const silent = await host(() => {})
    const slow = await host((_request, response) => response.writeHead(200).write('[{"symbol":'))
    for (const { url, asked } of [silent, slow]) {
      const { rest, clock } = rig(url, (await ok()).url)
      const answer = rest.prices(['A'])
      await until('the host was asked', () => asked.length > 0)
      clock.advance(3000)
      expect(await answer).toEqual({ kind: 'unreachable', cause: `no answer from ${url} in 3000 ms` })
      expect(await rest.prices(['A'])).toMatchObject({ kind: 'answered' })
      expect(clock.waiting).toBe(0)
    }
  })

  it('with its symbols, which are megabytes, has five times as long', async () => {
    const { url, asked } = await host(() => {})
    const { rest, clock } = rig(url)
    const answer = rest.exchangeInfo()
    await until('the host was asked', () => asked.length > 0)
    clock.advance(14_999)
    expect(clock.waiting).toBe(1)
    clock.advance(1)
    expect(await answer).toEqual({ kind: 'unreachable', cause: `no answer from ${url} in 15000 ms` })
  })

  it('but without end is cut off', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, ' ')
    const { url } = await host((_request, response) => {
      response.writeHead(200)
      const pour = (): void => {
        while (!response.destroyed && response.write(megabyte));
      }
      response.on('drain', pour)
      pour()
    })
    expect(await rig(url).rest.exchangeInfo()).toEqual({ kind: 'unreachable', cause: `${url}: an endless answer` })
  })
})
