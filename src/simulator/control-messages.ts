/** A control message that made sense. `id` is the JSON text of the client's id, echoed as it came. */
export type ControlRequest =
  | { readonly method: 'SUBSCRIBE' | 'UNSUBSCRIBE'; readonly id: string; readonly streams: readonly string[] }
  | { readonly method: 'LIST_SUBSCRIPTIONS' | 'GET_PROPERTY'; readonly id: string }
  | { readonly method: 'SET_PROPERTY'; readonly id: string; readonly combined: boolean }

/** What was wrong with one. A malformed message (as against a wrong property) makes the real exchange stop answering. */
export interface ControlError {
  readonly code: number
  readonly msg: string
  readonly id?: string
  readonly malformed: boolean
}

export type Control = { readonly request: ControlRequest } | { readonly error: ControlError }

const METHODS = ['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS', 'SET_PROPERTY', 'GET_PROPERTY'] as const
const INT64_MAX = 2n ** 63n - 1n

const malformed = (code: number, msg: string, id?: string): Control => ({
  error: { code, msg, malformed: true, ...(id === undefined ? {} : { id }) },
})
const refused = (code: number, msg: string, id: string): Control => ({ error: { code, msg, id, malformed: false } })

/** Counts as serde does: from 1, the column being the last byte looked at. */
function position(text: string, end: number): string {
  const before = text.slice(0, end)
  return `line ${before.split('\n').length} column ${Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1))}`
}

/** The id as JSON text, or undefined if it is of no allowed type. Integers are taken from the text: they may exceed 2^53. */
function idOf(message: Record<string, unknown>, text: string): string | undefined {
  const { id } = message
  if (id === null) return 'null'
  if (typeof id === 'string') return id.length <= 36 ? JSON.stringify(id) : undefined
  if (typeof id !== 'number') return undefined
  const digits = /(?<!\\)"id"\s*:\s*(-?\d+)(?=\s*[,}])/.exec(text)?.[1]
  if (digits === undefined) return undefined
  const value = BigInt(digits)
  return value <= INT64_MAX && value >= -INT64_MAX - 1n ? digits : undefined
}

const TOKEN = /\s*(?:[{}[\],:]|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*/y

/** Just behind the first character that cannot start a JSON token; Node 20 does not always tell where parsing failed. */
function firstOddity(text: string): number {
  TOKEN.lastIndex = 0
  let end = 0
  while (TOKEN.test(text)) end = TOKEN.lastIndex
  return Math.min(text.length, end + 1)
}

const invalidJson = (text: string): Control => malformed(3, `Invalid JSON: expected value at ${position(text, firstOddity(text))}`)

function parseProperty(method: 'SET_PROPERTY' | 'GET_PROPERTY', params: unknown, id: string): Control {
  const [name, value, ...surplus] = Array.isArray(params) ? params : []
  if (typeof name !== 'string') return refused(2, 'Invalid request: property name must be a string', id)
  if (surplus.length > 0 || (method === 'GET_PROPERTY' && value !== undefined)) {
    return refused(2, 'Invalid request: too many parameters', id)
  }
  if (name !== 'combined') return refused(0, 'Unknown property', id)
  if (method === 'GET_PROPERTY') return { request: { method, id } }
  if (typeof value !== 'boolean') return refused(1, 'Invalid value type: expected Boolean', id)
  return { request: { method, id, combined: value } }
}

function parseStreams(method: 'SUBSCRIBE' | 'UNSUBSCRIBE', params: unknown, id: string, text: string): Control {
  if (params === undefined) return malformed(2, `Invalid request: missing field \`params\` at ${position(text, text.length)}`, id)
  if (!Array.isArray(params) || params.some(name => typeof name !== 'string')) {
    return malformed(2, `Invalid request: invalid type, expected a sequence of strings at ${position(text, text.length)}`, id)
  }
  return { request: { method, id, streams: params as string[] } }
}

/** Reads a control message as web-socket-streams.md (2026-07-21) describes them, errors included. */
export function parseControl(text: string): Control {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return invalidJson(text)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return invalidJson(text)
  const message = parsed as Record<string, unknown>
  const id = idOf(message, text)
  if (message.method === undefined) {
    return malformed(2, `Invalid request: missing field \`method\` at ${position(text, text.trimEnd().length)}`, id)
  }
  const method = METHODS.find(known => known === message.method)
  if (!method) {
    const named = JSON.stringify(message.method)
    const place = position(text, text.indexOf(named) + named.length)
    const known = METHODS.map(name => `\`${name}\``).join(', ')
    return malformed(2, `Invalid request: unknown variant \`${named.replace(/^"|"$/g, '')}\`, expected one of ${known} at ${place}`, id)
  }
  if (id === undefined) return malformed(2, 'Invalid request: request ID must be an unsigned integer')
  if (method === 'SUBSCRIBE' || method === 'UNSUBSCRIBE') return parseStreams(method, message.params, id, text)
  if (method !== 'LIST_SUBSCRIPTIONS') return parseProperty(method, message.params, id)
  const surplus = Array.isArray(message.params) && message.params.length > 0
  return surplus ? refused(2, 'Invalid request: too many parameters', id) : { request: { method, id } }
}

/** On the wire errors come wrapped, unlike in the documentation's table. */
export function errorReply({ code, msg, id }: ControlError): string {
  return `{"error":${JSON.stringify({ code, msg })}${id === undefined ? '' : `,"id":${id}`}}`
}

export const resultReply = (result: unknown, id: string): string => `{"result":${JSON.stringify(result)},"id":${id}}`
