import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { chunk } from '../../src/board/frame.ts'
import type { Outlet } from '../../src/board/reader.ts'
import { openStream } from '../../src/http/stream.ts'
import { type House, openHouse, openWire, splitResponse, type Wire } from '../support/doors.ts'
import { eventsOf, unchunk } from '../support/outlet.ts'
import { until } from '../support/until.ts'

let house: House
const wires: Wire[] = []

const open = async (more: Readonly<Record<string, string>> = {}): Promise<House> => {
  house.close()
  house = await openHouse(more)
  return house
}
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => {
  for (const { socket } of wires.splice(0)) socket.destroy()
  house.close()
})

const wire = async (text = ''): Promise<Wire> => {
  const made = await openWire(house.port)
  wires.push(made)
  made.send(text)
  return made
}
const request = (target: string, ...headers: readonly string[]): string =>
  `${[`GET ${target} HTTP/1.1`, 'Host: x', ...headers].join('\r\n')}\r\n\r\n`
const streamOf = async (target = '/v1/stream?pairs=BTC/USD', ...headers: readonly string[]): Promise<Wire> => {
  const made = await wire(request(target, ...headers))
  await made.hears('\n\n\r\n')
  return made
}
const textOf = (made: Wire): string => unchunk(splitResponse(made.heard()).body).text
const idsOf = (made: Wire): (string | undefined)[] =>
  eventsOf(textOf(made))
    .filter(({ name }) => name === 'price')
    .map(({ id }) => id)
const headersOf = (made: Wire): Readonly<Record<string, string>> =>
  Object.fromEntries(
    splitResponse(made.heard())
      .head.split('\r\n')
      .slice(1)
      .map(line => [line.slice(0, line.indexOf(': ')).toLowerCase(), line.slice(line.indexOf(': ') + 2)]),
  )
const joined = (readers: number): Promise<unknown> => until(`${readers} readers`, () => house.hub.counts().readers === readers)

test('a stream has the headers of the contract, and no others of its own', async () => {
  const made = await streamOf()
  expect(splitResponse(made.heard()).head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  const { date, ...headers } = headersOf(made)
  expect(date).toBeDefined()
  expect(headers).toEqual({
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    connection: 'close',
    'transfer-encoding': 'chunked',
  })
})

test('a stream is a valid chunked body, byte for byte, from the greeting to the farewell', async () => {
  house.price({ at: 1 })
  const made = await streamOf('/v1/stream?pairs=BTC/USD,%E5%B8%81%E5%AE%89/USD')
  for (let at = 2; at <= 30; at += 1) house.price({ at, pair: at % 3 === 0 ? '币安/USD' : 'BTC/USD' })
  await made.hears('"1-30"'.slice(1, -1))
  house.clock.advance(16_000)
  await made.hears(':\n\n')
  house.hub.farewell(250, 2000)
  await made.hears('\r\n0\r\n\r\n')
  const { text, isEnded } = unchunk(splitResponse(made.heard()).body)
  expect(isEnded).toBe(true)
  const names = eventsOf(text).map(({ name }) => name)
  expect(names).toEqual(['retry', 'status', ...Array.from({ length: 30 }, () => 'price'), 'comment', 'reconnect'])
  expect(text).toMatch(/^retry: 2000\n\nevent: status\ndata: \{/)
})

test('a connection that begins with a stream ends with it', async () => {
  const made = await streamOf()
  house.hub.farewell(250, 2000)
  await made.hears('\r\n0\r\n\r\n')
  await until('it is over', () => made.isOver)
})

test('after the farewell a connection that had other answers before answers the next request', async () => {
  const made = await wire(request('/health/live'))
  await made.hears('{"status":"alive"}')
  made.send(request('/v1/stream?pairs=BTC/USD'))
  await made.hears('event: status')
  house.hub.farewell(250, 2000)
  await made.hears('\r\n0\r\n\r\n')
  const length = made.heard().length
  made.send(request('/health/live'))
  await made.hears('{"status":"alive"}', 2)
  expect(made.heard().subarray(length).toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
})

test('what is written after the end never reaches the connection, which may carry another answer', async () => {
  const outlets: Outlet[] = []
  const server = createHttpServer((incoming, outgoing) => {
    if (incoming.url === '/stream') outlets.push(openStream(incoming, outgoing, {}).outlet)
    else outgoing.end('done')
  })
  const { port } = await new Promise<AddressInfo>(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo)))
  const made = await openWire(port)
  wires.push(made)
  made.send(request('/stream'))
  const outlet = await until('the stream is open', () => outlets[0])
  outlet.write([chunk('one\n\n'), chunk('two\n\n')])
  outlet.end()
  expect(outlet.write([chunk('late')])).toBe(true)
  await made.hears('\r\n0\r\n\r\n')
  made.send(request('/'))
  await made.hears('done')
  expect(made.heard().toString()).not.toContain('late')
  server.close()
  server.closeAllConnections()
})

test('a stream follows answers of JSON on the same connection', async () => {
  const made = await wire(request('/health/live'))
  await made.hears('{"status":"alive"}')
  made.send(request('/v1/stream?pairs=BTC/USD'))
  await made.hears('event: status')
  const start = made.heard().lastIndexOf('HTTP/1.1 200')
  house.price({ at: 1 })
  await made.hears('id: 1-1')
  const { text } = unchunk(splitResponse(made.heard().subarray(start)).body)
  expect(eventsOf(text).map(({ name }) => name)).toEqual(['retry', 'status', 'price'])
})

test('pipelined requests are answered in turn, a stream among them', async () => {
  const made = await wire(request('/health/live') + request('/v1/stream?pairs=BTC/USD'))
  await made.hears('event: status')
  house.price({ at: 1 })
  await made.hears('id: 1-1')
  house.hub.farewell(1, 2)
  await made.hears('\r\n0\r\n\r\n')
  const start = made.heard().lastIndexOf('HTTP/1.1 200')
  const { text, isEnded } = unchunk(splitResponse(made.heard().subarray(start)).body)
  expect(isEnded).toBe(true)
  expect(eventsOf(text).map(({ name }) => name)).toEqual(['retry', 'status', 'price', 'reconnect'])
})

test('a stream that waits for its turn behind another one is let go with the connection', async () => {
  const made = await wire(request('/v1/stream?pairs=BTC/USD') + request('/v1/stream?pairs=ETH/USD'))
  await made.hears('event: status')
  await joined(2)
  made.socket.destroy()
  await joined(0)
  expect([house.added, house.removed]).toEqual([
    ['BTC/USD', 'ETH/USD'],
    ['BTC/USD', 'ETH/USD'],
  ])
})

test.each([
  ['a host that is none', 'GET /v1/status HTTP/1.1', 'Host: [::'],
  ['the same of a stream', 'GET /v1/stream?pairs=BTC/USD HTTP/1.1', 'Host: [::'],
  ['no path', 'OPTIONS * HTTP/1.1', 'Host: x'],
  ['a backslash', 'GET /v1\\status HTTP/1.1', 'Host: x'],
])('a request that cannot be read gets a problem like any other: %s', async (_, line, host) => {
  const made = await wire(`${line}\r\n${host}\r\nConnection: close\r\n\r\n`)
  await until('the connection ends', () => made.isOver)
  const { head, body } = splitResponse(made.heard())
  expect(head).toMatch(/^HTTP\/1\.1 400/)
  expect(headersOf(made)).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  expect(JSON.parse(body.toString())).toMatchObject({ status: 400, detail: expect.stringMatching(/^The request cannot be read: .+\.$/) })
})

test.each(['', 'Host: x\r\n'])('HTTP/1.0 gets a stream without chunks, ended by the end of the connection %j', async host => {
  const made = await wire(`GET /v1/stream?pairs=BTC/USD HTTP/1.0\r\n${host}\r\n`)
  await made.hears('event: status')
  house.price({ at: 1 })
  await made.hears('id: 1-1')
  house.hub.farewell(1, 2)
  await until('the connection ends', () => made.isOver)
  const { head, body } = splitResponse(made.heard())
  expect(head).not.toMatch(/transfer-encoding/i)
  expect(eventsOf(body.toString()).map(({ name }) => name)).toEqual(['retry', 'status', 'price', 'reconnect'])
})

test('Connection: close is kept: a valid body, then the end', async () => {
  const made = await streamOf('/v1/stream?pairs=BTC/USD', 'Connection: close')
  house.hub.farewell(1, 2)
  await until('the connection ends', () => made.isOver)
  expect(unchunk(splitResponse(made.heard()).body).isEnded).toBe(true)
})

test('a reader that disconnects gives back its seat and its demand, once', async () => {
  const made = await streamOf('/v1/stream?pairs=BTC/USD,ETH/USD')
  const other = await streamOf('/v1/stream?pairs=ETH/USD')
  await joined(2)
  made.socket.destroy()
  await joined(1)
  house.price({ at: 1, pair: 'ETH/USD' })
  await other.hears('id: 1-1')
  house.clock.advance(60_000)
  expect(house.removed).toEqual(['BTC/USD', 'ETH/USD'])
  other.socket.end()
  await joined(0)
  expect(house.added).toEqual(['BTC/USD', 'ETH/USD', 'ETH/USD'])
  expect(house.removed).toEqual(['BTC/USD', 'ETH/USD', 'ETH/USD'])
})

test('a reader sent away gives back its demand, once', async () => {
  const made = await streamOf()
  house.hub.farewell(1, 2)
  await made.hears('\r\n0\r\n\r\n')
  await until('the demand is back', () => house.removed.length > 0)
  made.socket.destroy()
  await until('the connection ends', () => made.isOver)
  house.clock.advance(1000)
  expect(house.removed).toEqual(['BTC/USD'])
})

test('a reader that stops reading is not sent more and more, gets the newest when it reads again', async () => {
  const made = await streamOf()
  made.socket.pause()
  let at = 0
  const delivered = (): number => house.hub.counts().delivered
  let before = -1
  while (before !== delivered() && at < 200_000) {
    before = delivered()
    for (let turn = 0; turn < 500; turn += 1) {
      at += 1
      house.price({ at })
    }
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(at).toBeLessThan(200_000)
  const held = delivered()
  for (let turn = 0; turn < 5000; turn += 1) {
    at += 1
    house.price({ at })
  }
  expect(delivered()).toBe(held)
  made.socket.resume()
  await until('the newest came', () => {
    house.clock.advance(0)
    return made.heard().includes(`id: 1-${at}\n`)
  })
  const ids = idsOf(made)
  expect(ids).toHaveLength(held + 1)
  expect(ids.at(-1)).toBe(`1-${at}`)
})

test('a reader that stops reading is cut after thirty seconds', async () => {
  const made = await streamOf()
  made.socket.pause()
  for (let at = 1; at < 200_000 && house.hub.counts().cutStuck === 0; at += 1) {
    house.price({ at })
    if (at % 500 === 0) await new Promise(resolve => setImmediate(resolve))
    if (at % 20_000 === 0) house.clock.advance(31_000)
  }
  expect(house.hub.counts()).toMatchObject({ readers: 0, cutStuck: 1 })
  await until('the demand is back', () => house.removed.length === 1)
})

test('Last-Event-ID sends only what is newer, by header or by query', async () => {
  house.price({ at: 10, pair: 'BTC/USD' })
  house.price({ at: 20, pair: 'ETH/USD' })
  const both = '/v1/stream?pairs=BTC/USD,ETH/USD'
  expect(idsOf(await streamOf(both, 'Last-Event-ID: 1-10'))).toEqual(['1-20'])
  expect(idsOf(await streamOf(`${both}&lastEventId=1-10`))).toEqual(['1-20'])
  expect(idsOf(await streamOf(`${both}&lastEventId=1-20`))).toEqual([])
  expect(idsOf(await streamOf(`${both}&lastEventId=1-10`, 'Last-Event-ID: 1-5'))).toEqual(['1-10', '1-20'])
})

test('a Last-Event-ID that is not understood sends everything', async () => {
  house.price({ at: 10 })
  for (const id of ['', 'x', '1', '1-2-3', '-1-2', '\u00ff', '9'.repeat(3000), '1e3-1', '9007199254740991-1', '1-9007199254740990'])
    expect(idsOf(await streamOf('/v1/stream?pairs=BTC/USD', `Last-Event-ID: ${id}`)), id).toEqual(['1-10'])
})

test('pairs that are unknown or not traded are told in the stream and do not harm the others', async () => {
  house.standings.set('NO/USD', { kind: 'unknown' })
  house.standings.set('OLD/USD', { kind: 'not-trading', symbol: 'OLDUSDT', status: 'BREAK' })
  const made = await streamOf('/v1/stream?pairs=no-usd,btc-usd,OLD/USD')
  const events = eventsOf(textOf(made))
  expect(events.map(({ name }) => name)).toEqual(['retry', 'pair-error', 'pair-error', 'status'])
  expect(events[1]?.data).toEqual({ pair: 'NO/USD', code: 'unknown-pair', detail: 'The exchange lists no NO/USD.' })
  expect(events[2]?.data).toMatchObject({ pair: 'OLD/USD', code: 'not-trading' })
  expect(events[3]?.data.pairs).toEqual({ 'BTC/USD': 'live' })
  expect(house.added).toEqual(['BTC/USD'])
})

test('with mode=every each trade comes; with an interval the newest once in it', async () => {
  const every = await streamOf('/v1/stream?pairs=BTC/USD&mode=every')
  const slow = await streamOf('/v1/stream?pairs=BTC/USD&interval=1000')
  await joined(2)
  for (let at = 1; at <= 5; at += 1) house.price({ at, prev: at - 1 })
  await every.hears('id: 1-5')
  expect(idsOf(every)).toEqual(['1-1', '1-2', '1-3', '1-4', '1-5'])
  house.clock.advance(1100)
  await slow.hears('id: 1-5')
  expect(idsOf(slow)).toEqual(['1-1', '1-5'])
})

test('at the limit a reader is told to come back later, and nothing of it stays', async () => {
  await open({ TICKCAST_READERS_MAX: '1' })
  const first = await streamOf()
  await joined(1)
  const waits = new Set<number>()
  for (let turn = 0; turn < 5; turn += 1) {
    const made = await wire(request('/v1/stream?pairs=BTC/USD'))
    await made.hears('\r\n0\r\n\r\n')
    expect(splitResponse(made.heard()).head).toMatch(/^HTTP\/1\.1 200 OK/)
    const { text, isEnded } = unchunk(splitResponse(made.heard()).body)
    expect(isEnded).toBe(true)
    const [retry, busy, ...more] = eventsOf(text)
    expect(more).toEqual([])
    expect(busy).toMatchObject({ name: 'busy', data: { afterMs: retry?.data } })
    expect(retry?.data).toBeGreaterThanOrEqual(5000)
    waits.add(retry?.data)
  }
  expect(waits.size).toBeGreaterThan(1)
  expect(house.added).toEqual(['BTC/USD'])
  first.socket.destroy()
  await joined(0)
  await streamOf()
  await joined(1)
})

test('in a rush those who come too fast are told to come back later, and those who are here stay', async () => {
  await open({ TICKCAST_JOINS_PER_SECOND: '2' })
  const readers = await Promise.all(Array.from({ length: 4 }, () => streamOf()))
  const busy = await wire(request('/v1/stream?pairs=BTC/USD'))
  await busy.hears('event: busy')
  await busy.hears('\r\n0\r\n\r\n')
  expect(house.hub.counts().readers).toBe(4)
  expect(readers.some(made => made.isOver)).toBe(false)
  house.clock.advance(600)
  await streamOf()
})

test('a stream whose time is over is told to reconnect, ends in order, and gives back its demand', async () => {
  await open({ TICKCAST_STREAM_LIFE_MS: '60000' })
  const made = await streamOf()
  house.clock.advance(47_000)
  expect(textOf(made)).not.toContain('reconnect')
  house.clock.advance(14_000)
  await made.hears('\r\n0\r\n\r\n')
  const last = eventsOf(textOf(made)).at(-1)
  expect(last).toMatchObject({ name: 'reconnect' })
  expect(textOf(made)).toContain(`retry: ${last?.data.afterMs}\nevent: reconnect`)
  await until('the demand is back', () => house.removed.length === 1)
})

test('where there is no room for a pair the reader is told, and nobody’s demand is taken', async () => {
  for (let index = 1; index < 5000; index += 1) house.wanted.add(`P${index}/USD`)
  house.added.splice(0)
  const made = await streamOf('/v1/stream?pairs=BTC/USD,NEW/USD')
  expect(eventsOf(textOf(made)).find(({ name }) => name === 'pair-error')?.data).toMatchObject({ pair: 'NEW/USD', code: 'no-room' })
  const busy = await wire(request('/v1/stream?pairs=NEW/USD'))
  await busy.hears('event: busy')
  made.socket.destroy()
  await joined(0)
  expect([house.added, house.removed]).toEqual([['BTC/USD'], ['BTC/USD']])
})

test('pages of other origins may read the stream, and why there is none, only if they are allowed to', async () => {
  const cors = (made: Wire): (string | undefined)[] => [headersOf(made)['access-control-allow-origin'], headersOf(made).vary]
  expect(cors(await streamOf('/v1/stream?pairs=BTC/USD', 'Origin: https://a.example'))).toEqual([undefined, undefined])
  await open({ TICKCAST_CORS_ORIGINS: 'https://a.example' })
  expect(cors(await streamOf('/v1/stream?pairs=BTC/USD', 'Origin: https://a.example'))).toEqual(['https://a.example', 'Origin'])
  expect(cors(await streamOf('/v1/stream?pairs=BTC/USD', 'Origin: https://b.example'))[0]).toBeUndefined()
  const refused = await wire(request('/v1/stream', 'Origin: https://a.example'))
  await refused.hears('pairs is missing')
  expect(cors(refused)[0]).toBe('https://a.example')
  const preflight = await wire(
    request(
      '/v1/stream',
      'Origin: https://a.example',
      'Access-Control-Request-Method: GET',
      'Access-Control-Request-Headers: last-event-id',
    ).replace('GET', 'OPTIONS'),
  )
  await preflight.hears('\r\n\r\n')
  expect(splitResponse(preflight.heard()).head).toMatch(/^HTTP\/1\.1 204/)
  expect(headersOf(preflight)).toMatchObject({
    'access-control-allow-headers': 'last-event-id',
    'access-control-allow-methods': 'GET,HEAD',
  })
  await open({ TICKCAST_CORS_ORIGINS: '*' })
  expect(cors(await streamOf('/v1/stream?pairs=BTC/USD', 'Origin: https://any.example'))[0]).toBe('*')
})
