import { computed } from '@preact/signals'
import { readAge, readTime } from './age.ts'
import { sinceThen, status, why } from './instance.ts'
import { clock } from './quotes.ts'
import { connection } from './stream.ts'
import { levelMeaning, levelSentence } from './words.ts'

/** What stands in the way of live prices, for the banner. */
export interface Notice {
  readonly tone: 'warn' | 'bad'
  readonly title: string
  readonly text: string
  /** The cause in the instance's words; empty: not known. */
  readonly why: string
}

export const notice = computed((): Notice | undefined => ofConnection() ?? ofLevel())

const lastHeard = 'The prices below are the last ones heard.'

function ofConnection(): Notice | undefined {
  const state = connection.value
  switch (state.kind) {
    case 'reconnecting':
      return { tone: 'bad', title: `Connection lost at ${readTime(state.since)}`, text: `Trying again. ${lastHeard}`, why: '' }
    case 'sent-away': {
      const seconds = Math.ceil((state.until - clock.value) / 1000)
      const wait = seconds > 0 ? `Connecting again in ${seconds} s.` : 'Connecting again.'
      const title = state.why === 'full' ? 'This instance is full' : 'This instance is going away'
      return { tone: 'warn', title, text: `${wait} ${lastHeard}`, why: '' }
    }
    case 'refused':
      return { tone: 'bad', title: 'The stream was refused', text: state.detail, why: '' }
    default:
      return undefined
  }
}

function ofLevel(): Notice | undefined {
  const said = status.value
  if (said === undefined || said.level === 'live' || connection.value.kind !== 'open') return undefined
  const { level, since } = said
  const duration = clock.value > 0 ? readAge(sinceThen(since)) : ''
  return {
    tone: level === 'polling' ? 'warn' : 'bad',
    title: `${levelSentence[level]} since ${readTime(since)}${duration === 'now' ? '' : ` (${duration})`}`,
    text: levelMeaning[level],
    why: why.value,
  }
}
