import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWire, type Reply } from '../../src/redis-wire.ts'

/** A wire on a socket that is none; what it was told, in order. */
function stage() {
  const written: string[] = []
  const told: string[] = []
  const socket = Object.assign(new EventEmitter(), {
    write: (text: string) => void written.push(text),
    destroy: () => void told.push('destroyed'),
  })
  const wire = createWire(socket as unknown as Socket, {
    message: (channel, payload) => void told.push(`${channel}=${payload}`),
    over: error => void told.push(`over: ${error.message}`),
  })
  return {
    wire,
    written,
    told,
    come: (...chunks: readonly (string | Buffer)[]) => {
      for (const chunk of chunks) socket.emit('data', Buffer.from(chunk))
    },
  }
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const push = (...words: readonly string[]): string => `>${words.length}\r\n${words.map(bulk).join('')}`
const text = (reply: Reply): unknown => {
  if (Buffer.isBuffer(reply)) return reply.toString()
  return Array.isArray(reply) ? reply.map(text) : reply instanceof Error ? reply.message : reply
}

test('replies and messages mean the same however the network cuts them', async () => {
  const said = fc.constantFrom(
    [push('message', 'prices:ÄÖ/USD', '{"a":"币"}'), 'prices:ÄÖ/USD={"a":"币"}'],
    [push('smessage', '{t}:c', 'one'), '{t}:c=one'],
    [push('message', 'c', ''), 'c='],
    [push('monitor', 'c', 'ignored'), ''],
    [push('pmessage', 'p', 'c', 'ignored'), ''],
    ['+PONG\r\n', '"PONG"'],
    [':42\r\n', '42'],
    ['_\r\n', 'null'],
    ['$-1\r\n', 'null'],
    ['*-1\r\n', 'null'],
    [`*3\r\n${bulk('a\r\nb')}$-1\r\n_\r\n`, '["a\\r\\nb",null,null]'],
    [`%1\r\n+mode\r\n${bulk('cluster')}`, '["mode","cluster"]'],
    [`*2\r\n*1\r\n:1\r\n#t\r\n`, '[[1],true]'],
    ['-ERR no\r\n', 'error ERR no'],
    ['!6\r\nERR no\r\n', 'error ERR no'],
  )
  await fc.assert(
    fc.asyncProperty(fc.array(said, { maxLength: 12 }), fc.array(fc.nat(400), { maxLength: 20 }), async (all, cuts) => {
      const { wire, told, come } = stage()
      const answered: Promise<unknown>[] = []
      for (const [, meaning = ''] of all)
        if (meaning !== '' && !meaning.includes('='))
          answered.push(
            wire.ask('X').then(
              reply => void told.push(JSON.stringify(text(reply))),
              error => void told.push(`error ${error.message}`),
            ),
          )
      const bytes = Buffer.from(all.map(([sent]) => sent).join(''))
      let from = 0
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        if (cut <= from || cut > bytes.length) continue
        come(bytes.subarray(from, cut))
        from = cut
      }
      await Promise.all(answered)
      const meanings = all.map(([, meaning = '']) => meaning).filter(meaning => meaning !== '')
      const isMessage = (line: string): boolean => line.includes('=')
      expect(told.filter(isMessage)).toEqual(meanings.filter(isMessage))
      expect(told.filter(line => !isMessage(line))).toEqual(meanings.filter(line => !isMessage(line)))
    }),
    { numRuns: 500 },
  )
})

test('a string longer than a megabyte is read past, not kept, wherever it stands', async () => {
  for (const chunkBytes of [1000, 65_536, 5_000_000]) {
    const { wire, told, come } = stage()
    const values = wire.ask('MGET', 'a', 'b', 'c')
    const huge = bulk('x'.repeat(3_000_000))
    const bytes = Buffer.from(
      push('message', 'c', 'before') +
        `*3\r\n${bulk('1')}${huge}${bulk('3')}` +
        `>3\r\n${bulk('message')}${bulk('c')}${huge}` +
        push('message', 'c', 'after'),
    )
    for (let at = 0; at < bytes.length; at += chunkBytes) come(bytes.subarray(at, at + chunkBytes))
    const [, middle] = (await values) as readonly Buffer[]
    // Only what came in one piece anyway is handed on.
    if (chunkBytes < 3_000_000) expect(middle?.length).toBe(0)
    expect(told.map(line => (line.length > 100 ? 'c=' : line))).toEqual(['c=before', 'c=', 'c=after'])
  }
})

test('a subscription is settled when every channel is confirmed, and refused by one error', async () => {
  const { wire, written, come } = stage()
  const order: string[] = []
  const all = [
    wire.settle('SUBSCRIBE', ['a', 'b']).then(() => order.push('subscribed')),
    wire.ask('PING').then(() => order.push('pong')),
    wire.settle('SSUBSCRIBE', ['c']).catch((error: Error) => order.push(error.message)),
  ]
  expect(written[0]).toBe('*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n')
  come('>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n')
  await new Promise(setImmediate)
  expect(order).toEqual([])
  come('>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n+PONG\r\n-MOVED 1 h:1\r\n')
  await Promise.all(all)
  expect(order.sort()).toEqual(['MOVED 1 h:1', 'pong', 'subscribed'])
})

test('a slot that is taken away ends the connection, once, and everything still asked is rejected', async () => {
  const { wire, told, come } = stage()
  const asked = expect(wire.settle('SSUBSCRIBE', ['a'])).resolves.toBeUndefined()
  come('>3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n')
  await asked
  come('>3\r\n$12\r\nsunsubscribe\r\n$1\r\na\r\n:0\r\n', push('smessage', 'a', 'late'))
  wire.close()
  expect(told).toEqual(['destroyed', 'over: MOVED (unsubscribed)'])
  await expect(wire.ask('PING')).rejects.toThrow('Connection is closed.')
})

test('what is no protocol at all ends the connection', async () => {
  for (const rubbish of ['HTTP/1.1 400 Bad Request\r\n', '+nobody asked\r\n', '*x\r\n', '*1\r\n'.repeat(20)]) {
    const { told, come } = stage()
    come(rubbish)
    expect(told).toEqual(['destroyed', expect.stringContaining('over: Unknown RESP')])
  }
})
