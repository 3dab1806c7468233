import { madeAt, type Pair, type Position, parsePair, parsePosition } from '../price.ts'

/** What a reader asked for, or in one sentence what is wrong with it. */
export type Asked<T> = { readonly kind: 'asked'; readonly value: T } | { readonly kind: 'malformed'; readonly detail: string }

export interface StreamRequest {
  readonly pairs: readonly Pair[]
  readonly mode: 'latest' | 'every'
  readonly intervalMs: number
  readonly after: Position | undefined
}

/** Pairs in one request. */
export const pairsPerRequestMax = 200
const intervalMaxMs = 3_600_000

const malformed = (detail: string): { readonly kind: 'malformed'; readonly detail: string } => ({ kind: 'malformed', detail })

/** Something of a request, safe to say back: printable, short. */
export const quoted = (text: string): string => `"${text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?').slice(0, 40)}"`

export function readPair(text: string): Asked<Pair> {
  const pair = parsePair(text)
  return pair === undefined ? malformed(`${quoted(text)} is no pair; one looks like BTC/USD`) : { kind: 'asked', value: pair }
}

/** What was read last: readers that come in a storm ask for the same, and keep one list between them. */
let lastRead: { readonly text: string; readonly asked: Asked<readonly Pair[]> } | undefined

export function readPairs(text: string | undefined): Asked<readonly Pair[]> {
  if (text !== undefined && text === lastRead?.text) return lastRead.asked
  const asked = parsePairs(text)
  if (text !== undefined) lastRead = { text, asked }
  return asked
}

function parsePairs(text: string | undefined): Asked<readonly Pair[]> {
  if (text === undefined || text.trim() === '') return malformed('pairs is missing: ask for some as in ?pairs=BTC/USD,ETH/USD')
  const parts = text.split(',')
  if (parts.length > pairsPerRequestMax) return malformed(`${parts.length} pairs in one request; at most ${pairsPerRequestMax} are served`)
  const pairs = new Set<Pair>()
  for (const part of parts) {
    const read = readPair(part)
    if (read.kind === 'malformed') return read
    pairs.add(read.value)
  }
  return { kind: 'asked', value: [...pairs] }
}

function readInterval(text: string | undefined): Asked<number> {
  if (text === undefined) return { kind: 'asked', value: 0 }
  const ms = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN
  if (!(ms <= intervalMaxMs)) return malformed(`interval=${quoted(text)} is no number of milliseconds from 0 to ${intervalMaxMs}`)
  return { kind: 'asked', value: ms }
}

/** What was made further ahead of our clock than a day is none of ours: its id would mute the stream for ever. */
const aheadMaxMs = 86_400_000

function readAfter(lastEventId: string | undefined, wallMs: number): Position | undefined {
  const at = parsePosition(lastEventId)
  return at !== undefined && madeAt(at) > (wallMs + aheadMaxMs) * 1000 ? undefined : at
}

export function readStreamRequest(
  query: { readonly [name in 'pairs' | 'interval' | 'mode']?: string | undefined },
  lastEventId: string | undefined,
  wallMs: number,
): Asked<StreamRequest> {
  const pairs = readPairs(query.pairs)
  if (pairs.kind === 'malformed') return pairs
  const interval = readInterval(query.interval)
  if (interval.kind === 'malformed') return interval
  const mode = query.mode ?? 'latest'
  if (mode !== 'latest' && mode !== 'every') return malformed(`mode=${quoted(mode)} is neither latest nor every`)
  if (mode === 'every' && interval.value > 0) return malformed('mode=every has no interval: it sends every price')
  return { kind: 'asked', value: { pairs: pairs.value, mode, intervalMs: interval.value, after: readAfter(lastEventId, wallMs) } }
}
