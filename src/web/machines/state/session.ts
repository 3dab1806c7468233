import { computed, signal } from '@preact/signals'
import type { InspectRecord } from '../../../inspect/record.ts'
import { createHistory, type History } from '../record/history.ts'

/** What the server said about itself; `file`: a recording opened here, no server needed. */
export interface Config {
  readonly mode: 'live' | 'recording' | 'file'
  readonly title: string
  readonly maySend: boolean
  /** Of a live one: that the admin token is asked for. */
  readonly needsToken?: boolean
  /** Of a live one: whose actors can be sent events from here. */
  readonly instance?: string
  /** The page of prices is at /. */
  readonly hasPrices?: boolean
}

export const config = signal<Config>({ mode: 'live', title: '', maySend: false, hasPrices: true })
export const link = signal<'connecting' | 'open' | 'broken' | 'busy' | 'none'>('connecting')
/** Changes with another recording. */
export const history = signal<History>(createHistory())
/** Goes up once per frame in which something came. */
export const version = signal(0)
/** Serial of the moment looked at; undefined: whatever is newest. */
export const cursor = signal<number | undefined>(undefined)
/** What went wrong, in a sentence for whoever looks. */
export const complaint = signal('')

/** Milliseconds from the arrival of records to their picture, 95 of 100, of the last frames. */
export const paintP95 = signal(0)
const paints: number[] = []
const paintsMax = 200

let arrivedAt: number | undefined

/** Takes records at once; the page follows with the next frame, however many calls come until then. A hidden tab draws nothing. */
export function absorb(records: readonly InspectRecord[]): void {
  history.value.add(records)
  if (arrivedAt !== undefined) return
  arrivedAt = performance.now()
  requestAnimationFrame(draw)
}

function draw(): void {
  const start = arrivedAt
  arrivedAt = undefined
  version.value += 1
  // After the frame was handed over; a message is not slowed like a timer.
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    if (start !== undefined && document.visibilityState === 'visible') notePaint(performance.now() - start)
  }
  port2.postMessage(undefined)
}

function notePaint(ms: number): void {
  paints.push(ms)
  if (paints.length > paintsMax) paints.shift()
  const sorted = [...paints].sort((a, b) => a - b)
  paintP95.value = Math.round(sorted[Math.floor(sorted.length * 0.95)] ?? 0)
}

/** Shows a recording instead of what was there. */
export function openRecording(records: readonly InspectRecord[], title: string): void {
  const opened = createHistory()
  opened.add(records)
  history.value = opened
  const { hasPrices = false } = config.value
  config.value = { mode: 'file', title, maySend: false, hasPrices }
  link.value = 'none'
  complaint.value = ''
  cursor.value = opened.next > opened.first ? opened.next - 1 : undefined
  version.value += 1
}

/** Serial everything on the page speaks of; -1: nothing came yet. */
export const now = computed(() => {
  version.value
  const { first, next } = history.value
  return cursor.value === undefined ? next - 1 : Math.min(Math.max(cursor.value, first), next - 1)
})

const hasOthers = computed(() => {
  version.value
  const [first = ''] = history.value.tracks.keys()
  const own = `${first.split('/')[0]}/`
  return [...history.value.tracks.keys()].some(path => !path.startsWith(own))
})

/** A path for a narrow place: its end, and of which instance it is as soon as there are several. */
export function briefly(path: string): string {
  const words = path.split('/')
  const isLong = words.length > 2
  return hasOthers.value && isLong ? `${words[0]} ${words.at(-1)}` : words.slice(-2).join('/')
}

export const isLive = computed(() => cursor.value === undefined)

/** Records that came while one looked back. */
export const unseen = computed(() => {
  version.value
  return cursor.value === undefined ? 0 : history.value.next - 1 - cursor.value
})

export function goTo(n: number): void {
  const { settled, next } = history.value
  cursor.value = Math.min(Math.max(n, settled), Math.max(settled, next - 1))
}

export const goLive = (): void => {
  cursor.value = undefined
}

/** Stands still at what is newest; nothing is lost meanwhile, up to the bound of the history. */
export const pause = (): void => goTo(history.value.next - 1)
