import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { QuoteAliases } from './exchange/symbols.ts'
import { readRedisUrl } from './redis-url.ts'

/** How the text of a setting is read: each returns what it means, or what is wrong with it as the rest of a sentence. */

export type Read<T> = { readonly value: T } | { readonly wrong: string }

export interface Setting<T> {
  readonly name: string
  readonly fallback: string
  readonly meaning: string
  readonly read: (text: string) => Read<T>
}

export const setting = <T>(name: string, fallback: string, meaning: string, read: (text: string) => Read<T>): Setting<T> => ({
  name,
  fallback,
  meaning,
  read,
})

export const wholeNumber =
  (min: number, max: number) =>
  (text: string): Read<number> => {
    const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
    return value >= min && value <= max ? { value } : { wrong: `is no whole number from ${min} to ${max}` }
  }

export const oneOf =
  <T extends string>(...words: readonly T[]) =>
  (text: string): Read<T> => {
    const value = words.find(word => word === text)
    return value === undefined ? { wrong: `is none of ${words.join(', ')}` } : { value }
  }

/** A value as a message may repeat it: on one line, short, and without what stands before an @, which may be a password. */
export const shown = (text: string): string =>
  text
    .replace(/[^,]*@/g, '…@')
    .replace(/\p{Cc}/gu, '?')
    .slice(0, 80)

const workersMax = 256
/** One per core; on a single core a second process would only cost. */
export const workers = (text: string): Read<number> => {
  const cores = availableParallelism()
  if (text === 'auto') return { value: cores > 1 ? cores : 0 }
  const read = wholeNumber(0, workersMax)(text)
  return 'value' in read ? read : { wrong: `is neither auto nor a whole number from 0 to ${workersMax}` }
}

const list = (text: string): readonly string[] =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')

/** A part of a list, unless the whole looks as if it held a password: a comma may be part of that. */
const holding = (text: string, part: string): string => (text.includes('@') ? 'holds something' : `holds "${shown(part)}"`)

export const listOf =
  <T>(what: string, readOne: (text: string) => T | undefined) =>
  (text: string): Read<readonly T[]> => {
    const values: T[] = []
    for (const part of list(text)) {
      const value = readOne(part)
      if (value === undefined) return { wrong: `${holding(text, part)}, which is no ${what}` }
      values.push(value)
    }
    return { value: [...new Set(values)] }
  }

export const url =
  (...protocols: readonly string[]) =>
  (text: string): string | undefined => {
    if (!URL.canParse(text)) return undefined
    const { protocol, search, hash } = new URL(text)
    return protocols.includes(protocol) && search === '' && hash === '' ? text.replace(/\/+$/, '') : undefined
  }

/** As browsers send it: no path, no slash at the end. */
export const webOrigin = (text: string): string | undefined => {
  if (text === '*') return text
  if (!URL.canParse(text)) return undefined
  const { protocol, origin, pathname, search, hash, username } = new URL(text)
  const isOrigin = (protocol === 'http:' || protocol === 'https:') && pathname === '/' && search === '' && hash === '' && username === ''
  return isOrigin ? origin : undefined
}

export const word =
  (max: number) =>
  (text: string): Read<string> =>
    new RegExp(`^[\\x21-\\x7e]{0,${max}}$`).test(text)
      ? { value: text }
      : { wrong: `must be printable, without spaces, at most ${max} characters` }

export const atLeastOne =
  <T>(what: string, read: (text: string) => Read<readonly T[]>) =>
  (text: string): Read<readonly T[]> => {
    const got = read(text)
    return 'value' in got && got.value.length === 0 ? { wrong: `needs at least one ${what}` } : got
  }

export const aliases = (text: string): Read<QuoteAliases> => {
  const map = new Map<string, string>()
  for (const part of list(text)) {
    const match = /^([\p{L}\p{N}]{1,20})=([\p{L}\p{N}]{1,20})$/u.exec(part)
    if (match === null) return { wrong: `${holding(text, part)}, which is not of the form USD=USDT` }
    map.set((match[1] ?? '').toUpperCase(), (match[2] ?? '').toUpperCase())
  }
  return { value: map }
}

/** The URL may hold a password, so what is wrong with it is said without it. */
export const redisUrl = (text: string): Read<string> => {
  const reading = text === '' ? undefined : readRedisUrl(text)
  return reading?.kind === 'refused' ? { wrong: reading.cause.replace(/^REDIS_URL /, '') } : { value: text }
}

/** What is in a file, as text. */
const pem =
  (mark: RegExp, what: string) =>
  (path: string): Read<string> => {
    if (path === '') return { value: '' }
    try {
      const text = readFileSync(path, 'utf8')
      return mark.test(text) ? { value: text } : { wrong: `is a file without a ${what} (PEM)` }
    } catch (error) {
      return { wrong: `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'no file name'})` }
    }
  }

export const certificates = pem(/-----BEGIN CERTIFICATE-----/, 'certificate')
export const privateKey = pem(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, 'private key')
