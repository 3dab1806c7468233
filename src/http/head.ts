/** The head of a plain request: what is asked for, and its headers by their names in lower case. */
export interface Head {
  readonly target: string
  readonly headers: Readonly<Record<string, string>> & { readonly host: string }
}

const shape = /^GET (\/v1\/stream\?[\x21\x24-\x7e]*) HTTP\/1\.1\r\n((?:[a-z0-9-]+:[\t\x20-\x7e]*\r\n){1,64})\r\n$/i
const hostShape = /^(?:[a-z0-9.-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i
const headMax = 8192
/** With any of these more than the head, or another protocol, may follow. */
const notPlain = ['content-length', 'transfer-encoding', 'expect', 'upgrade', 'http2-settings', 'te', 'trailer']

/**
 * Reads the head of a request for a stream if these bytes are exactly one, of the plainest form (RFC 9112, 3 and 5): nothing after it, no
 * body, each header once, on one line, in printable ASCII. Undefined means only that somebody who knows all of HTTP should look.
 */
export function readHead(bytes: Buffer): Head | undefined {
  if (bytes.length > headMax || bytes[0] !== 71 || bytes[bytes.length - 1] !== 10) return undefined
  const match = shape.exec(bytes.toString('latin1'))
  if (match === null) return undefined
  const [, target = '', lines = ''] = match
  const headers: Record<string, string> = Object.create(null)
  for (const line of lines.slice(0, -2).split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (name in headers) return undefined
    headers[name] = line.slice(colon + 1).trim()
  }
  const { host } = headers
  if (host === undefined || !hostShape.test(host) || notPlain.some(name => name in headers)) return undefined
  return { target, headers: headers as Head['headers'] }
}
