import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/clock.ts'
import { type ExchangeOptions, type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'

interface Client {
  readonly socket: WebSocket
  readonly texts: string[]
  readonly pings: string[]
  readonly closed: { code: number; reason: string }[]
  say(message: object | string): void
  /** The replies to control messages so far. */
  replies(): string[]
}

interface Event {
  readonly e?: string
  readonly [field: string]: unknown
}

const open: SimulatedExchange[] = []
const clients: Client[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate()
  await Promise.all(open.splice(0).map(exchange => exchange.close()))
})

async function start(options: Partial<ExchangeOptions> = {}): Promise<SimulatedExchange> {
  const exchange = await startExchange({ clock: systemClock, symbols: 60, ...options })
  open.push(exchange)
  return exchange
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 8000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

function dial(exchange: SimulatedExchange, path: string, autoPong = true): Client {
  const socket = new WebSocket(exchange.wsUrl + path, { autoPong })
  const client: Client = {
    socket,
    texts: [],
    pings: [],
    closed: [],
    say: message => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    replies: () => client.texts.filter(text => text.startsWith('{"result"') || text.startsWith('{"error"')),
  }
  socket.on('message', received => client.texts.push(received.toString()))
  socket.on('ping', payload => client.pings.push(payload.toString()))
  socket.on('close', (code, reason) => client.closed.push({ code, reason: reason.toString() }))
  socket.on('error', () => {})
  clients.push(client)
  return client
}

async function enter(exchange: SimulatedExchange, path: string, autoPong = true): Promise<Client> {
  const client = dial(exchange, path, autoPong)
  await until(() => client.socket.readyState === WebSocket.OPEN, `open ${path}`)
  return client
}

async function ask(client: Client, message: object | string): Promise<string> {
  const before = client.replies().length
  client.say(message)
  await until(() => client.replies().length > before, `a reply to ${JSON.stringify(message)}`)
  return client.replies()[before] ?? ''
}

const frames = (client: Client, stream: string): Event[] =>
  client.texts
    .map(text => JSON.parse(text) as { stream?: string; data: Event })
    .filter(frame => frame.stream === stream)
    .map(frame => frame.data)

async function rest<Body>(exchange: SimulatedExchange, path: string): Promise<{ status: number; headers: Headers; body: Body }> {
  const response = await fetch(exchange.restUrl + path)
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}

const post = (url: string, body: unknown): Promise<Response> => fetch(url, { method: 'POST', body: JSON.stringify(body) })

describe('streams', () => {
  test('trade ids run on without a gap, in aggregate trades too', async () => {
    const exchange = await start({ rate: 40 })
    const client = await enter(exchange, '/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker')
    await until(() => frames(client, 'btcusdt@trade').length > 200, '200 trades')
    const trades = frames(client, 'btcusdt@trade')
    const first = Number(trades[0]?.t)
    expect(trades.map(trade => trade.t)).toEqual(trades.map((_, index) => first + index))
    expect(Object.keys(trades[0] ?? {}).join()).toBe('e,E,s,t,p,q,T,m,M')
    expect(trades[0]?.p).toMatch(/^\d+\.\d{8}$/)
    const aggregates = frames(client, 'btcusdt@aggTrade')
    expect(Object.keys(aggregates[0] ?? {}).join()).toBe('e,E,s,a,p,q,f,l,T,m,M')
    for (const [index, traded] of aggregates.slice(1).entries()) expect(traded.f).toBe(Number(aggregates[index]?.l) + 1)
    const updates = frames(client, 'btcusdt@bookTicker').map(book => Number(book.u))
    expect(updates.every((u, index) => index === 0 || u > (updates[index - 1] ?? u))).toBe(true)
    expect(Object.keys(frames(client, 'btcusdt@bookTicker')[0] ?? {}).join()).toBe('u,s,b,B,a,A')
  })

  test('a raw socket gets bare payloads, a microsecond one times a thousand times larger', async () => {
    const exchange = await start({ rate: 40 })
    const raw = await enter(exchange, '/ws/btcusdt@trade/ethusdt@trade')
    const micro = await enter(exchange, '/stream?streams=btcusdt@trade&timeUnit=MICROSECOND')
    await until(() => raw.texts.some(text => text.includes('ETHUSDT')) && micro.texts.length > 0 && raw.texts.length > 20, 'trades')
    expect(raw.texts[0]).toMatch(/^\{"e":"trade"/)
    const trade = frames(micro, 'btcusdt@trade')[0]
    const twin = raw.texts.map(text => JSON.parse(text) as Event).find(other => other.s === 'BTCUSDT' && other.t === trade?.t)
    expect(trade).toEqual({ ...twin, E: Number(twin?.E) * 1000, T: Number(twin?.T) * 1000 })
  })

  test('the ticker and REST agree with the trades sent', async () => {
    const exchange = await start({ rate: 20 })
    const before = (await rest<Record<string, string>>(exchange, '/api/v3/ticker/24hr?symbol=BTCUSDT')).body
    const client = await enter(
      exchange,
      '/stream?streams=btcusdt@trade/btcusdt@ticker/btcusdt@miniTicker/btcusdt@kline_1m/btcusdt@avgPrice',
    )
    await until(() => frames(client, 'btcusdt@ticker').length > 0, 'a ticker')
    const at = client.texts.findIndex(text => text.includes('@ticker'))
    const ticker = frames(client, 'btcusdt@ticker')[0] ?? {}
    const trades = frames({ ...client, texts: client.texts.slice(0, at) }, 'btcusdt@trade')
    expect(Object.keys(ticker).join()).toBe('e,E,s,p,P,w,x,c,Q,b,B,a,A,o,h,l,v,q,O,C,F,L,n')
    expect(ticker.c).toBe(trades.at(-1)?.p)
    expect(ticker.L).toBe(trades.at(-1)?.t)
    expect(ticker.n).toBe(Number(ticker.L) - Number(ticker.F) + 1)
    expect(Number(ticker.h)).toBeGreaterThanOrEqual(Math.max(...trades.map(trade => Number(trade.p))))
    const after = (await rest<Record<string, string>>(exchange, '/api/v3/ticker/24hr?symbol=BTCUSDT')).body
    const { body: aggregates } = await rest<{ q: string; l: number; f: number }[]>(exchange, '/api/v3/aggTrades?symbol=BTCUSDT&limit=1000')
    const since = aggregates.filter(traded => traded.f > Number(before.lastId) && traded.l <= Number(after.lastId))
    const traded = since.reduce((sum, { q }) => sum + Math.round(Number(q) * 1e8), 0)
    expect(Math.round((Number(after.volume) - Number(before.volume)) * 1e5)).toBe(Math.round(traded / 1e3))
    await until(() => frames(client, 'btcusdt@kline_1m').length > 0 && frames(client, 'btcusdt@avgPrice').length > 0, 'kline, average')
  })

  test('the same seed trades the same, another seed does not', async () => {
    const of = async (seed: string): Promise<string[]> => {
      const exchange = await start({ seed, rate: 60 })
      const client = await enter(exchange, '/ws/btcusdt@trade')
      await until(() => client.texts.length >= 100, '100 trades')
      return client.texts.slice(0, 100).map(text => text.replace(/"[ET]":\d+/g, ''))
    }
    const [one, same, other] = await Promise.all([of('a'), of('a'), of('b')])
    expect(same).toEqual(one)
    expect(other).not.toEqual(one)
  })

  test('a Unicode symbol trades under its own name', async () => {
    const exchange = await start({ rate: 100 })
    const client = await enter(exchange, `/stream?streams=${encodeURIComponent('币安人生usdt@trade')}`)
    await until(() => frames(client, '币安人生usdt@trade').length > 0, 'a trade')
    expect(frames(client, '币安人生usdt@trade')[0]?.s).toBe('币安人生USDT')
    const { body } = await rest<object>(exchange, `/api/v3/ticker/price?symbol=${encodeURIComponent('币安人生USDT')}`)
    expect(body).toMatchObject({ symbol: '币安人生USDT' })
  })

  test('all mini tickers come as one array of what traded, nothing of a delisted symbol', async () => {
    const exchange = await start({ rate: 10 })
    const delisted = await enter(exchange, '/ws/busdusdt@ticker/busdusdt@trade')
    const client = await enter(exchange, '/ws/!miniTicker@arr')
    await until(() => client.texts.length > 1, 'two arrays')
    const [all] = client.texts.map(text => JSON.parse(text) as Event[])
    expect(all?.find(ticker => ticker.s === 'BTCUSDT')?.e).toBe('24hrMiniTicker')
    expect(all?.some(ticker => ticker.s === 'BUSDUSDT')).toBe(false)
    expect(delisted.texts).toEqual([])
  })
})

describe('control messages', () => {
  test('everything well-formed is acknowledged with its own id', async () => {
    const client = await enter(await start({ limits: { messagesPerSecond: 100 } }), '/ws')
    expect(await ask(client, { method: 'SUBSCRIBE', params: ['nosuch@trade', 'BTCUSDT@trade'], id: 'abc' })).toBe(
      '{"result":null,"id":"abc"}',
    )
    expect(await ask(client, '{"method":"LIST_SUBSCRIPTIONS","id":9223372036854775807}')).toBe(
      '{"result":["nosuch@trade","BTCUSDT@trade"],"id":9223372036854775807}',
    )
    expect(await ask(client, { method: 'UNSUBSCRIBE', params: ['never@trade', 'nosuch@trade'], id: null })).toBe(
      '{"result":null,"id":null}',
    )
    expect(await ask(client, { method: 'LIST_SUBSCRIPTIONS', id: -3 })).toBe('{"result":["BTCUSDT@trade"],"id":-3}')
    expect(await ask(client, { method: 'GET_PROPERTY', params: ['combined'], id: 2 })).toBe('{"result":false,"id":2}')
    expect(await ask(client, { method: 'SET_PROPERTY', params: ['combined', true], id: 5 })).toBe('{"result":null,"id":5}')
    expect(await ask(client, { method: 'GET_PROPERTY', params: ['combined'], id: 2 })).toBe('{"result":true,"id":2}')
  })

  test('setting combined wraps what follows', async () => {
    const client = await enter(await start({ rate: 40 }), '/ws/btcusdt@trade')
    await ask(client, { method: 'SET_PROPERTY', params: ['combined', true], id: 1 })
    const seen = client.texts.length
    await until(() => client.texts.length > seen + 1, 'more trades')
    expect(client.texts.at(-1)).toMatch(/^\{"stream":"btcusdt@trade","data":\{"e":"trade"/)
  })

  test('an upper-case name is acknowledged and stays silent', async () => {
    const client = await enter(await start({ rate: 40 }), '/stream')
    await ask(client, { method: 'SUBSCRIBE', params: ['BTCUSDT@trade', 'ethusdt@trade'], id: 1 })
    await until(() => frames(client, 'ethusdt@trade').length > 20, 'trades of the other')
    expect(client.texts.some(text => text.includes('BTCUSDT'))).toBe(false)
  })

  test.each([
    [
      { method: 'SET_PROPERTY', params: ['wrapped', true], id: 1 },
      { error: { code: 0, msg: 'Unknown property' }, id: 1 },
    ],
    [
      { method: 'SET_PROPERTY', params: ['combined', 1], id: 1 },
      { error: { code: 1, msg: 'Invalid value type: expected Boolean' }, id: 1 },
    ],
    [
      { method: 'GET_PROPERTY', params: [7], id: 1 },
      { error: { code: 2, msg: 'Invalid request: property name must be a string' }, id: 1 },
    ],
    [
      { method: 'GET_PROPERTY', params: ['combined', 1], id: 1 },
      { error: { code: 2, msg: 'Invalid request: too many parameters' }, id: 1 },
    ],
    [{ method: 'SUBSCRIBE', params: [] }, { error: { code: 2, msg: 'Invalid request: request ID must be an unsigned integer' } }],
    [{ method: 'SUBSCRIBE', params: [], id: 1.5 }, { error: { code: 2, msg: 'Invalid request: request ID must be an unsigned integer' } }],
    [
      { method: 'SUBSCRIBE', params: [], id: 'x'.repeat(37) },
      { error: { code: 2, msg: 'Invalid request: request ID must be an unsigned integer' } },
    ],
    [
      { params: [], id: 3 },
      { error: { code: 2, msg: 'Invalid request: missing field `method` at line 1 column 20' }, id: 3 },
    ],
    [
      { method: 'subscribe', id: 3 },
      {
        error: {
          code: 2,
          msg: 'Invalid request: unknown variant `subscribe`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 21',
        },
        id: 3,
      },
    ],
    ['{"method":x}', { error: { code: 3, msg: 'Invalid JSON: expected value at line 1 column 11' } }],
  ])('%j is refused', async (message, reply) => {
    expect(JSON.parse(await ask(await enter(await start(), '/ws'), message))).toEqual(reply)
  })

  test('after a malformed message nothing else is answered, data goes on', async () => {
    const client = await enter(await start({ rate: 40 }), '/ws/btcusdt@trade')
    await ask(client, 'hello')
    client.say({ method: 'LIST_SUBSCRIPTIONS', id: 1 })
    const seen = client.texts.length
    await until(() => client.texts.length > seen + 10, 'trades')
    expect(client.replies()).toHaveLength(1)
  })

  test('a frame that is too long stalls the control messages behind it, until the next ping at the latest', async () => {
    const exchange = await start({ limits: { slowAckMs: 300, frameBytesMax: 200 } })
    const client = await enter(exchange, '/ws')
    const sentAt = performance.now()
    client.say({ method: 'SUBSCRIBE', params: ['x'.repeat(300)], id: 1 })
    await ask(client, { method: 'LIST_SUBSCRIPTIONS', id: 2 })
    expect(performance.now() - sentAt).toBeGreaterThan(280)
    expect(client.replies()[0]).toBe('{"result":null,"id":1}')
    const pinged = await enter(await start({ limits: { pingEveryMs: 50, frameBytesMax: 200 } }), '/ws')
    await ask(pinged, { method: 'SUBSCRIBE', params: ['x'.repeat(300)], id: 1 })
  })
})

describe('limits', () => {
  test.each(['json', 'ping', 'pong'] as const)('a sixth %s frame within a second ends the connection', async kind => {
    const exchange = await start()
    const client = await enter(exchange, '/ws')
    const send = {
      json: () => client.say({ method: 'LIST_SUBSCRIPTIONS', id: 1 }),
      ping: () => client.socket.ping(),
      pong: () => client.socket.pong(),
    }
    for (let sent = 0; sent < 5; sent++) send[kind]()
    await ask(await enter(exchange, '/ws'), { method: 'LIST_SUBSCRIPTIONS', id: 1 })
    expect(client.closed).toEqual([])
    send[kind]()
    await until(() => client.closed.length > 0, 'the close')
    expect(client.closed).toEqual([{ code: 1008, reason: 'Too many requests' }])
    expect(exchange.stats().violations['too-many-requests']).toBe(1)
  })

  test('one stream too many loses all of them', async () => {
    const client = await enter(await start({ limits: { streamsMax: 3 } }), '/ws')
    expect(await ask(client, { method: 'SUBSCRIBE', params: ['a@trade', 'b@trade', 'c@trade', 'a@trade'], id: 1 })).toBe(
      '{"result":null,"id":1}',
    )
    expect(await ask(client, { method: 'SUBSCRIBE', params: ['d@trade'], id: 19 })).toBe(
      '{"error":{"code":4,"msg":"Too many subscriptions"},"id":19}',
    )
    await until(() => client.closed.length > 0, 'the close')
    expect(client.closed).toEqual([{ code: 1008, reason: 'Invalid request' }])
  })

  test('a ping must be answered with its own payload', async () => {
    const exchange = await start({ limits: { pingEveryMs: 40, pongWithinMs: 200, messagesPerSecond: 1000 } })
    const [good, mute, wrong] = [await enter(exchange, '/ws'), await enter(exchange, '/ws', false), await enter(exchange, '/ws', false)]
    wrong.socket.on('ping', () => wrong.socket.pong('guess'))
    await until(() => mute.closed.length > 0 && wrong.closed.length > 0, 'two closes')
    expect(mute.closed).toEqual([{ code: 1008, reason: 'Pong timeout' }])
    expect(wrong.closed).toEqual([{ code: 1008, reason: 'Pong timeout' }])
    const seen = good.pings.length
    await until(() => good.pings.length > seen + 6, 'more pings')
    expect(good.closed).toEqual([])
    expect(good.pings[0]).toMatch(/^\d{13}$/)
  })

  test('a connection ends at its age limit', async () => {
    const client = await enter(await start({ limits: { lifeMs: 80 } }), '/ws')
    await until(() => client.closed.length > 0, 'the close')
    expect(client.closed[0]?.code).toBe(1001)
  })

  test('too many attempts are answered 429', async () => {
    const exchange = await start({ limits: { attemptsMax: 2, attemptsWindowMs: 400 } })
    await enter(exchange, '/ws')
    await enter(exchange, '/ws')
    expect(await refusal(exchange)).toMatchObject({ status: 429, retryAfter: '1' })
    const waited = performance.now()
    await until(() => performance.now() - waited > 450, 'the window to pass')
    await enter(exchange, '/ws')
    expect(exchange.stats().connections).toEqual({ now: 3, ever: 3, attempts: 4 })
  })

  test('a reader that does not read is cut off', async () => {
    const exchange = await start({ limits: { backlogBytesMax: 200_000 }, rate: 100 })
    const client = await enter(exchange, '/ws')
    client.socket.pause()
    exchange.faults.giant(20_000_000)
    client.say({ method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: 1 })
    await until(() => exchange.stats().violations['slow-reader'] === 1, 'the cut')
    await until(() => exchange.stats().connections.now === 0, 'the end')
  })
})

async function refusal(exchange: SimulatedExchange): Promise<{ status: number | undefined; retryAfter: string | undefined }> {
  const client = dial(exchange, '/ws')
  return await new Promise(resolve => {
    client.socket.on('unexpected-response', (_request, response) => {
      resolve({ status: response.statusCode, retryAfter: response.headers['retry-after'] })
      response.destroy()
    })
  })
}

describe('REST', () => {
  test.each([
    ['/api/v3/ping', 1],
    ['/api/v3/time', 1],
    ['/api/v3/exchangeInfo', 20],
    ['/api/v3/ticker/price', 4],
    ['/api/v3/ticker/price?symbol=BTCUSDT', 2],
    ['/api/v3/ticker/bookTicker?symbols=%5B%22BTCUSDT%22,%22ETHBTC%22%5D', 4],
    ['/api/v3/ticker/24hr', 80],
    ['/api/v3/ticker/24hr?symbol=BTCUSDT', 2],
    [`/api/v3/ticker/24hr?symbols=${encodeURIComponent(JSON.stringify(['BTCUSDT', 'ETHUSDT']))}&type=MINI`, 2],
    ['/api/v3/aggTrades?symbol=BTCUSDT', 4],
    ['/api/v3/trades?symbol=BTCUSDT', 25],
  ])('%s costs %i', async (path, weight) => {
    const { status, headers } = await rest(await start(), path)
    expect(status).toBe(200)
    expect(headers.get('x-mbx-used-weight-1m')).toBe(String(weight))
  })

  test.each([
    ['/api/v3/exchangeInfo?symbols=["BTCUSDT","NOSUCH"]', 400, -1121],
    ['/api/v3/ticker/price?symbol=btcusdt', 400, -1121],
    ['/api/v3/ticker/24hr?symbols=["BTCUSDT","BTCUSDT"]', 400, -1151],
    ['/api/v3/ticker/24hr?symbol=BTCUSDT&symbols=["BTCUSDT"]', 400, -1128],
    ['/api/v3/ticker/price?symbol=BUSDUSDT&symbolStatus=TRADING', 400, -1220],
    ['/api/v3/ticker/price?symbolStatus=ASLEEP', 400, -1122],
    ['/api/v3/trades', 400, -1102],
    ['/api/v1/ping', 404, -1],
  ])('%s is refused', async (path, status, code) => {
    const { status: got, body } = await rest<{ code: number }>(await start(), path)
    expect([got, body.code]).toEqual([status, code])
  })

  test('delisted symbols stay visible unless only trading ones are asked for', async () => {
    const exchange = await start()
    const { body: all } = await rest<{ symbol: string }[]>(exchange, '/api/v3/ticker/price')
    const { body: trading } = await rest<{ symbol: string }[]>(exchange, '/api/v3/ticker/price?symbolStatus=TRADING')
    expect(all).toHaveLength(60)
    expect(all.some(({ symbol }) => symbol === 'BCCBTC')).toBe(true)
    expect(trading.some(({ symbol }) => symbol === 'BCCBTC')).toBe(false)
  })

  test('aggregate trades are given from an id or a time on', async () => {
    const exchange = await start()
    type Traded = { a: number; T: number }
    const { body: recent } = await rest<Traded[]>(exchange, '/api/v3/aggTrades?symbol=BTCUSDT&limit=20')
    const { body: fromId } = await rest<Traded[]>(exchange, `/api/v3/aggTrades?symbol=BTCUSDT&limit=5&fromId=${recent[3]?.a}`)
    const { body: fromTime } = await rest<Traded[]>(exchange, `/api/v3/aggTrades?symbol=BTCUSDT&limit=5&startTime=${recent[8]?.T}`)
    expect(fromId).toEqual(recent.slice(3, 8))
    expect(fromTime[0]?.T).toBe(recent[8]?.T)
  })

  test('too much weight is 429, going on is 418', async () => {
    const exchange = await start({ limits: { weightPerMinute: 3, banAfter: 1 } })
    const tries = []
    for (let count = 0; count < 3; count++) tries.push(await rest<{ code: number }>(exchange, '/api/v3/ticker/price'))
    expect(tries.map(({ status }) => status)).toEqual([429, 418, 418])
    expect(tries[0]?.body.code).toBe(-1003)
    expect(Number(tries[0]?.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect(tries[1]?.headers.get('retry-after')).toBe('120')
  })

  test('five thousand symbols are listed and answered at once', async () => {
    const exchange = await start({ symbols: 5000 })
    const startedAt = performance.now()
    const { body } = await rest<{ symbol: string }[]>(exchange, '/api/v3/ticker/24hr')
    expect(new Set(body.map(({ symbol }) => symbol)).size).toBe(5000)
    expect(performance.now() - startedAt).toBeLessThan(4000)
  })
})

describe('faults', () => {
  test('reset, kill and close end the sockets each in its way', async () => {
    const exchange = await start()
    const ended = async (act: () => void): Promise<string[]> => {
      const tcp = connect(exchange.port, '127.0.0.1')
      const seen: string[] = []
      tcp.on('error', (problem: NodeJS.ErrnoException) => seen.push(problem.code ?? ''))
      tcp.on('end', () => seen.push('end'))
      tcp.on('close', () => seen.push('closed'))
      const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'
      tcp.write(`GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`)
      // Not sooner: libuv reports a reset that overtakes unread bytes as an ordinary end.
      await new Promise(resolve => tcp.once('data', resolve))
      act()
      await until(() => seen.includes('closed') && exchange.stats().connections.now === 0, 'the end')
      return seen
    }
    expect(await ended(() => exchange.faults.reset())).toEqual(['ECONNRESET', 'closed'])
    expect(await ended(() => exchange.faults.kill())).toEqual(['end', 'closed'])
    const client = await enter(exchange, '/ws')
    exchange.faults.close(4001, 'why not')
    await until(() => client.closed.length > 0, 'the close')
    expect(client.closed).toEqual([{ code: 4001, reason: 'why not' }])
  })

  test('refuse destroys connections and refuses new ones; the control port still answers', async () => {
    const exchange = await start({ controlPort: 0 })
    const client = await enter(exchange, '/ws')
    const control = `http://127.0.0.1:${exchange.controlPort}`
    await post(`${control}/sim/faults`, { refuse: true })
    await until(() => client.closed.length > 0, 'the end')
    expect(await connecting(exchange.port)).toBe('ECONNREFUSED')
    expect((await fetch(`${control}/sim`)).status).toBe(200)
    await post(`${control}/sim/faults`, { refuse: false })
    await enter(exchange, '/ws')
  })

  test('upgrades and REST answer with the status asked for', async () => {
    const exchange = await start()
    Object.assign(exchange.faults, { upgradeStatus: 451, restStatus: 418, retryAfterS: 7 })
    expect(await refusal(exchange)).toEqual({ status: 451, retryAfter: undefined })
    const { status, headers } = await rest(exchange, '/api/v3/ping')
    expect([status, headers.get('retry-after')]).toEqual([418, '7'])
    exchange.faults.upgradeStatus = 429
    expect(await refusal(exchange)).toEqual({ status: 429, retryAfter: '7' })
    exchange.faults.clear()
    expect((await rest(exchange, '/api/v3/ping')).status).toBe(200)
    await enter(exchange, '/ws')
  })

  test('REST can be down while the control stays up, and late', async () => {
    const exchange = await start()
    exchange.faults.restDown = true
    await expect(fetch(`${exchange.restUrl}/api/v3/ping`)).rejects.toThrow()
    expect((await fetch(`${exchange.restUrl}/sim`)).status).toBe(200)
    exchange.faults.restDown = false
    exchange.faults.restDelayMs = 120
    const startedAt = performance.now()
    await rest(exchange, '/api/v3/ping')
    expect(performance.now() - startedAt).toBeGreaterThan(110)
  })

  test('silence leaves the socket alive', async () => {
    const exchange = await start({ rate: 40 })
    const client = await enter(exchange, '/stream?streams=btcusdt@trade/ethusdt@trade')
    exchange.faults.silentStreams = new Set(['btcusdt@trade'])
    await ask(client, { method: 'LIST_SUBSCRIPTIONS', id: 1 })
    const before = frames(client, 'btcusdt@trade').length
    const others = frames(client, 'ethusdt@trade').length
    await until(() => frames(client, 'ethusdt@trade').length > others + 20, 'trades of the other')
    expect(frames(client, 'btcusdt@trade')).toHaveLength(before)
    exchange.faults.silent = true
    await ask(client, { method: 'LIST_SUBSCRIPTIONS', id: 2 })
    const seen = client.texts.length
    await ask(client, { method: 'LIST_SUBSCRIPTIONS', id: 3 })
    expect(client.texts).toHaveLength(seen + 1)
    exchange.faults.clear()
    await until(() => frames(client, 'btcusdt@trade').length > before, 'trades again')
  })

  test('a black hole swallows everything, and lets go again', async () => {
    const exchange = await start({ rate: 40 })
    const client = await enter(exchange, '/ws/btcusdt@trade')
    const pongs: string[] = []
    client.socket.on('pong', payload => pongs.push(payload.toString()))
    exchange.faults.blackhole = true
    const late = dial(exchange, '/ws')
    client.socket.ping('there?')
    await until(() => exchange.stats().connections.attempts === 2, 'the attempt')
    await rest(exchange, '/api/v3/ping')
    const seen = client.texts.length
    await rest(exchange, '/api/v3/ping')
    expect([client.texts.length, pongs.length, late.socket.readyState]).toEqual([seen, 0, WebSocket.CONNECTING])
    exchange.faults.blackhole = false
    await until(() => pongs.length === 1 && late.socket.readyState === WebSocket.OPEN && client.texts.length > seen, 'everything again')
  })

  test('a shutdown is announced in both shapes, then done', async () => {
    const exchange = await start()
    const [raw, combined] = [await enter(exchange, '/ws'), await enter(exchange, '/stream')]
    exchange.faults.shutdown(30)
    await until(() => raw.closed.length + combined.closed.length === 2, 'two closes')
    expect(raw.texts[0]).toMatch(/^\{"e":"serverShutdown","E":\d{13}\}$/)
    expect(combined.texts[0]).toMatch(/^\{"stream":"!serverShutdown","data":\{"e":"serverShutdown","E":\d{13}\}\}$/)
    expect(raw.closed[0]?.code).toBe(1001)
  })

  test('acknowledgements are lost or late', async () => {
    const exchange = await start({ rate: 40 })
    const client = await enter(exchange, '/stream')
    exchange.faults.ackLost = true
    client.say({ method: 'SUBSCRIBE', params: ['btcusdt@trade'], id: 1 })
    await until(() => client.texts.length > 5, 'trades')
    expect(client.replies()).toEqual([])
    exchange.faults.clear()
    exchange.faults.ackDelayMs = 100
    const askedAt = performance.now()
    await ask(client, { method: 'LIST_SUBSCRIPTIONS', id: 2 })
    expect(performance.now() - askedAt).toBeGreaterThan(90)
  })

  test('frames come twice, or change places', async () => {
    const exchange = await start({ rate: 40 })
    exchange.faults.duplicate = true
    const client = await enter(exchange, '/ws/btcusdt@trade')
    await until(() => client.texts.length > 10, 'trades')
    expect(client.texts[1]).toBe(client.texts[0])
    exchange.faults.clear()
    exchange.faults.reorder = true
    const swapped = await enter(exchange, '/ws/ethusdt@trade')
    await until(() => swapped.texts.length > 10, 'trades')
    const ids = swapped.texts.map(text => Number((JSON.parse(text) as Event).t))
    expect(ids.slice(0, 4).map(id => id - Math.min(...ids))).toEqual([1, 0, 3, 2])
  })

  test('garbage and a giant arrive, a slow door opens late', async () => {
    const exchange = await start()
    const client = await enter(exchange, '/stream')
    exchange.faults.garbage()
    exchange.faults.giant(300_000)
    exchange.inject('{"mine":1}')
    await until(() => client.texts.length === 7, 'seven frames')
    expect(client.texts[5]).toHaveLength(300_000)
    expect(client.texts[6]).toBe('{"mine":1}')
    exchange.faults.connectDelayMs = 100
    const startedAt = performance.now()
    await enter(exchange, '/ws')
    expect(performance.now() - startedAt).toBeGreaterThan(90)
  })

  test('a symbol is delisted and listed again', async () => {
    const exchange = await start({ rate: 40 })
    const client = await enter(exchange, '/ws/btcusdt@trade')
    await until(() => client.texts.length > 0, 'a trade')
    exchange.faults.setStatus('BTCUSDT', 'BREAK')
    const { body } = await rest<{ symbols: { status: string }[] }>(exchange, '/api/v3/exchangeInfo?symbol=BTCUSDT')
    const seen = client.texts.length
    const other = await enter(exchange, '/ws/ethusdt@trade')
    await until(() => other.texts.length > 20, 'trades of the other')
    expect([body.symbols[0]?.status, client.texts.length]).toEqual(['BREAK', seen])
    exchange.faults.setStatus('BTCUSDT', 'TRADING')
    await until(() => client.texts.length > seen, 'trades again')
  })
})

describe('control over HTTP', () => {
  test('faults are switched and shown', async () => {
    const exchange = await start()
    const switched = await post(`${exchange.restUrl}/sim/faults`, {
      silent: true,
      silentStreams: ['a@trade'],
      close: { code: 1008, reason: 'x' },
    })
    expect(await switched.json()).toMatchObject({ silent: true, silentStreams: ['a@trade'] })
    expect([exchange.faults.silent, [...exchange.faults.silentStreams]]).toEqual([true, ['a@trade']])
    const { body } = await rest<object>(exchange, '/sim')
    expect(body).toMatchObject({ replay: { state: 'none', sent: 0 }, faults: { silent: true }, stats: { connections: { now: 0 } } })
    await post(`${exchange.restUrl}/sim/faults`, { clear: true })
    expect(exchange.faults.silent).toBe(false)
  })

  test.each([
    [{ sillent: true }, /^Unknown fault "sillent"; known are reset, kill, close, .*clear\.$/],
    [{ silent: 'yes' }, /^Fault "silent" expects true or false\.$/],
    [{ setStatus: { symbol: 'NOSUCH', status: 'BREAK' } }, /^Symbol NOSUCH is not listed here\.$/],
    [[], /^Send a JSON object/],
  ])('%j is a mistake explained in one sentence', async (asked, sentence) => {
    const response = await post(`${(await start()).restUrl}/sim/faults`, asked)
    expect(response.status).toBe(400)
    expect(((await response.json()) as { error: string }).error).toMatch(sentence)
  })

  test('a port in use is said so', async () => {
    const exchange = await start()
    await expect(start({ port: exchange.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining('cannot listen'),
    })
  })
})

function connecting(port: number): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => resolve('connected'))
    socket.on('error', (problem: NodeJS.ErrnoException) => resolve(problem.code ?? ''))
  })
}
