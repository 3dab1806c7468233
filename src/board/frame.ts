import { formatPosition, type Position } from '../price.ts'

/** Server-Sent Events, written once and shared by all readers. WHATWG HTML, 9.2. */
export const event = (name: string, value: unknown): string => `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`

/**
 * `body`: as price.ts writes it, without the opening brace. A price outside the order of terms has no id: the reader keeps the one it has.
 */
export const priceEvent = (at: Position, body: string): string =>
  at.epoch === 0 ? `event: price\ndata: {${body}\n\n` : `event: price\nid: ${formatPosition(at)}\ndata: {${body}\n\n`

export const comment = ':\n\n'

/** A text as one chunk of a chunked HTTP/1.1 body (RFC 9112, 7.1), so that a stream is written to the socket without Node's per-write framing. */
export function chunk(text: string): Buffer {
  const head = `${Buffer.byteLength(text).toString(16)}\r\n`
  return Buffer.from(`${head}${text}\r\n`)
}
