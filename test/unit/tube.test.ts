import { Duplex, PassThrough } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTube, type Kind, kinds, message } from '../../src/tube.ts'

interface Heard {
  readonly said: [Kind, string][]
  over: number
  feed(bytes: Buffer): void
}

function listen(): Heard {
  const stream = new PassThrough()
  const said: [Kind, string][] = []
  const heard: Heard = { said, over: 0, feed: bytes => stream.emit('data', bytes) }
  createTube(stream, {
    heard: (kind, bytes) => void said.push([kind, bytes.toString()]),
    over: () => {
      heard.over += 1
    },
  })
  return heard
}

test('messages arrive whole and in order, however the pipe cuts them', () => {
  const messages = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.string({ unit: 'binary', maxLength: 300 })), { maxLength: 20 })
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map(([kind, text]) => message(kind, text)))
      const heard = listen()
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const next = at + (cuts[turn % cuts.length] ?? 1)
        heard.feed(bytes.subarray(at, next))
        at = next
      }
      expect(heard.said).toEqual(sent.map(([kind, text]) => [kind, Buffer.from(text).toString()]))
      expect(heard.over).toBe(0)
    }),
  )
})

test('what cannot be a message ends the conversation, once', () => {
  for (const bytes of [Buffer.from([1, 0, 0, 0, 200]), Buffer.from([255, 255, 255, 255, 0])]) {
    const heard = listen()
    heard.feed(bytes)
    heard.feed(message('price', 'x'))
    expect([heard.said, heard.over]).toEqual([[], 1])
  }
})

test('what is said after the end goes nowhere', () => {
  const written: string[] = []
  const stream = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _, done) => {
      written.push(bytes.subarray(5).toString())
      done()
    },
  })
  const tube = createTube(stream, { heard: () => {}, over: () => {} })
  tube.say('want', 'one')
  tube.pass([message('price', 'two'), message('price', 'three')])
  stream.emit('close')
  tube.say('want', 'four')
  tube.pass([message('price', 'five')])
  expect(written).toHaveLength(2)
  expect(written[0]).toBe('one')
})
