import { isGap } from './mailbox.ts'
import { openMailbox, type Reader } from './reader.ts'

/**
 * What becomes of a reader that does not keep up, one step after the other:
 *
 * 1. conflated: while its connection takes nothing, one price of each pair is all that waits (mode `every`: each trade within a bound; what
 *    is beyond it is told as a gap);
 * 2. slowed: fell behind often and for long, it is written to at an interval, so that what the network holds for it drains and what it
 *    reads is new;
 * 3. sent away: behind again at the longest interval, or mode `every` and one gap after the other. Told to come back, on a connection that
 *    holds nothing yet;
 * 4. cut: takes nothing for half a minute, and so can be told nothing.
 *
 * Who keeps up for a while is written to faster again, step by step.
 */

/** How a reader has been keeping up. Only those that lately did not have one. */
export interface Slowness {
  /** The interval it asked for. */
  readonly askedMs: number
  /** Since the last step: how often it fell behind, in mode `every` how often it lost what was waiting. */
  falls: number
  /** Since the last step, for how long in all it was behind. */
  behindMs: number
  /** Since when it is where it is now and keeps up. */
  calmSince: number
}

/** How often each step was taken. */
export interface Steps {
  /** Times a reader stopped keeping up, and was conflated from there on. */
  fellBehind: number
  /** Times more than the bound waited for a reader of every trade, and was told as a gap instead. */
  gapped: number
  /** Times a reader was put on a longer interval, and times on a shorter one again. */
  slowed: number
  restored: number
  /** Told to come back, as nothing else helped. */
  sentAway: number
  /** Cut, as it had taken nothing for too long, or as too much waited for it in the connection. */
  cutStuck: number
  cutFull: number
}

export const noSteps = (): Steps => ({ fellBehind: 0, gapped: 0, slowed: 0, restored: 0, sentAway: 0, cutStuck: 0, cutFull: 0 })

const fallsMax = 3
const behindMaxMs = 5000
const calmMs = 10_000
/** Each step is so many times as slow as the one before. */
const factor = 4
const shortestMs = 250
const longestMs = 4000

/** The reader stops keeping up. */
export function fallBehind(reader: Reader, now: number): void {
  reader.blockedAt = now
  reader.slowness ??= { askedMs: reader.intervalMs, falls: 0, behindMs: 0, calmSince: now }
  if (reader.mode === 'latest') reader.slowness.falls += 1
}

/** What was waiting for it had to be dropped. */
export function overflow({ slowness }: Reader): void {
  if (slowness !== undefined) slowness.falls += 1
}

/** The reader takes bytes again. Returns what is to be done about it; `slowed`: its interval is another now. */
export function catchUp(reader: Reader, now: number): 'nothing' | 'slowed' | 'sentAway' {
  const { slowness, blockedAt = now, mode } = reader
  reader.blockedAt = undefined
  if (slowness === undefined) return 'nothing'
  slowness.behindMs += now - blockedAt
  slowness.calmSince = now
  if (slowness.falls < fallsMax || (mode === 'latest' && slowness.behindMs < behindMaxMs)) return 'nothing'
  const slowerMs = Math.max(shortestMs, reader.intervalMs * factor)
  if (mode === 'every' || slowerMs > longestMs) return 'sentAway'
  changeInterval(reader, slowerMs)
  return 'slowed'
}

/** To be asked of each reader every second or so. Returns whether its interval is another now. */
export function recover(reader: Reader, now: number): boolean {
  const { slowness, blockedAt, intervalMs } = reader
  if (slowness === undefined || blockedAt !== undefined || now - slowness.calmSince < calmMs) return false
  slowness.calmSince = now
  if (intervalMs > slowness.askedMs) {
    const fasterMs = intervalMs / factor
    changeInterval(reader, fasterMs < shortestMs ? slowness.askedMs : fasterMs)
    return true
  }
  reader.slowness = undefined
  return false
}

function changeInterval(reader: Reader, intervalMs: number): void {
  const { slowness, mailbox } = reader
  if (slowness !== undefined) {
    slowness.falls = 0
    slowness.behindMs = 0
  }
  reader.intervalMs = intervalMs
  openMailbox(reader)
  for (const item of mailbox.waiting) if (!isGap(item)) reader.mailbox.put(item)
}

const heartbeatAfterMs = 15_000
const stuckAfterMs = 30_000
const waitingBytesMax = 1024 * 1024

/**
 * To be asked of each reader every second or so. cutStuck: it has taken nothing for too long. cutFull: too much waits for it in the connection.
 * silent: it has been sent nothing for a while.
 */
export function conditionOf({ blockedAt, writtenAt, outlet }: Reader, now: number): 'cutStuck' | 'cutFull' | 'silent' | 'fine' {
  if (blockedAt !== undefined && now - blockedAt >= stuckAfterMs) return 'cutStuck'
  if (outlet.waitingBytes > waitingBytesMax) return 'cutFull'
  return blockedAt === undefined && now - writtenAt >= heartbeatAfterMs ? 'silent' : 'fine'
}
