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

export function openStream(request: IncomingMessage, response: ServerResponse, more: Readonly<Record<string, string>>): Stream {
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
    if (frames.length === 1) return socket.write(first) || socket.writableLength < writableMax
    socket.cork()
    for (const frame of frames) socket.write(frame)
    socket.uncork()
    return !socket.writableNeedDrain || socket.writableLength < writableMax
  },
  end: () => void response.end(),
  cut: () => void socket.destroy(),
  get waitingBytes() {
    return socket.writableLength
  },
})

/** The frame without its chunk: Node frames it itself, or the protocol has no chunks. */
const unframed = (frame: Buffer): Buffer => frame.subarray(frame.indexOf(10) + 1, frame.length - 2)

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
