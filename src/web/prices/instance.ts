import { computed, signal } from '@preact/signals'
import type { StatusAnswer, StatusEvent } from './wire.ts'

/** The instance that serves this page: what its stream said last, and what it answers about itself. */

export const status = signal<StatusEvent | undefined>(undefined)
const answer = signal<StatusAnswer | undefined>(undefined)
/** How far its clock is ahead of ours, ms; 0 where the difference is no more than the way. */
let aheadMs = 0

/** An error may be so much older than the level it led to. */
const leadMs = 60_000
const skewMinMs = 2000

export const instanceName = computed(() => answer.value?.instance ?? '')

/** Why the level is what it is, as far as the instance knows. */
export const why = computed(() => {
  const since = status.value?.since ?? 0
  const error = answer.value?.lastError
  if (error === undefined || error === null || error.at < since - leadMs) return ''
  // An instance that knows no more than its own level says that: it is no cause.
  return error.message.startsWith('level ') ? '' : error.message
})

/** Milliseconds since something that the instance's clock dated. */
export const sinceThen = (epochMs: number): number => Math.max(0, Date.now() + aheadMs - epochMs)

export async function askStatus(): Promise<void> {
  try {
    const response = await fetch('/v1/status', { cache: 'no-store' })
    if (!response.ok) return
    const said = Date.parse(response.headers.get('date') ?? '') - Date.now()
    aheadMs = Math.abs(said) > skewMinMs ? said : 0
    answer.value = await response.json()
  } catch {
    // It is asked again; that it cannot be reached is told by the stream.
  }
}
