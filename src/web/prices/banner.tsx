import { effect } from '@preact/signals'
import type { JSX } from 'preact'
import { announce } from '../shared/announce.tsx'
import { status } from './instance.ts'
import { notice } from './notice.ts'
import { connection } from './stream.ts'
import { levelSentence } from './words.ts'

export const Banner = (): JSX.Element | null => {
  const { value } = notice
  if (value === undefined) return null
  return (
    <section class={`banner ${value.tone}`} aria-label="What is wrong">
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <path d="M10 2.5 18.5 17h-17z" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linejoin="round" />
        <path d="M10 8v4.2m0 2.1v.2" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" />
      </svg>
      <div>
        <p class="title">{value.title}</p>
        <p>{value.text}</p>
        {value.why !== '' && (
          <p class="why">
            Cause: <code>{value.why}</code>
          </p>
        )}
      </div>
    </section>
  )
}

/** Changes of level and connection are spoken; the first ones are no change. */
export function announceChanges(): void {
  let before = ''
  effect(() => {
    const { kind } = connection.value
    const level = status.value?.level
    const now =
      kind === 'open' && level !== undefined
        ? `${levelSentence[level]}.`
        : kind === 'reconnecting' || kind === 'sent-away'
          ? 'Connection lost, trying again.'
          : ''
    if (now === '' || now === before) return
    if (before !== '') announce(now)
    before = now
  })
}
