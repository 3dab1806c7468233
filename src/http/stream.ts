import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { chunk } from '../board/frame.ts'
import type { Outlet } from '../board/reader.ts'

/** A stream of a Hono route, written past Hono: shared buffers straight to the socket. */
export interface Stream {
  readonly outlet: Outlet
  /** `drained`: the reader takes bytes again. `closed`: the connection is over, whoever ended it. */
  on(events: { readonly drained: () => void; readonly closed: () => void }): void
}

export const streamHeaders = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

/** Bytes a socket may hold before the reader counts as not keeping up. */
const writableMax = 64 * 1024

/** In place of Node's response, on a connection that is ours from the first byte on. */
export class BareResponse {
  readonly socket: Socket
  readonly #date: () => string
  isOpen = false

  constructor(socket: Socket, date: () => string) {
    this.socket = socket
    this.#date = date
  }

  open(headers: Readonly<Record<string, string>>): Stream {
    const { socket } = this
    this.isOpen = true
    let head = 'HTTP/1.1 200 OK\r\n'
    for (const name of Object.keys(headers)) head += `${name}: ${headers[name]}\r\n`
    socket.setNoDelay(true)
    socket.on('end', destroy).on('data', ignore)
    return {
      outlet: new BareOutlet(socket, `${head}Date: ${this.#date()}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`),
      on: ({ drained, closed }) => {
        if (socket.destroyed) return closed()
        socket.on('drain', drained).on('close', closed)
      },
    }
  }
}

const ignore = (): void => {}
function destroy(this: Socket): void {
  this.destroy()
}
/** Who has been said goodbye may take so long over what is still to come. */
const goodbyeMs = 1000

/** Kept as small as it can be: there is one for each reader. */
class BareOutlet implements Outlet {
  readonly #socket: Socket
  /** Goes out with what is written first. */
  #head: string | undefined

  constructor(socket: Socket, head: string) {
    this.#socket = socket
    this.#head = head
  }

  write(frames: readonly Buffer[]): boolean {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return true
    const [first] = frames
    if (this.#head === undefined && frames.length === 1 && first !== undefined) return takes(socket, socket.write(first))
    socket.cork()
    if (this.#head !== undefined) socket.write(this.#head, 'latin1')
    this.#head = undefined
    for (const frame of frames) socket.write(frame)
    socket.uncork()
    return takes(socket, !socket.writableNeedDrain)
  }

  end(): void {
    const socket = this.#socket
    this.write([])
    socket.setTimeout(goodbyeMs, destroy)
    socket.end('0\r\n\r\n')
  }

  cut(): void {
    this.#socket.destroy()
  }

  get waitingBytes(): number {
    return this.#socket.writableLength
  }
}

const takes = (socket: Socket, isTaken: boolean): boolean => isTaken || socket.writableLength < writableMax

export function openStream(
  request: IncomingMessage,
  response: ServerResponse | BareResponse,
  more: Readonly<Record<string, string>>,
): Stream {
  if (response instanceof BareResponse) return response.open({ ...streamHeaders, ...more })
  response.writeHead(200, { ...streamHeaders, ...more })
  response.flushHeaders()
  const { socket } = response
  // Before HTTP/1.1 there are no chunks; without a socket of its own (pipelined) the response must keep its turn.
  const isOurs = socket !== null && request.httpVersion === '1.1' && response.chunkedEncoding
  socket?.setNoDelay(true)
  return {
    outlet: isOurs ? socketOutlet(socket, response) : responseOutlet(response),
    on: ({ drained, closed }) => {
      const flow = isOurs ? socket : response
      // The socket's end too: a response still waiting for its turn behind another one on the connection never hears of it itself.
      let isOver = false
      const over = (): void => {
        if (isOver) return
        isOver = true
        flow.off('drain', drained)
        response.off('close', over)
        request.socket.off('close', over)
        closed()
      }
      if (request.socket.destroyed) return over()
      flow.on('drain', drained)
      response.on('close', over)
      request.socket.on('close', over)
    },
  }
}

const socketOutlet = (socket: Socket, response: ServerResponse): Outlet => ({
  write: frames => {
    const [first] = frames
    // After the end the socket may already carry the answer to another request.
    if (first === undefined || socket.destroyed || response.writableEnded) return true
    if (frames.length === 1) return takes(socket, socket.write(first))
    socket.cork()
    for (const frame of frames) socket.write(frame)
    socket.uncork()
    return takes(socket, !socket.writableNeedDrain)
  },
  end: () => void response.end(),
  cut: () => void socket.destroy(),
  get waitingBytes() {
    return socket.writableLength
  },
})

/** What the chunks of a frame hold: Node frames it itself, or the protocol has no chunks. A frame for many readers holds several. */
export function unframed(frame: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < frame.length; ) {
    const from = frame.indexOf(10, at) + 1
    const end = from + Number.parseInt(frame.toString('latin1', at, from), 16)
    parts.push(frame.subarray(from, end))
    at = end + 2
  }
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
}

const responseOutlet = (response: ServerResponse): Outlet => ({
  write: frames => {
    let keepsUp = true
    for (const frame of frames) keepsUp = response.write(unframed(frame))
    return keepsUp
  },
  end: () => void response.end(),
  cut: () => void response.destroy(),
  get waitingBytes() {
    return response.writableLength
  },
})

/** Ends a stream with one text, as when there is no room. */
export function sayAndEnd(stream: Stream, text: string): void {
  stream.outlet.write([chunk(text)])
  stream.outlet.end()
}
