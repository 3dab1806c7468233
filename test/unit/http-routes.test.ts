import { afterEach, beforeEach, expect, test } from 'vitest'
import { type House, openHouse, openWire, splitResponse } from '../support/doors.ts'
import { updateOf } from '../support/outlet.ts'
import { until } from '../support/until.ts'

let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => house.close())

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the route answers; tests look at it
  readonly body: any
}

const get = async (path: string, init: RequestInit = {}): Promise<Answer> => {
  const response = await fetch(`${house.url}${path}`, init)
  const text = await response.text()
  const type = response.headers.get('content-type')
  return { status: response.status, type, headers: response.headers, body: type?.includes('json') ? JSON.parse(text || 'null') : text }
}
const expectProblem = (answer: Answer, status: number, detail: RegExp | string): void => {
  expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { type: 'about:blank', status } })
  expect(answer.body.title).toMatch(/\w/)
  expect(answer.body.detail).toMatch(detail)
  expect(answer.body.detail.length).toBeLessThan(300)
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
}
const joined = (readers: number): Promise<unknown> => until(`${readers} readers`, () => house.hub.counts().readers === readers)

test('one price, by slash, dash or encoded slash, in any case', async () => {
  house.price({ at: 7 })
  for (const path of ['BTC/USD', 'btc-usd', 'BTC%2FUSD', 'btc%2fusd']) {
    const { status, type, headers, body } = await get(`/v1/prices/${path}`)
    expect([status, type, headers.get('cache-control')], path).toEqual([200, 'application/json', 'no-store'])
    expect(body).toMatchObject({ id: '1-7', pair: 'BTC/USD', symbol: 'BTCUSD', price: '7.50000000', level: 'live', cached: false })
  }
})

test('a price is told at the level it has now', async () => {
  house.price({ at: 7 })
  house.levels.set('BTC/USD', 'local-cache')
  expect((await get('/v1/prices/BTC/USD')).body).toMatchObject({ level: 'local-cache', cached: true })
})

test('several prices, with what is wrong about the others', async () => {
  house.price({ at: 7 })
  house.standings.set('NO/USD', { kind: 'unknown' })
  const { status, body } = await get('/v1/prices?pairs=BTC/USD,no-usd')
  expect(status).toBe(200)
  expect(body.prices).toMatchObject([{ pair: 'BTC/USD' }])
  expect(body.errors).toEqual([{ pair: 'NO/USD', code: 'unknown-pair', detail: 'The exchange lists no NO/USD.' }])
})

test('without pairs all prices of this instance, at once, however many', async () => {
  for (let index = 0; index < 300; index += 1) house.wanted.add(`P${index}/USD`)
  house.price({ at: 7 })
  const { status, body } = await get('/v1/prices')
  expect(status).toBe(200)
  expect(body.prices).toHaveLength(1)
  expect(body.errors).toHaveLength(300)
  expect(body.errors[0].code).toBe('no-price-yet')
})

test('a price nobody streams yet is asked for, waited for and answered', async () => {
  const asked = get('/v1/prices/ETH/USD')
  await joined(1)
  expect(house.wanted.here().has('ETH/USD')).toBe(true)
  house.price({ at: 3, pair: 'ETH/USD' })
  house.price({ at: 4, pair: 'ETH/USD' })
  expect(await asked).toMatchObject({ status: 200, body: { pair: 'ETH/USD' } })
  expect([house.added, house.removed]).toEqual([['ETH/USD'], ['ETH/USD']])
  expect(house.hub.counts().readers).toBe(0)
})

test('a price told twice before the request is over counts as one reader, so that others keep theirs', async () => {
  house.wanted.add('ETH/USD')
  const asked = get('/v1/prices/ETH/USD')
  await joined(1)
  house.board.apply(updateOf({ at: 3, pair: 'ETH/USD' }), house.clock.wall())
  house.hub.tell('ETH/USD', 'note', {})
  house.clock.advance(0)
  await asked
  house.clock.advance(60_000)
  expect(house.removed).toEqual(['ETH/USD'])
  expect(house.wanted.here().has('ETH/USD')).toBe(true)
})

test('a price that does not come within three seconds is 503, and among others an error', async () => {
  const one = get('/v1/prices/ETH/USD')
  await joined(1)
  house.clock.advance(3000)
  expectProblem(await one, 503, 'No price of ETH/USD has arrived yet; ask again.')
  house.price({ at: 1 })
  const several = get('/v1/prices?pairs=ETH/USD,BTC/USD')
  await joined(1)
  house.clock.advance(3000)
  expect((await several).body).toMatchObject({ prices: [{ pair: 'BTC/USD' }], errors: [{ pair: 'ETH/USD', code: 'no-price-yet' }] })
  expect(house.hub.counts().readers).toBe(0)
  expect(house.removed).toHaveLength(2)
})

test('at the limit of readers a price is not waited for', async () => {
  house.close()
  house = await openHouse({ TICKCAST_READERS_MAX: '1' })
  const first = get('/v1/prices/ETH/USD')
  await joined(1)
  expectProblem(await get('/v1/prices/XRP/USD'), 503, /No price of XRP\/USD/)
  house.price({ at: 1, pair: 'ETH/USD' })
  expect((await first).status).toBe(200)
})

test('a price asked for while the instance goes is not waited for', async () => {
  const before = get('/v1/prices/ETH/USD')
  await joined(1)
  house.hub.farewell(1, 2)
  house.clock.advance(0)
  expectProblem(await before, 503, /ETH/)
  const after = get('/v1/prices/ETH/USD')
  await until('both were let go', () => {
    house.clock.advance(0)
    return house.removed.length === 2
  })
  expectProblem(await after, 503, /ETH/)
})

test('where no pair is left it is 404, saying of each why', async () => {
  house.standings.set('NO/USD', { kind: 'unknown' })
  house.standings.set('OLD/USD', { kind: 'not-trading', symbol: 'OLDUSDT', status: 'BREAK' })
  for (const path of ['/v1/prices?pairs=NO/USD,OLD/USD', '/v1/stream?pairs=NO/USD,OLD/USD']) {
    const answer = await get(path)
    expectProblem(answer, 404, 'The exchange lists no NO/USD. The exchange lists OLDUSDT, but its status is BREAK.')
    expect(answer.body.errors.map(({ code }: { code: string }) => code)).toEqual(['unknown-pair', 'not-trading'])
  }
  expectProblem(await get('/v1/prices/NO/USD'), 404, 'The exchange lists no NO/USD.')
})

test.each([
  ['/v1/stream', /^pairs is missing/],
  ['/v1/stream?pairs=', /^pairs is missing/],
  ['/v1/stream?pairs=BTC', /^"BTC" is no pair; one looks like BTC\/USD$/],
  ['/v1/stream?pairs=BTC/USD,', /^"" is no pair/],
  ['/v1/stream?pairs=BTC/USD&pairs=DOGE', /^"DOGE" is no pair/],
  ['/v1/stream?pairs=%00/USD', /^"\?\/USD" is no pair/],
  ['/v1/stream?pairs=%0d%0aevent:x/USD', /is no pair/],
  ['/v1/stream?pairs=%F0%9F%9A%80/USD', /^"🚀\/USD" is no pair/],
  ['/v1/stream?pairs=%ff%fe', /is no pair/],
  ['/v1/stream?pairs=%zz', /^"%zz" is no pair/],
  ['/v1/stream?pairs=BTC+USD', /^"BTC USD" is no pair/],
  ['/v1/stream?pairs=BTC/USD&interval=-1', /^interval="-1" is no number of milliseconds from 0 to 3600000$/],
  ['/v1/stream?pairs=BTC/USD&interval=1e3', /^interval=/],
  ['/v1/stream?pairs=BTC/USD&interval=', /^interval=/],
  ['/v1/stream?pairs=BTC/USD&interval=3600001', /^interval=/],
  ['/v1/stream?pairs=BTC/USD&mode=all', /^mode="all" is neither latest nor every$/],
  ['/v1/stream?pairs=BTC/USD&mode=every&interval=5', /^mode=every has no interval/],
  ['/v1/prices?pairs=', /^pairs is missing/],
  ['/v1/prices?pairs=x', /^"x" is no pair/],
  ['/v1/prices/BTC', /^"BTC" is no pair/],
  ['/v1/prices/%00', /^"\?" is no pair/],
  ['/v1/prices/BTC%2FUSD,ETH%2FUSD', /is no pair/],
  ['/v1/prices/BTC/USD%2F', /is no pair/],
])('%s is 400, in one sentence', async (path, detail) => {
  expectProblem(await get(path), 400, detail)
})

test('five hundred pairs in one request are too many, told in one sentence', async () => {
  const pairs = Array.from({ length: 500 }, (_, index) => `P${index}/USD`).join(',')
  for (const path of ['/v1/stream', '/v1/prices'])
    expectProblem(await get(`${path}?pairs=${pairs}`), 400, '500 pairs in one request; at most 200 are served')
  expect(house.added).toEqual([])
})

test('a query of sixteen kilobytes is refused and the server lives', async () => {
  const long = 'A'.repeat(15_000)
  expectProblem(await get(`/v1/stream?pairs=${long}`), 400, /^"A{40}" is no pair/)
  expect((await get(`/v1/stream?pairs=${'A'.repeat(17_000)}`)).status).toBe(431)
  expect((await get('/health/live')).status).toBe(200)
})

test('targets no URL allows are refused and the server lives', async () => {
  for (const target of ['/v1/prices/\0', '/v1/%', '//', '/v1/../x', '*', 'http://', '/\\', '/v1/prices/\ud83d\ude80/USD']) {
    const wire = await openWire(house.port)
    wire.send(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    await until(`${JSON.stringify(target)} is answered`, () => wire.isOver)
    expect(splitResponse(wire.heard()).head, target).toMatch(/^HTTP\/1\.1 (400|404)/)
  }
  expect((await get('/health/live')).body).toEqual({ status: 'alive' })
})

test('pairs are searched', async () => {
  expect((await get('/v1/pairs?search=btc')).body).toEqual({ pairs: [{ pair: 'BTC/USD', symbol: 'btc:500', status: 'TRADING' }] })
  expect((await get('/v1/pairs')).status).toBe(200)
})

test('alive is alive; ready is ready only without a reason not to be', async () => {
  expect((await get('/health/live')).body).toEqual({ status: 'alive' })
  expect(await get('/health/ready')).toMatchObject({ status: 200, body: { status: 'ready', reasons: [] } })
  house.unready.push('prices have been stale for 9 s')
  expect(await get('/health/ready')).toMatchObject({ status: 503, body: { reasons: ['prices have been stale for 9 s'] } })
  expect(await get('/health')).toMatchObject({ status: 503, body: { status: 'not ready', live: true, detail: { instance: 'me' } } })
  expect((await get('/health/live')).status).toBe(200)
  expect((await get('/v1/status')).body).toEqual({ instance: 'me' })
})

test('a page comes with a policy that lets in nothing from elsewhere', async () => {
  for (const path of ['/']) {
    const { status, type, headers } = await get(path)
    expect([status, type, headers.get('cache-control')], path).toEqual([200, 'text/html; charset=utf-8', 'no-cache'])
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  }
})

test('what a page needs is kept for ever by its name, and is sent compressed to those who ask', async () => {
  const names = [...(await get('/')).body.matchAll(/(?:src|href)="([^"]+)"/g)].map(match => String(match[1]))
  const script = names.find(name => name.endsWith('.js')) ?? ''
  expect(script).toMatch(/^\/assets\/prices-[\w-]{8}\.js$/)
  expect(names.find(name => name.endsWith('.svg'))).toMatch(/^\/assets\//)
  const plain = await get(script, { headers: { 'Accept-Encoding': 'identity' } })
  expect([plain.status, plain.type]).toEqual([200, 'text/javascript; charset=utf-8'])
  expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(plain.headers.get('content-encoding')).toBeNull()
  const zipped = await get(script, { headers: { 'Accept-Encoding': 'gzip, br' } })
  expect([zipped.headers.get('content-encoding'), zipped.headers.get('vary')]).toEqual(['gzip', 'Accept-Encoding'])
  expect(zipped.body).toBe(plain.body)
  expectProblem(await get('/assets/prices-00000000.js'), 404, /There is nothing at/)
})

test('a page that has not changed is not sent again', async () => {
  const etag = (await get('/')).headers.get('etag') ?? ''
  expect(etag).toMatch(/^W\/"[\w-]{22}"$/)
  const again = await get('/', { headers: { 'If-None-Match': etag } })
  expect([again.status, again.body]).toEqual([304, ''])
  expect((await get('/', { headers: { 'If-None-Match': 'W/"another"' } })).status).toBe(200)
})

test('what is not there is 404', async () => {
  expectProblem(await get('/v2'), 404, 'There is nothing at "/v2"; the API begins at /v1.')
  const posted = await get('/v1/stream?pairs=BTC/USD', { method: 'POST' })
  expectProblem(posted, 405, 'Everything here is read with GET, not POST.')
  expect(posted.headers.get('allow')).toBe('GET, HEAD')
  expectProblem(await get(`/${'x'.repeat(5000)}`), 404, /There is nothing at/)
})

test('no cache keeps what is true only now: health, status, and that a pair is unknown', async () => {
  house.standings.set('NO/USD', { kind: 'unknown' })
  const paths = [
    '/v1/status',
    '/v1/pairs',
    '/v1/prices',
    '/v1/prices/NO/USD',
    '/v1/stream?pairs=NO/USD',
    '/v1/stream',
    '/health',
    '/metrics',
  ]
  for (const path of [...paths, '/health/live', '/health/ready', '/v2'])
    expect((await get(path)).headers.get('cache-control'), path).toBe('no-store')
})

test('HEAD is answered like GET, without a body, and opens no stream', async () => {
  house.price({ at: 1 })
  const stream = await get('/v1/stream?pairs=BTC/USD', { method: 'HEAD' })
  expect([stream.status, stream.type, stream.headers.get('cache-control'), stream.body]).toEqual([
    200,
    'text/event-stream',
    'no-cache, no-transform',
    '',
  ])
  expect(await get('/v1/prices/BTC/USD', { method: 'HEAD' })).toMatchObject({ status: 200, type: 'application/json', body: null })
  expect((await get('/v1/stream', { method: 'HEAD' })).status).toBe(400)
  expect(house.hub.counts().readers).toBe(0)
  expect(house.added).toEqual([])
})

test('pages of other origins may read JSON only if they are allowed to', async () => {
  const origin = { headers: { Origin: 'https://a.example' } }
  expect((await get('/v1/status', origin)).headers.get('access-control-allow-origin')).toBeNull()
  house.close()
  house = await openHouse({ TICKCAST_CORS_ORIGINS: 'https://a.example' })
  expect((await get('/v1/status', origin)).headers.get('access-control-allow-origin')).toBe('https://a.example')
  expect((await get('/v1/status', { headers: { Origin: 'https://b' } })).headers.get('access-control-allow-origin')).toBeNull()
})
