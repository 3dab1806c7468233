import { constants, crc32, deflateRawSync } from 'node:zlib'
import { type Stream, unframed } from './stream.ts'

/**
 * Streams as gzip (RFC 1951, 1952), pressed once for all who are sent the same, never for each. Readers who have had the same of late share a
 * past: what comes is pressed once against it, and takes them all to the same next one. Who has a past of its own is sent blocks that refer to
 * nothing before them, made once for everybody; so is, by the look of it, each sixteenth frame, and from there on all who got it share one past.
 * Each block ends on a byte (Z_SYNC_FLUSH), so that events are read as they come. The checksum at the end, which would be another one for each
 * reader, is left out: nobody waits for the end of a stream.
 */
export interface Press {
  readonly headers: Readonly<Record<string, string>>
  readonly through: (stream: Stream) => Stream
}

/** The end of what some readers were sent. */
interface Past {
  readonly text: Buffer
  /** How many readers have come by here. */
  readers: number
  /** Frames that were sent after it. Held no longer than the frames are. */
  readonly next: WeakMap<Buffer, Pressed>
}

interface Pressed {
  readonly frame: Buffer
  readonly past: Past
}

const pastBytesMax = 16 * 1024
/** Fewer than these are not worth pressing for. */
const readersMin = 8
const resetEvery = 16

const chunkOf = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
const pastOf = (text: Buffer): Past => ({ text, readers: 0, next: new WeakMap() })
/** Deflate, no name, no time, system unknown. */
const head = chunkOf(Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]))

function pressAgainst(before: Buffer, frame: Buffer): Pressed {
  const text = unframed(frame)
  const dictionary = before.length > 0 ? { dictionary: before } : {}
  const block = deflateRawSync(text, { level: constants.Z_BEST_SPEED, finishFlush: constants.Z_SYNC_FLUSH, ...dictionary })
  return { frame: chunkOf(block), past: pastOf(Buffer.concat([before, text]).subarray(-pastBytesMax)) }
}

const kept = (map: WeakMap<Buffer, Pressed>, frame: Buffer, make: () => Pressed): Pressed => {
  const known = map.get(frame)
  if (known !== undefined) return known
  const made = make()
  map.set(frame, made)
  return made
}

export function createPress(): Press {
  const nothing = Buffer.alloc(0)
  const alone = new WeakMap<Buffer, Pressed>()
  const pressAlone = (frame: Buffer): Pressed => kept(alone, frame, () => pressAgainst(nothing, frame))
  const after = ({ text, readers, next }: Past, frame: Buffer): Pressed =>
    kept(next, frame, () => (readers < readersMin || crc32(frame) % resetEvery === 0 ? pressAlone(frame) : pressAgainst(text, frame)))

  return {
    headers: { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding, Origin' },
    through: ({ outlet, on }) => {
      let past = pastOf(nothing)
      let hasHead = false
      const press = (frame: Buffer): Buffer => {
        const pressed = after(past, frame)
        past = pressed.past
        past.readers += 1
        return pressed.frame
      }
      return {
        on,
        outlet: {
          write: frames => {
            const pressed = frames.map(press)
            if (!hasHead) pressed.unshift(head)
            hasHead = true
            return outlet.write(pressed)
          },
          end: () => outlet.end(),
          cut: () => outlet.cut(),
          get waitingBytes() {
            return outlet.waitingBytes
          },
        },
      }
    },
  }
}

/** Whether a request's Accept-Encoding names gzip, and not with a weight of 0. */
export const takesGzip = (accepted: string | undefined): boolean => /(^|[\s,])gzip\s*(,|$|;\s*q=(1|0?\.\d*[1-9]))/i.test(accepted ?? '')

const asItIs: Press = { headers: {}, through: stream => stream }

/** What the stream of a request with this Accept-Encoding goes through. */
export const pressFor = (press: Press | undefined, accepted: string | undefined): Press =>
  press !== undefined && takesGzip(accepted) ? press : asItIs
