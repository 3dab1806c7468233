import type { Server } from 'node:http'
import { createServer as createHttp2, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'

/**
 * What a server speaks beside plain HTTP/1.1, on the same port: TLS when there is a certificate, HTTP/2 over it for whoever asks (ALPN), and
 * HTTP/2 without TLS for a proxy that knows beforehand (RFC 9113, 3.3). A plain HTTP/1.1 connection is looked at only if that is switched on.
 */

/** How every HTTP/2 connection begins; no method of HTTP/1.1 begins so. */
const preface = Buffer.from('PRI')
const firstBytesMaxMs = 5000
const handshakeMaxMs = 10_000
/** A proxy carries many readers over one connection. Node counts what they have waiting, too, and refuses streams beyond it. */
const sessionMemoryMegabytes = 256

const sessionsOf = new WeakMap<Server, Set<ServerHttp2Session>>()

export function speakMore(server: Server, clock: Clock, { tlsCert: cert, tlsKey: key, http2 }: Config): void {
  if (cert === '' && http2 === 'off') return
  const speakHttp1 = server.listeners('connection') as ((socket: Socket) => void)[]
  const answers = server.listeners('request') as (() => void)[]
  const sessions = new Set<ServerHttp2Session>()
  sessionsOf.set(server, sessions)

  const second = createHttp2({ maxSessionMemory: sessionMemoryMegabytes })
  for (const answer of answers) second.on('request', answer)
  second.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => session.destroy())
  })
  second.on('sessionError', () => {})
  const speakHttp2 = (socket: Socket): void => void second.emit('connection', socket)
  const speakFirst = (socket: Socket): void => {
    for (const speak of speakHttp1) speak.call(server, socket)
  }

  const secure =
    cert === ''
      ? undefined
      : createTls({ cert, key, ALPNProtocols: ['h2', 'http/1.1'], minVersion: 'TLSv1.2', handshakeTimeout: handshakeMaxMs }, socket =>
          socket.alpnProtocol === 'h2' ? speakHttp2(socket) : speakFirst(socket),
        )
  secure?.on('tlsClientError', (_, socket) => socket.destroy())

  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (secure !== undefined) secure.emit('connection', socket)
    else hearFirstBytes(clock, socket, isHttp2 => (isHttp2 ? speakHttp2(socket) : speakFirst(socket)))
  })
}

/** Tells whether the connection begins as HTTP/2 does, and puts back what was read. */
function hearFirstBytes(clock: Clock, socket: Socket, then: (isHttp2: boolean) => void): void {
  let heard: Buffer = Buffer.alloc(0)
  const end = (): void => void socket.destroy()
  const timer = clock.setTimeout(end, firstBytesMaxMs)
  const stop = (): void => {
    clock.clearTimeout(timer)
    socket.off('readable', read)
    socket.off('end', end)
    socket.off('error', end)
    socket.off('close', stop)
  }
  const read = (): void => {
    const bytes: Buffer | null = socket.read()
    if (bytes === null) return
    heard = Buffer.concat([heard, bytes])
    const length = Math.min(heard.length, preface.length)
    const mayBe = heard.subarray(0, length).equals(preface.subarray(0, length))
    if (mayBe && length < preface.length) return
    stop()
    socket.unshift(heard)
    then(mayBe)
  }
  socket.on('readable', read)
  socket.on('end', end)
  socket.on('error', end)
  socket.on('close', stop)
}

/** Asks whoever speaks HTTP/2 to open no more streams on its connection, or ends it at once. */
export function endSessions(server: Server, isOver: boolean): void {
  for (const session of sessionsOf.get(server) ?? []) {
    if (isOver) session.destroy()
    else session.close()
  }
}
