import type { Level } from '../../price.ts'

/** The levels as people read them. */
export const levelWords: Readonly<Record<Level, string>> = {
  live: 'live',
  polling: 'polling',
  'shared-cache': 'shared cache',
  'local-cache': 'local cache',
  stale: 'stale',
}

export const levelSentence: Readonly<Record<Level, string>> = {
  live: 'Prices are live',
  polling: 'Prices are polled',
  'shared-cache': 'Prices come from the shared cache',
  'local-cache': 'Prices come from the local cache',
  stale: 'Prices are stale',
}

/** What a level means for whoever looks at the prices. */
export const levelMeaning: Readonly<Record<Exclude<Level, 'live'>, string>> = {
  polling: 'The exchange’s stream is silent; prices are asked for over REST every few seconds.',
  'shared-cache': 'Nothing newer can be had; these are the last prices the instances share.',
  'local-cache': 'Nothing newer can be had; these are the last prices this instance heard.',
  stale: 'These prices are old, and nothing newer can be had.',
}

export const roleWords: Readonly<Record<string, string>> = {
  leader: 'leader: holds the exchange’s socket for all',
  follower: 'follower: gets its prices from the leader',
  solo: 'solo: cut off from the others, with a socket of its own',
}
