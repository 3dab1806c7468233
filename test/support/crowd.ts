/** Thousands of readers in one process, so cheap that what they read from is tested and not they: they only know that a price came. */
import { connect, type Socket } from 'node:net'

export interface Crowd {
  readonly size: number
  /** Members that had a price on the stream they have now. */
  readonly served: number
  /** When each member's newest stream brought its first price (monotonic). */
  firsts(): readonly number[]
  /** They take nothing from now on. */
  pause(): void
  close(): void
}

export interface CrowdOptions {
  readonly size: number
  /** Path and query of the stream. */
  readonly path: string
  /** Where each member goes, asked each time. */
  readonly choose: (member: number) => string
  /** Joins in one go; the next ones when these are served. */
  readonly atOnce?: number
}

interface Seat {
  socket: Socket | undefined
  firstAt: number | undefined
  retryMs: number
  again: NodeJS.Timeout | undefined
}

/** Resolves when all are served. */
export async function openCrowd({ size, path, choose, atOnce = 250 }: CrowdOptions): Promise<Crowd> {
  const seats: Seat[] = []
  let isClosed = false

  const join = (seat: Seat, member: number): void => {
    const { hostname, port } = new URL(choose(member))
    const socket = connect(Number(port), hostname === 'localhost' ? '127.0.0.1' : hostname)
    seat.socket = socket
    seat.firstAt = undefined
    socket.write(`GET ${path} HTTP/1.1\r\nHost: crowd\r\nAccept: text/event-stream\r\n\r\n`)
    socket.on('data', (bytes: Buffer) => {
      if (seat.firstAt !== undefined) return
      const text = bytes.toString('latin1')
      const retry = /\nretry: (\d+)/.exec(text)
      if (retry !== null) seat.retryMs = Number(retry[1])
      if (text.includes('event: price')) seat.firstAt = performance.now()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (isClosed) return
      seat.firstAt = undefined
      seat.again = setTimeout(() => join(seat, member), seat.retryMs)
    })
  }

  const served = (): number => seats.reduce((count, { firstAt }) => (firstAt === undefined ? count : count + 1), 0)
  while (seats.length < size) {
    for (let at = 0; at < atOnce && seats.length < size; at += 1) {
      const seat: Seat = { socket: undefined, firstAt: undefined, retryMs: 2000, again: undefined }
      seats.push(seat)
      join(seat, seats.length - 1)
    }
    const deadline = performance.now() + 20_000
    while (served() < seats.length) {
      if (performance.now() > deadline) throw new Error(`of ${seats.length} readers only ${served()} got a price`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
  return {
    size,
    get served() {
      return served()
    },
    firsts: () => seats.map(({ firstAt }) => firstAt ?? Number.NaN),
    pause: () => {
      for (const { socket } of seats) socket?.pause()
    },
    close: () => {
      isClosed = true
      for (const { socket, again } of seats) {
        clearTimeout(again)
        socket?.destroy()
      }
    },
  }
}
