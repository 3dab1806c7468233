import { signal } from '@preact/signals'
import type { JSX } from 'preact'

/** For those who listen: what changed, in a sentence, and seldom. Prices are never announced. */
const said = signal('')

export const announce = (sentence: string): void => {
  said.value = sentence
}

export const Announcer = (): JSX.Element => (
  <p class="unseen" role="status">
    {said}
  </p>
)
