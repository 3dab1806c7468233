import type { Duplex } from 'node:stream'

/**
 * What a process and its workers say to each other over a pipe: messages, each a kind and bytes, whole and in order. Prices are the same
 * bytes for every worker, made once.
 */

/** price, stored: a payload (price.ts), told now or known before. told, symbols, want, count: JSON. leave: send your readers away and end. taken: the connection has arrived. */
export const kinds = ['price', 'stored', 'told', 'symbols', 'leave', 'want', 'count', 'taken', 'unresolved'] as const
export type Kind = (typeof kinds)[number]

export interface Tube {
  say(kind: Kind, text?: string): void
  /** Several messages made by {@link message}. */
  pass(messages: readonly Buffer[]): void
  /** Bytes the other side has not taken yet. */
  readonly waitingBytes: number
}

export interface Hearing {
  heard(kind: Kind, bytes: Buffer): void
  /** The other side takes bytes again. */
  drained?(): void
  /** The other side is gone; also when it says what nobody can read. */
  over(): void
}

/** Length of what follows, kind. */
const headBytes = 5
/** All symbols of an exchange ten times as large. */
const bytesMax = 16 * 1024 * 1024

export function message(kind: Kind, text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const made = Buffer.allocUnsafe(headBytes + bytes)
  made.writeUInt32LE(bytes + 1, 0)
  made[4] = kinds.indexOf(kind)
  made.write(text, headBytes)
  return made
}

export function createTube(stream: Duplex, { heard, drained = () => {}, over }: Hearing): Tube {
  let rest: Buffer = Buffer.alloc(0)
  let isOver = false

  const end = (): void => {
    if (isOver) return
    isOver = true
    stream.destroy()
    over()
  }

  const read = (bytes: Buffer): void => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    let at = 0
    while (!isOver && rest.length - at >= headBytes) {
      const length = rest.readUInt32LE(at)
      const kind = kinds[rest[at + 4] ?? -1]
      if (kind === undefined || length > bytesMax) return end()
      const next = at + 4 + length
      if (rest.length < next) break
      heard(kind, rest.subarray(at + headBytes, next))
      at = next
    }
    rest = rest.subarray(at)
  }

  stream.on('data', read)
  stream.on('drain', drained)
  stream.on('error', end)
  stream.on('close', end)
  stream.on('end', end)
  return {
    say: (kind, text = '') => {
      if (!isOver) stream.write(message(kind, text))
    },
    pass: messages => {
      if (!isOver && messages.length > 0) stream.write(messages.length === 1 ? messages[0] : Buffer.concat(messages))
    },
    get waitingBytes() {
      return stream.writableLength
    },
  }
}
