import { remembered } from './remembered.ts'

/**
 * Any value as plain data that survives JSON: cut in depth, size and length, with what cannot be shown named in a string, and what looks
 * like a secret hidden. Reading a value may run somebody's getter, and that may throw: then it says so in its place.
 */

export interface SafeLimits {
  readonly depthMax: number
  /** Entries of one object, list, map or set. */
  readonly entriesMax: number
  /** Values all in all; a string counts as one for each fifty characters. */
  readonly valuesMax: number
  /** Characters of one string. */
  readonly textMax: number
  /** How an actor is named: its path. */
  readonly actorName?: (actor: object) => string | undefined
}

export const safeLimits: SafeLimits = { depthMax: 6, entriesMax: 60, valuesMax: 400, textMax: 400 }

const secret = /pass(word|wd|phrase)|token|secret|credential|authorization|cookie|api[-_]?key|private[-_]?key|session[-_]?id/i
/** `redis://user:word@host`: the word. */
const password = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s@/]+@/gi

export const hidden = '(hidden)'

/** Never throws. */
export function safe(value: unknown, limits: SafeLimits = safeLimits): unknown {
  return copy(value, { limits, left: limits.valuesMax, above: [] }, 0)
}

interface Copying {
  readonly limits: SafeLimits
  left: number
  /** The objects around this one. */
  readonly above: object[]
}

function copy(value: unknown, copying: Copying, depth: number): unknown {
  copying.left -= 1
  switch (typeof value) {
    case 'string':
      copying.left -= value.length / 50
      return text(value, copying.left > 0 ? copying.limits.textMax : 20)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'boolean':
      return value
    case 'bigint':
      return `${value}n`
    case 'function':
      return `[function ${value.name}]`
    case 'symbol':
      return String(value)
    case 'undefined':
      return undefined
    default:
      return value === null ? null : copyObject(value as object, copying, depth)
  }
}

const text = (value: string, max: number): string => {
  const shown = value.includes('://') ? value.replace(password, `$1${hidden}@`) : value
  return shown.length > max ? `${shown.slice(0, max)}… (${shown.length} characters)` : shown
}

function copyObject(value: object, copying: Copying, depth: number): unknown {
  const { limits, above } = copying
  try {
    const named = nameOf(value, limits)
    if (named !== undefined) return named
    if (above.includes(value)) return '[cycle]'
    if (depth >= limits.depthMax || copying.left <= 0) return Array.isArray(value) ? `[list of ${value.length}]` : '[object]'
    above.push(value)
    const copied = copyEntries(value, copying, depth + 1)
    above.pop()
    return copied
  } catch (error) {
    above.length = Math.min(above.length, depth)
    return `[cannot be read: ${text(messageOf(error), 80)}]`
  }
}

/** What is shown by a name instead of its parts. */
function nameOf(value: object, { actorName, textMax }: SafeLimits): string | undefined {
  if (isPlain(value)) return undefined
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[no date]' : value.toISOString()
  if (value instanceof Error) return `[${value.name}: ${text(value.message, textMax)}]`
  if (value instanceof RegExp) return String(value)
  if (value instanceof Promise) return '[promise]'
  if (value instanceof WeakMap || value instanceof WeakSet) return '[weak collection]'
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if ('sessionId' in value && 'send' in value) return `[actor ${actorName?.(value) ?? ('id' in value ? String(value.id) : '')}]`
  return undefined
}

/** Most values are: no need to ask for each thing they might be. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Array.prototype || (prototype === Object.prototype && !('sessionId' in value))
}

function copyEntries(value: object, copying: Copying, depth: number): unknown {
  const { entriesMax } = copying.limits
  if (Array.isArray(value) || value instanceof Set) {
    const all = Array.isArray(value) ? value : [...value]
    const shown = all.slice(0, entriesMax).map(one => copy(one, copying, depth) ?? null)
    const list = all.length > entriesMax ? [...shown, `… ${all.length - entriesMax} more`] : shown
    return Array.isArray(value) ? list : { '[set]': list }
  }
  if (value instanceof Map) {
    const keys = Array.from(value.keys(), key => (typeof key === 'object' ? JSON.stringify(safe(key)) : String(key)))
    const values = [...value.values()]
    return { '[map]': named(keys, at => values[at], copying, depth) }
  }
  const keys = Object.keys(value)
  return named(keys, at => read(value, keys[at] as string), copying, depth)
}

function named(keys: readonly string[], valueAt: (at: number) => unknown, copying: Copying, depth: number): object {
  const { entriesMax } = copying.limits
  const copied: Record<string, unknown> = {}
  const put = (key: string, value: unknown): void => {
    // The one key that would do something else than be there.
    if (key === '__proto__') Object.defineProperty(copied, key, { value, enumerable: true, configurable: true, writable: true })
    else copied[key] = value
  }
  for (let at = 0; at < keys.length && at < entriesMax; at += 1) {
    const key = keys[at] as string
    const shown = isSecret(key) ? hidden : copy(valueAt(at), copying, depth)
    if (shown !== undefined) put(text(key, 100), shown)
  }
  if (keys.length > entriesMax) copied['…'] = `${keys.length - entriesMax} more`
  return copied
}

/** The same keys come again and again. */
const isSecret = remembered(2000, key => secret.test(key))

function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key]
  } catch (error) {
    return `[cannot be read: ${messageOf(error)}]`
  }
}

export const messageOf = (error: unknown): string => {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'no reason given'
  }
}
