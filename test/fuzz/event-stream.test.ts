import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk, comment, event, priceEvent } from '../../src/board/frame.ts'
import { formatPosition, withLevel, writeBody } from '../../src/price.ts'
import { anyCause, anyLevel, anyPosition, anyPrice, meantBy } from '../support/any-price.ts'
import { type EventStream, readChunkedBody, readEventStream } from '../support/event-stream.ts'

/** What a stream is made of, as text, with what a browser must make of it. */
interface Part {
  readonly text: string
  readonly meant: readonly { readonly type: string; readonly data: unknown; readonly id?: string }[]
}

const pricePart: fc.Arbitrary<Part> = fc
  .tuple(anyPosition, anyPrice, anyCause, anyLevel, anyLevel)
  .map(([at, price, cause, told, level]) => ({
    text: priceEvent(at, withLevel(writeBody(price, cause, told), level)),
    meant: [{ type: 'price', data: meantBy(price, cause, level), ...(at.epoch !== 0 && { id: formatPosition(at) }) }],
  }))
const wordPart: fc.Arbitrary<Part> = fc
  .tuple(fc.constantFrom('status', 'gap', 'pair-error', 'reconnect', 'busy'), fc.jsonValue({ stringUnit: 'binary' }))
  .map(([type, data]) => ({ text: event(type, data), meant: [{ type, data: JSON.parse(JSON.stringify(data)) }] }))
const silentPart: fc.Arbitrary<Part> = fc.constantFrom(comment, 'retry: 2000\n\n').map(text => ({ text, meant: [] }))
const stream = fc.array(fc.oneof({ arbitrary: pricePart, weight: 4 }, wordPart, silentPart), { maxLength: 12 })

/** Cuts bytes where the network might. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set([0, bytes.length, ...cuts.map(cut => cut % (bytes.length + 1))])].sort((a, b) => a - b)
  return places.slice(1).map((end, at) => bytes.subarray(places[at], end))
}

function receive(bytes: Buffer, cuts: readonly number[]): EventStream {
  const body = readChunkedBody()
  const reading = readEventStream()
  for (const piece of pieces(bytes, cuts)) reading.take(body.take(piece))
  return reading
}

/** The id stays what it was where a part has none. */
function meaningOf(parts: readonly Part[]): unknown[] {
  let id = ''
  return parts
    .flatMap(({ meant }) => meant)
    .map(one => {
      id = one.id ?? id
      return { type: one.type, data: one.data, lastEventId: id }
    })
}

const heard = ({ events }: EventStream): unknown[] => events.map(one => ({ ...one, data: JSON.parse(one.data) }))

describe('what is written on a stream', () => {
  it('is what a browser reads, for any prices and pairs, wherever the network cuts the bytes', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
        const reading = receive(Buffer.concat(parts.map(({ text }) => chunk(text))), cuts)
        expect(heard(reading)).toEqual(meaningOf(parts))
        expect(reading.pending).toBe('')
        if (parts.some(({ text }) => text.startsWith('retry'))) expect(reading.retry).toBe(2000)
      }),
      { numRuns: 1500 },
    )
  })

  it('is the same cut at every single byte, between any two, and joined in any number of chunks', () => {
    fc.assert(
      fc.property(fc.array(pricePart, { minLength: 1, maxLength: 2 }), parts => {
        const bytes = Buffer.concat(parts.map(({ text }) => chunk(text)))
        const meant = meaningOf(parts)
        expect(heard(receive(bytes, [...bytes.keys()]))).toEqual(meant)
        for (let at = 1; at < bytes.length; at += 7) expect(heard(receive(bytes, [at]))).toEqual(meant)
        expect(heard(receive(chunk(parts.map(({ text }) => text).join('')), []))).toEqual(meant)
      }),
      { numRuns: 60 },
    )
  })

  it('never shows half an event: cut off anywhere, what was complete is read and nothing else', () => {
    fc.assert(
      fc.property(fc.array(pricePart, { minLength: 1, maxLength: 4 }), fc.nat(), (parts, cut) => {
        const bytes = Buffer.concat(parts.map(({ text }) => chunk(text)))
        const read = heard(receive(bytes.subarray(0, cut % bytes.length), []))
        expect(read).toEqual(meaningOf(parts).slice(0, read.length))
        expect(read.length).toBeLessThanOrEqual(parts.length)
      }),
      { numRuns: 500 },
    )
  })
})

describe('the independent reading', () => {
  const read = (text: string): EventStream => {
    const reading = readEventStream()
    for (const byte of Buffer.from(text)) reading.take(Uint8Array.of(byte))
    return reading
  }

  it.each([
    ['data: YHOO\ndata: +2\ndata: 10\n\n', [{ type: 'message', data: 'YHOO\n+2\n10', lastEventId: '' }]],
    [': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n', 2],
    ['data\n\ndata\ndata\n\ndata:', [{ data: '' }, { data: '\n' }]],
    ['data:test\n\ndata: test\n\n', [{ data: 'test' }, { data: 'test' }]],
    ['\uFEFFdata: a\r\rdata: b\r\n\r\n', [{ data: 'a' }, { data: 'b' }]],
    ['event: x\n\ndata: a\nid: 1\0\n\n', [{ type: 'message', data: 'a', lastEventId: '' }]],
    ['data: a\n\uFEFFdata: b\nnews: c\n\n', [{ data: 'a' }]],
  ])('of %j is as the standard has it', (text, events) => {
    if (typeof events === 'number') expect(read(text).events).toHaveLength(events)
    else expect(read(text).events).toMatchObject(events)
  })

  it('refuses a body whose chunks do not add up', () => {
    const take = (text: string): boolean => {
      const body = readChunkedBody()
      body.take(Buffer.from(text))
      return body.isEnded
    }
    expect(take('3\r\nabc\r\n0\r\n\r\n')).toBe(true)
    for (const wrong of ['4\r\nabc\r\n0', 'x\r\n', '\r\n', '2\r\nabc\r\n', '3\nabc']) expect(() => take(wrong), wrong).toThrow()
  })
})
