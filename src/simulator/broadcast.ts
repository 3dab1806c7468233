/** A frame in its four shapes, each encoded at most once however many readers want it. */
export interface Frame {
  readonly stream: string
  as(wrapped: boolean, micro: boolean): Buffer
}

/** `timeUnit=MICROSECOND` turns every epoch-ms field of a payload into microseconds. Ids have fewer digits than such a time. */
const inMicroseconds = (json: string): string => json.replace(/"([ETOCt])":(\d{13})(?=[,}])/g, '"$1":$2000')

/** @param combined the frame as `/stream` sends it, when it exists already (a recorded one is sent byte for byte). */
export function frameOf(stream: string, payload: string | Buffer, combined?: Buffer): Frame {
  const shapes: (Buffer | undefined)[] = []
  const raw = (): Buffer => (typeof payload === 'string' ? Buffer.from(payload) : payload)
  const encode = (wrapped: boolean, micro: boolean): Buffer => {
    const plain = wrapped ? (combined ?? Buffer.from(`{"stream":"${stream}","data":${payload}}`)) : raw()
    return micro ? Buffer.from(inMicroseconds(plain.toString())) : plain
  }
  return {
    stream,
    as(wrapped, micro) {
      const shape = (wrapped ? 1 : 0) + (micro ? 2 : 0)
      const known = shapes[shape]
      if (known) return known
      const made = encode(wrapped, micro)
      shapes[shape] = made
      return made
    },
  }
}

/** One connection, seen from the streams it listens to. */
export interface Reader {
  readonly wrapped: boolean
  readonly micro: boolean
  deliver(frame: Buffer): void
}

/** The faults that concern what is sent on a stream. */
export interface StreamFaults {
  readonly silent: boolean
  readonly silentStreams: ReadonlySet<string>
  readonly duplicate: boolean
  readonly reorder: boolean
}

/** Who listens to which stream, and the sending to all of them. */
export class Broadcast {
  readonly #readers = new Map<string, Set<Reader>>()
  /** With `reorder`: the frame of each stream that waits for its neighbour to go first. */
  readonly #held = new Map<string, Frame>()
  readonly #faults: StreamFaults
  /** Told when a stream gains its first reader and loses its last. */
  readonly #watch: (stream: string, watched: boolean) => void

  constructor(faults: StreamFaults, watch: (stream: string, watched: boolean) => void) {
    this.#faults = faults
    this.#watch = watch
  }

  subscribe(stream: string, reader: Reader): void {
    const readers = this.#readers.get(stream)
    if (readers) {
      readers.add(reader)
      return
    }
    this.#readers.set(stream, new Set([reader]))
    this.#watch(stream, true)
  }

  unsubscribe(stream: string, reader: Reader): void {
    const readers = this.#readers.get(stream)
    if (!readers?.delete(reader) || readers.size > 0) return
    this.#readers.delete(stream)
    this.#held.delete(stream)
    this.#watch(stream, false)
  }

  readersOf(stream: string): Iterable<Reader> {
    return this.#readers.get(stream) ?? []
  }

  publish(frame: Frame): void {
    if (!this.#readers.has(frame.stream)) return
    const { silent, silentStreams, reorder } = this.#faults
    if (silent || silentStreams.has(frame.stream)) return
    const earlier = this.#held.get(frame.stream)
    if (reorder && !earlier) {
      this.#held.set(frame.stream, frame)
      return
    }
    this.#held.delete(frame.stream)
    if (earlier && !reorder) this.#send(earlier)
    this.#send(frame)
    if (earlier && reorder) this.#send(earlier)
  }

  #send(frame: Frame): void {
    const readers = this.#readers.get(frame.stream)
    if (!readers) return
    for (const reader of readers) {
      const shape = frame.as(reader.wrapped, reader.micro)
      reader.deliver(shape)
      if (this.#faults.duplicate) reader.deliver(shape)
    }
  }
}
