import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'
import { get as getSecurely } from 'node:https'
import { afterEach, describe, expect, it } from 'vitest'
import { type Authority, createAuthority, opensslAvailable } from '../support/certificates.ts'
import { type House, openHouse, openWire, splitResponse } from '../support/doors.ts'
import { endAll, startProcess } from '../support/instance.ts'
import { eventsOf, type Told } from '../support/outlet.ts'
import { until } from '../support/until.ts'

let house: House | undefined
let authority: Authority | undefined
const sessions: ClientHttp2Session[] = []
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy()
  house?.close()
  house = undefined
  authority?.remove()
  authority = undefined
  endAll()
})

const open = async (environment: Readonly<Record<string, string>> = { TICKCAST_HTTP2: 'on' }): Promise<House> => {
  house = await openHouse(environment)
  return house
}

const sessionTo = (url: string, ca?: string): ClientHttp2Session => {
  const session = connect(url, ca === undefined ? {} : { ca: readFileSync(ca) })
  session.on('error', () => {})
  sessions.push(session)
  return session
}

interface Asked {
  readonly stream: ClientHttp2Stream
  readonly headers: IncomingHttpHeaders
  text(): string
  events(): Told[]
  readonly isOver: boolean
}

const ask = (session: ClientHttp2Session, path: string, more: Readonly<Record<string, string>> = {}): Promise<Asked> =>
  new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, ...more })
    const state = { text: '', isOver: false }
    stream.setEncoding('utf8')
    stream.on('data', text => {
      state.text += text
    })
    stream.on('close', () => {
      state.isOver = true
    })
    stream.on('error', reject)
    stream.on('response', headers =>
      resolve({
        stream,
        headers,
        text: () => state.text,
        events: () => eventsOf(state.text),
        get isOver() {
          return state.isOver
        },
      }),
    )
  })

const namesOf = (asked: Asked): string[] => asked.events().map(({ name }) => name)

describe('without TLS, for a proxy that knows beforehand', () => {
  it('streams over one connection, each from its greeting to its farewell, without a header that HTTP/2 forbids', async () => {
    const { url, price, hub, clock } = await open()
    price({ at: 1 })
    const session = sessionTo(url)
    const [one, other] = await Promise.all([
      ask(session, '/v1/stream?pairs=BTC/USD'),
      ask(session, '/v1/stream?pairs=ETH/USD', { 'last-event-id': '1-1' }),
    ])
    const { date, ...headers } = one?.headers ?? {}
    expect(date).toBeDefined()
    expect(Object.fromEntries(Object.entries(headers))).toEqual({
      ':status': 200,
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    for (let at = 2; at <= 30; at += 1) price({ at, pair: at % 3 === 0 ? 'ETH/USD' : 'BTC/USD' })
    await until('prices came', () => one.text().includes('id: 1-29\n') && other.text().includes('id: 1-30\n'))
    clock.advance(16_000)
    await until('a comment came', () => namesOf(one).includes('comment'))
    hub.farewell(250, 2000)
    await until('both are over', () => one.isOver && other.isOver)
    expect(namesOf(one)).toEqual(['retry', 'status', ...Array(20).fill('price'), 'comment', 'reconnect'])
    expect(namesOf(other)).toEqual(['retry', 'status', ...Array(10).fill('price'), 'comment', 'reconnect'])
    expect(session.destroyed).toBe(false)
  })

  it('answers every other route, also to HEAD and POST', async () => {
    const { url, price } = await open({ TICKCAST_HTTP2: 'on', TICKCAST_ADMIN_TOKEN: 'sesame' })
    price({ at: 1 })
    const session = sessionTo(url)
    for (const [path, status, method] of [
      ['/', 200, 'GET'],
      ['/docs', 200, 'GET'],
      ['/metrics', 200, 'GET'],
      ['/v1/prices/BTC/USD', 200, 'GET'],
      ['/v1/prices/BTC/USD', 200, 'HEAD'],
      ['/v1/stream?pairs=BTC/USD', 200, 'HEAD'],
      ['/v1/stream', 400, 'GET'],
      ['/nothing', 404, 'GET'],
      ['/admin/hand-over', 401, 'POST'],
    ] as const) {
      const asked = await ask(session, path, { ':method': method })
      await until(`${method} ${path} is over`, () => asked.isOver)
      expect([method, path, asked.headers[':status']]).toEqual([method, path, status])
      if (method === 'HEAD') expect(asked.text()).toBe('')
    }
  })

  it('conflates for a stream that is not read, not for its neighbour on the connection; who closes one gives back its demand', async () => {
    const { url, price, hub, clock, removed } = await open()
    const session = sessionTo(url)
    const slow = await ask(session, '/v1/stream?pairs=BTC/USD')
    const quick = await ask(session, '/v1/stream?pairs=ETH/USD')
    await until('both are in', () => hub.counts().readers === 2)
    slow.stream.pause()
    let at = 0
    let before = -1
    while (before !== hub.counts().delivered && at < 100_000) {
      before = hub.counts().delivered
      for (let turn = 0; turn < 500; turn += 1) price({ at: ++at })
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(at).toBeLessThan(100_000)
    price({ at: ++at, pair: 'ETH/USD' })
    await until('the neighbour has its price', () => quick.text().includes(`id: 1-${at}\n`))
    price({ at: ++at })
    slow.stream.resume()
    await until('the newest came', () => {
      clock.advance(0)
      return slow.text().includes(`id: 1-${at}\n`)
    })
    expect(namesOf(slow).length).toBeLessThan(at / 2)
    slow.stream.close()
    await until('it has left', () => hub.counts().readers === 1 && removed.includes('BTC/USD'))
  })

  it('speaks HTTP/1.1 on the same port as ever, however its first bytes arrive', async () => {
    const { port, clock } = await open()
    const wire = await openWire(port)
    const request = 'GET /v1/stream?pairs=BTC/USD HTTP/1.1\r\nHost: x\r\n\r\n'
    for (const part of ['G', 'E', request.slice(2, 20), request.slice(20)]) {
      wire.send(part)
      await new Promise(resolve => setImmediate(resolve))
    }
    await wire.hears('event: status')
    expect(splitResponse(wire.heard()).head).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*chunked/i)
    const proxy = await openWire(port)
    proxy.send('PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n')
    await proxy.hears('HTTP/1.1 405')
    const mute = await openWire(port)
    mute.send('PR')
    const alsoMute = await openWire(port)
    await until('who says nothing is let go', () => {
      clock.advance(1000)
      return mute.isOver && alsoMute.isOver
    })
    expect(wire.isOver).toBe(false)
    wire.socket.destroy()
  })

  it('is left in time, whatever is still open', async () => {
    const on = await open()
    const session = sessionTo(on.url)
    await ask(session, '/v1/stream?pairs=BTC/USD')
    let isLeft = false
    void on.leave().then(() => {
      isLeft = true
    })
    await until('the proxy is told that it ends', () => session.closed)
    expect(isLeft).toBe(false)
    on.clock.advance(1600)
    await until('it is left', () => isLeft)
  })

  it('survives bytes that are no HTTP/2 after all', async () => {
    const { port, url } = await open()
    const wire = await openWire(port)
    wire.send(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(5000)}`)
    await until('it is cut', () => wire.isOver)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
  })

  it.skipIf(spawnSync('curl', ['--version']).stdout?.includes('HTTP2') !== true)('is read by curl', async () => {
    const { url } = await startProcess(['demo'], { TICKCAST_HTTP2: 'on', TICKCAST_WORKERS: '1' })
    const curl = (...args: readonly string[]): string =>
      execFileSync('curl', ['-s', '--http2-prior-knowledge', ...args], { encoding: 'utf8' })
    const text = spawnSync('curl', [
      '-sN',
      '-m',
      '2',
      '--http2-prior-knowledge',
      '-D',
      '-',
      `${url}/v1/stream?pairs=BTC/USD`,
    ]).stdout.toString()
    expect(text).toMatch(/^HTTP\/2 200/)
    expect(text.match(/^event: price$/gm)?.length).toBeGreaterThan(1)
    // A worker asks the instance.
    expect(JSON.parse(curl(`${url}/v1/status`)).workers).toHaveLength(1)
    expect(curl('-o', '/dev/null', '-w', '%{http_code} %{http_version}', `${url}/machines`)).toBe('200 2')
    const feed = spawnSync('curl', ['-sN', '-m', '1', '--http2-prior-knowledge', `${url}/machines/feed`]).stdout.toString()
    expect(feed).toMatch(/^(event|retry|id|data):/m)
  })
})

describe.skipIf(!opensslAvailable)('with a certificate', () => {
  it('speaks HTTP/2 and HTTP/1.1 over TLS, and nothing without', async () => {
    authority = createAuthority()
    const { certificate, key, ca } = authority.certify('IP:127.0.0.1,DNS:localhost')
    const on = await open({ TICKCAST_TLS_CERT: certificate, TICKCAST_TLS_KEY: key })
    expect(on.url).toMatch(/^https:/)
    on.price({ at: 1 })
    const session = sessionTo(on.url, ca)
    const stream = await ask(session, '/v1/stream?pairs=BTC/USD')
    await until('a price came', () => namesOf(stream).includes('price'))
    expect(session.alpnProtocol).toBe('h2')

    let text = ''
    const request = getSecurely(`${on.url}/v1/stream?pairs=BTC/USD`, { ca: readFileSync(ca), agent: false }, response => {
      expect(response.httpVersion).toBe('1.1')
      response.setEncoding('utf8')
      response.on('data', part => {
        text += part
      })
    })
    request.on('error', () => {})
    await until('a price came over HTTP/1.1', () => text.includes('id: 1-1\n'))
    on.price({ at: 2 })
    await until('and the next', () => text.includes('id: 1-2\n') && stream.text().includes('id: 1-2\n'))
    request.destroy()
    const wire = await openWire(on.port)
    wire.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await until('plain text is cut', () => wire.isOver)
    expect(wire.heard().toString()).not.toContain('HTTP/1.1 200')
  })
})
