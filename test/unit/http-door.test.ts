import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readHead } from '../../src/http/head.ts'
import { type House, openHouse, openWire, splitResponse, type Wire } from '../support/doors.ts'
import { eventsOf, unchunk } from '../support/outlet.ts'
import { until } from '../support/until.ts'

let house: House
const wires: Wire[] = []
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => {
  for (const { socket } of wires.splice(0)) socket.destroy()
  house.close()
})
const wire = async (): Promise<Wire> => {
  const made = await openWire(house.port)
  wires.push(made)
  return made
}
const plain = 'GET /v1/stream?pairs=BTC/USD HTTP/1.1\r\nHost: x\r\n\r\n'
const read = (text: string): ReturnType<typeof readHead> => readHead(Buffer.from(text, 'latin1'))

test('a plain request for a stream is read: what is asked for, and its headers', () => {
  const head = read(
    'GET /v1/stream?pairs=BTC%2FUSD&mode=every HTTP/1.1\r\nHost: a.b:80\r\nACCEPT:text/event-stream \r\nLast-Event-ID: 7-1\r\n\r\n',
  )
  expect(head?.target).toBe('/v1/stream?pairs=BTC%2FUSD&mode=every')
  expect({ ...head?.headers }).toEqual({ host: 'a.b:80', accept: 'text/event-stream', 'last-event-id': '7-1' })
})

test.each([
  ['half of it', plain.slice(0, -2)],
  ['something after it', `${plain}GET / HTTP/1.1\r\nHost: x\r\n\r\n`],
  ['another path', plain.replace('/v1/stream?', '/v1/streams?')],
  ['another method', plain.replace('GET', 'HEAD')],
  ['another version', plain.replace('1.1', '1.0')],
  ['no host', plain.replace('Host: x\r\n', 'A: b\r\n')],
  ['two hosts', plain.replace('Host: x\r\n', 'Host: x\r\nhost: y\r\n')],
  ['a header twice', plain.replace('Host', 'A: b\r\na: c\r\nHost')],
  ['a body', plain.replace('Host', 'Content-Length: 3\r\nHost')],
  ['chunks', plain.replace('Host', 'Transfer-Encoding: chunked\r\nHost')],
  ['an upgrade', plain.replace('Host', 'Upgrade: h2c\r\nHost')],
  ['a folded line', plain.replace('Host: x', 'Host: x\r\n y')],
  ['a space before the colon', plain.replace('Host:', 'A : b\r\nHost:')],
  ['a bare line feed', plain.replace('Host: x\r\n', 'Host: x\n')],
  ['a NUL', plain.replace('Host: x', 'Host: x\0')],
  ['a host that is none', plain.replace('Host: x', 'Host: x/y@z')],
  ['half of an address', plain.replace('Host: x', 'Host: [::')],
  ['more than a head may be', plain.replace('Host', `A: ${'b'.repeat(9000)}\r\nHost`)],
])('%s is left to Node', (_what, text) => {
  expect(read(text)).toBe(undefined)
})

test('what is read is what Node reads', async () => {
  const heard: { url: string | undefined; headers: object }[] = []
  const server = createServer((request, response) => {
    heard.push({ url: request.url, headers: { ...request.headers } })
    response.end()
  })
  const { port } = await new Promise<AddressInfo>(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo)))
  const printable = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map(code => String.fromCharCode(code)), maxLength: 12 })
  const name = fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/)
  const texts = fc.sample(
    fc
      .tuple(printable, fc.array(fc.tuple(name, fc.constantFrom(':', ': ', ':\t'), printable), { maxLength: 5 }))
      .map(([query, headers]) => `GET /v1/stream?${query} HTTP/1.1\r\nHost: x\r\n${headers.map(one => `${one.join('')}\r\n`).join('')}\r\n`)
      .filter(text => read(text) !== undefined && !/\r\nconnection:/i.test(text)),
    60,
  )
  for (const text of texts) {
    const socket = connect(port, '127.0.0.1')
    socket.write(text)
    await until('Node has read it', () => heard.length > 0)
    const head = read(text)
    expect(heard.pop(), text).toEqual({ url: head?.target, headers: { ...head?.headers } })
    socket.destroy()
  }
  server.close()
  server.closeAllConnections()
})

test('a request that comes in pieces, and what the routes refuse, is answered as ever, once', async () => {
  const [pieces, refused] = [await wire(), await wire()]
  for (const part of [plain.slice(0, 9), plain.slice(9, 40), plain.slice(40)]) {
    pieces.send(part)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await pieces.hears('event: status')
  house.standings.set('NO/PE', { kind: 'unknown' })
  refused.send(plain.replace('BTC/USD', 'NO/PE'))
  await refused.hears('No such pair')
  expect(refused.heard().toString()).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/)
  refused.send(plain)
  await refused.hears('event: status')
  expect(house.added).toEqual(['BTC/USD', 'BTC/USD'])
  expect(house.hub.counts().readers).toBe(2)
})

test('both ways bring the same stream', async () => {
  house.price({ at: 1 })
  const [short, long] = [await wire(), await wire()]
  short.send(plain)
  long.send(plain.replace('Host', 'A: b\r\nA: c\r\nHost'))
  await Promise.all([short, long].map(made => made.hears('id: 1-1')))
  for (let at = 2; at < 50; at += 1) house.price({ at })
  await Promise.all([short, long].map(made => made.hears('id: 1-49')))
  const [a, b] = [short, long].map(made => eventsOf(unchunk(splitResponse(made.heard()).body).text))
  expect(a).toEqual(b)
})

test('a reader that leaves, resets or closes its half is let go', async () => {
  const made = await Promise.all([wire(), wire(), wire()])
  for (const one of made) one.send(plain)
  await until('three readers', () => house.hub.counts().readers === 3)
  made[0]?.socket.destroy()
  made[1]?.socket.resetAndDestroy()
  made[2]?.socket.end()
  await until('none is left', () => house.hub.counts().readers === 0)
  expect(house.removed).toHaveLength(3)
})
