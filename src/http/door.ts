import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpBindings } from '@hono/node-server'
import type { Clock } from '../clock.ts'
import { type Head, readHead } from './head.ts'
import { BareResponse } from './stream.ts'

/**
 * The short way to a stream. A connection whose first bytes are one plain request for a stream is answered without Node's HTTP parser, request
 * and response, which would stay as long as the stream does and cost more than everything else a reader needs. The routes are asked as ever;
 * whatever is not so plain, and whatever they do not answer with a stream, goes Node's way, as if nobody had looked.
 */
export function openDoor(server: Server, { clock, answer }: { readonly clock: Clock; readonly answer: Answer }): void {
  const others = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  const silent = new Set<Socket>()
  const passOn = (socket: Socket, bytes: Buffer): void => {
    if (socket.destroyed) return
    for (const accept of others) accept.call(server, socket)
    socket.emit('data', bytes)
  }
  server.on('connection', (socket: Socket) => {
    silent.add(socket)
    const look = (bytes: Buffer): void => {
      known()
      const head = readHead(bytes)
      if (head === undefined) return leave(bytes)
      const response = new BareResponse(socket, () => new Date(clock.wall()).toUTCString())
      const answered = answer(requestOf(head), envOf(head, response))
      if (response.isOpen) return stay()
      // Routes that end in no stream, or in one later on: until that is known, nothing that comes may be lost.
      const parts = [bytes]
      const keep = (part: Buffer): void => void parts.push(part)
      socket.on('data', keep)
      const decide = (): void => {
        socket.off('data', keep)
        if (response.isOpen) stay()
        else leave(Buffer.concat(parts))
      }
      Promise.resolve(answered).then(decide, decide)
    }
    const known = (): void => {
      silent.delete(socket)
      socket.setTimeout(0).off('data', look).off('timeout', destroy).off('close', known)
    }
    /** An error is followed by the end of the connection, which is heard anyway. */
    const stay = (): void => void socket.off('end', destroy)
    const leave = (bytes: Buffer): void => {
      socket.off('end', destroy)
      passOn(socket, bytes)
      socket.off('error', ignore)
    }
    socket.on('data', look).on('end', destroy).on('error', ignore).on('timeout', destroy).on('close', known)
    socket.setTimeout(server.headersTimeout)
  })
  silentOf.set(server, silent)
}

/** Ends the connections that have not said anything yet. */
export function closeSilent(server: Server): void {
  for (const socket of silentOf.get(server) ?? []) socket.destroy()
}

export type Answer = (request: Request, env: HttpBindings) => Response | Promise<Response>

const silentOf = new WeakMap<Server, ReadonlySet<Socket>>()

const ignore = (): void => {}
function destroy(this: Socket): void {
  this.destroy()
}

// The routes of a stream use no more of a request than this, and no other route is asked.
const requestOf = ({ target, headers }: Head): Request =>
  ({
    method: 'GET',
    url: `http://${headers.host}${target}`,
    headers: { get: (name: string) => headers[name.toLowerCase()] ?? null },
  }) as unknown as Request
const envOf = ({ target, headers }: Head, outgoing: BareResponse): HttpBindings =>
  ({ incoming: { method: 'GET', url: target, httpVersion: '1.1', socket: outgoing.socket, headers }, outgoing }) as unknown as HttpBindings
