/** A TCP proxy that treats what passes through it as a bad network would. */
import { connect, createServer, type Socket } from 'node:net'

export interface Weather {
  /** Each piece waits so long, give or take the jitter; the order stays. */
  readonly delayMs: number
  readonly jitterMs: number
  /** Of a hundred pieces so many wait `stallMs` more, as after a lost packet. */
  readonly stallPercent: number
  readonly stallMs: number
}

/** Which bytes of a connection: those of whoever opened it (up), the answers (down), or both. */
export type Way = 'up' | 'down' | 'both'

export interface ChaosProxy {
  readonly port: number
  /** When connections were asked for, on the monotonic clock. */
  readonly attempts: readonly number[]
  readonly connections: number
  /** Bytes that were kept for a while and delivered later. */
  readonly deliveredLate: { readonly bytes: number; readonly text: string }
  /** The last of these decides: what goes wrong now, with connections old and new, until `heal`. */
  weather(weather: Partial<Weather>): void
  /** Every byte on its own. */
  slice(): void
  /** Bytes are kept, and delivered in order at `heal`, even if whoever sent them has gone by then. */
  hold(way: Way): void
  /** Bytes vanish, connections stand, new ones are never answered. At `heal` those that lost bytes are reset. */
  blackhole(way?: Way): void
  /** Connections are reset, new ones at once. */
  refuse(): void
  heal(): void
  /** Resets all connections, once. */
  reset(): void
  /** The far end says that it sends no more, and still listens. */
  halfClose(): void
  /** Looks at what passes and may change it; undefined: the connection is reset. Undefined instead of a function: nobody looks. */
  tap(look: ((bytes: Buffer, way: 'up' | 'down', connection: object) => Buffer | undefined) | undefined): void
  close(): Promise<void>
}

const fair: Weather = { delayMs: 0, jitterMs: 0, stallPercent: 0, stallMs: 0 }

interface Piece {
  readonly dueAt: number
  /** Undefined: the end. */
  readonly bytes: Buffer | undefined
}

interface Link {
  readonly near: Socket
  readonly far: Socket
  readonly queues: Readonly<Record<'up' | 'down', Piece[]>>
  lastDueAt: number
  hasLost: boolean
}

export interface ChaosOptions {
  readonly target: number
  readonly host?: string
  readonly random?: () => number
}

export async function startChaos({ target, host = '127.0.0.1', random = Math.random }: ChaosOptions): Promise<ChaosProxy> {
  const links = new Set<Link>()
  const attempts: number[] = []
  const late = { bytes: 0, text: '' }
  let weather = fair
  let isSliced = false
  let isRefusing = false
  let held: Way | undefined
  let swallowed: Way | undefined
  let look: ((bytes: Buffer, way: 'up' | 'down', connection: object) => Buffer | undefined) | undefined
  const meets = (affected: Way | undefined, way: 'up' | 'down'): boolean => affected === way || affected === 'both'

  const cut = (link: Link): void => {
    links.delete(link)
    link.near.resetAndDestroy()
    link.far.resetAndDestroy()
  }

  const write = (to: Socket, from: Socket, bytes: Buffer): void => {
    if (isSliced) {
      to.setNoDelay(true)
      for (let at = 0; at < bytes.length; at += 1) to.write(bytes.subarray(at, at + 1))
      return
    }
    if (to.write(bytes)) return
    // Whoever does not read must be felt by whoever writes.
    from.pause()
    to.once('drain', () => from.resume())
  }

  const deliver = (link: Link, way: 'up' | 'down'): void => {
    const [from, to] = way === 'up' ? [link.near, link.far] : [link.far, link.near]
    const queue = link.queues[way]
    const now = performance.now()
    for (let piece = queue[0]; piece !== undefined && piece.dueAt <= now && !meets(held, way); piece = queue[0]) {
      queue.shift()
      if (piece.bytes === undefined) to.end()
      else if (!to.destroyed) write(to, from, piece.bytes)
    }
    const [next] = queue
    // A timer may come a moment early, and no other may be set for this piece.
    if (next !== undefined && !meets(held, way)) setTimeout(() => deliver(link, way), Math.max(1, next.dueAt - now))
  }

  const take = (link: Link, way: 'up' | 'down', bytes: Buffer | undefined): void => {
    if (bytes !== undefined && meets(swallowed, way)) {
      link.hasLost = true
      return
    }
    const seen = bytes === undefined || look === undefined ? bytes : look(bytes, way, link)
    if (bytes !== undefined && seen === undefined) return cut(link)
    const jitterMs = (random() * 2 - 1) * weather.jitterMs
    const stallMs = random() * 100 < weather.stallPercent ? weather.stallMs : 0
    const queue = link.queues[way]
    const dueAt = Math.max(queue.at(-1)?.dueAt ?? 0, performance.now() + weather.delayMs + jitterMs + stallMs)
    queue.push({ dueAt, bytes: seen })
    const waitMs = dueAt - performance.now()
    if (waitMs <= 0) deliver(link, way)
    // Behind others, the one before sets the timer.
    else if (queue.length === 1) setTimeout(() => deliver(link, way), waitMs)
  }

  const server = createServer({ allowHalfOpen: true }, near => {
    attempts.push(performance.now())
    if (isRefusing) return void near.resetAndDestroy()
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
    const link: Link = { near, far, queues: { up: [], down: [] }, lastDueAt: 0, hasLost: false }
    links.add(link)
    for (const [socket, other, way] of [
      [near, far, 'up'],
      [far, near, 'down'],
    ] as const) {
      socket.setNoDelay(true)
      socket.on('data', (bytes: Buffer) => take(link, way, bytes))
      socket.on('end', () => take(link, way, undefined))
      socket.on('error', () => {
        // What was sent before the break may still arrive; a network does not take it back.
        take(link, way, undefined)
        if (link.queues[way].length === 0) other.destroy()
      })
      socket.on('close', () => {
        if (link.near.destroyed && link.far.destroyed) links.delete(link)
      })
    }
  })
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  const address = server.address()

  const heal = (): void => {
    const was = { held, swallowed }
    weather = fair
    isSliced = false
    isRefusing = false
    held = undefined
    swallowed = undefined
    for (const link of [...links]) {
      if (was.swallowed !== undefined && link.hasLost) {
        cut(link)
        continue
      }
      for (const way of ['up', 'down'] as const) {
        if (!meets(was.held, way)) continue
        for (const { bytes } of link.queues[way]) {
          late.bytes += bytes?.length ?? 0
          if (late.text.length < 1_000_000) late.text += bytes?.toString('latin1') ?? ''
        }
        deliver(link, way)
      }
    }
  }

  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    attempts,
    get connections() {
      return links.size
    },
    deliveredLate: late,
    weather: wanted => {
      weather = { ...fair, ...wanted }
    },
    slice: () => {
      isSliced = true
    },
    hold: way => {
      held = way
    },
    blackhole: (way = 'both') => {
      swallowed = way
    },
    refuse: () => {
      isRefusing = true
      for (const link of [...links]) cut(link)
    },
    heal,
    reset: () => {
      for (const link of [...links]) cut(link)
    },
    halfClose: () => {
      for (const { near } of links) near.end()
    },
    tap: wanted => {
      look = wanted
    },
    close: () => {
      for (const link of [...links]) cut(link)
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
