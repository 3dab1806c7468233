/**
 * What one could use instead, fed with the same updates. `node peer.mjs better-sse|stream-sse FOLDER PORT`: FOLDER holds the packages (see tools.mjs).
 * `GET /sse` streams all pairs.
 */
import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createSource } from './source.mjs'

const [, , kind, folder, port] = process.argv
const require = createRequire(join(folder, 'none.js'))
const load = name => import(pathToFileURL(require.resolve(name)).href)
const { Hono } = await load('hono')
const { createAdaptorServer } = await load('@hono/node-server')
const app = new Hono()

const kinds = {
  'better-sse': async () => {
    const { createChannel, createSession } = await load('better-sse')
    const { RESPONSE_ALREADY_SENT } = await load('@hono/node-server/utils/response')
    const channel = createChannel()
    app.get('/sse', async c => {
      const session = await createSession(c.env.incoming, c.env.outgoing, { keepAlive: null })
      session.push('hello', 'message', '0')
      channel.register(session)
      return RESPONSE_ALREADY_SENT
    })
    return (sequence, fields) => channel.broadcast(JSON.parse(`{${fields}`), 'message', { eventId: String(sequence) })
  },
  'stream-sse': async () => {
    const { streamSSE } = await load('hono/streaming')
    const bus = new EventEmitter().setMaxListeners(0)
    app.get('/sse', c =>
      streamSSE(c, async stream => {
        await stream.writeSSE({ data: '"hello"', id: '0' })
        const tell = (id, data) => void stream.writeSSE({ id, data })
        bus.on('update', tell)
        await new Promise(resolve => stream.onAbort(resolve))
        bus.off('update', tell)
      }),
    )
    return (sequence, fields) => bus.emit('update', String(sequence), `{${fields}`)
  },
}

const send = await kinds[kind]()
const start = createSource((_index, sequence, fields) => send(sequence, fields))
process.on('message', start)
process.on('disconnect', () => process.exit(0))
createAdaptorServer({ fetch: app.fetch }).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => process.send('ready'))
