import { constants, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { chunk } from '../../src/board/frame.ts'
import type { Outlet } from '../../src/board/reader.ts'
import { createPress, takesGzip } from '../../src/http/press.ts'
import { unframed } from '../../src/http/stream.ts'
import { type House, openHouse, openWire, splitResponse, type Wire } from '../support/doors.ts'
import { eventsOf } from '../support/outlet.ts'
import { until } from '../support/until.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

const gunzip = (bytes: Buffer): string => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
const priceOf = (id: number): Buffer =>
  chunk(`event: price\nid: 1-${id}\ndata: {"pair":"BTC/USD","price":"${61_000 + ((id * 7919) % 997)}.50","tradeId":${id}}\n\n`)

function readers(count: number) {
  const press = createPress()
  return Array.from({ length: count }, () => {
    const writes: (readonly Buffer[])[] = []
    const sent: Buffer[] = []
    const plain: Outlet = {
      write: frames => {
        writes.push(frames)
        return true
      },
      end: () => {},
      cut: () => {},
      waitingBytes: 0,
    }
    const { outlet } = press.through({ outlet: plain, on: () => {} })
    return {
      writes,
      send: (...frames: Buffer[]) => {
        sent.push(...frames)
        outlet.write(frames)
      },
      isRight: () => gunzip(unframed(Buffer.concat(writes.flat()))) === unframed(Buffer.concat(sent)).toString(),
    }
  })
}

test('whoever is sent what and when: each reads exactly that', () => {
  const step = fc.record({
    frames: fc.integer({ min: 0, max: 3 }),
    members: fc.array(fc.nat(11), { maxLength: 12 }),
    isForAll: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), plan => {
      const all = readers(12)
      let id = 0
      for (const { frames: count, members, isForAll } of plan) {
        const frames = Array.from({ length: count }, () => {
          id += 1
          return priceOf(id)
        })
        const those = isForAll ? all : all.filter((_, index) => members.includes(index))
        for (const reader of those) reader.send(...frames)
      }
      for (const reader of all) if (reader.writes.length > 0) expect(reader.isRight()).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('what readers of the same are sent is pressed once for all of them, and a joiner shares it before long', () => {
  const [first, ...others] = readers(100)
  const joiner = others.pop()
  const lengths: number[] = []
  let sharedAfter: number | undefined
  for (let id = 1; id <= 200; id += 1) {
    const frame = priceOf(id)
    for (const reader of [first, ...others]) reader?.send(frame)
    if (id > 100) joiner?.send(frame)
    const last = first?.writes.at(-1)?.at(-1)
    lengths.push(last?.length ?? 0)
    for (const reader of others) expect(reader.writes.at(-1)?.at(-1)).toBe(last)
    if (joiner?.writes.at(-1)?.at(-1) === last) sharedAfter ??= id - 100
  }
  expect(sharedAfter).toBeLessThan(80)
  expect(joiner?.isRight()).toBe(true)
  // Against what came before a price is a third of what it is alone.
  expect(lengths.sort((a, b) => a - b)[100]).toBeLessThan((lengths.at(-1) ?? 0) / 2)
})

test('a few readers cost no pressing of their own: each frame is pressed once, whoever it goes to', () => {
  const [one, other] = readers(2)
  one?.send(priceOf(1), priceOf(2))
  for (let id = 3; id <= 20; id += 1) {
    const frame = priceOf(id)
    one?.send(frame)
    other?.send(frame)
    expect(one?.writes.at(-1)?.at(-1)).toBe(other?.writes.at(-1)?.at(-1))
  }
})

test.each([
  ['gzip', true],
  ['gzip, deflate, br, zstd', true],
  ['br;q=1.0, gzip;q=0.8, *;q=0.1', true],
  ['GZIP', true],
  ['gzip;q=0', false],
  ['gzip; q=0.000', false],
  ['identity', false],
  ['x-gzip-not', false],
  [undefined, false],
])('Accept-Encoding: %s takes gzip: %s', (header, takes) => expect(takesGzip(header)).toBe(takes))

const streamOf = async (house: House, ...headers: string[]): Promise<Wire> => {
  const made = await openWire(house.port)
  ends.push(() => made.socket.destroy())
  made.send(`${['GET /v1/stream?pairs=BTC/USD HTTP/1.1', 'Host: x', ...headers].join('\r\n')}\r\n\r\n`)
  return made
}

test.each([['plain'], ['past the door']])(
  'a stream is compressed for who takes it, if it is switched on, and each event can be read at once (%s)',
  async way => {
    const house = await openHouse({ TICKCAST_GZIP: 'on' })
    ends.push(house.close)
    // Cookie twice: not for the short way.
    const more = way === 'plain' ? [] : ['A: 1', 'A: 2']
    const made = await streamOf(house, 'Accept-Encoding: gzip, br', ...more)
    const textNow = (): string => gunzip(unframed(splitResponse(made.heard()).body))
    await until(
      'it is greeted',
      () => made.heard().includes('gzip') && splitResponse(made.heard()).body.length > 0 && textNow().includes('status'),
    )
    expect(splitResponse(made.heard()).head).toMatch(/^Content-Encoding: gzip\r$/m)
    for (let at = 1; at <= 30; at += 1) {
      house.price({ at })
      house.clock.advance(0)
      await until('it came', () => textNow().includes(`id: 1-${at}\n`))
    }
    house.hub.farewell(1, 1)
    await until('it is over', () => made.isOver)
    const names = eventsOf(gunzip(unframed(splitResponse(made.heard()).body.subarray(0, -5)))).map(({ name }) => name)
    expect(names).toEqual(['retry', 'status', ...Array.from({ length: 30 }, () => 'price'), 'reconnect'])
    const plain = await streamOf(house)
    await plain.hears('event: status')
    expect(plain.heard().toString()).not.toContain('Content-Encoding')
  },
)

test('nothing is compressed unless it is switched on', async () => {
  const house = await openHouse()
  ends.push(house.close)
  const made = await streamOf(house, 'Accept-Encoding: gzip')
  await made.hears('event: status')
})
