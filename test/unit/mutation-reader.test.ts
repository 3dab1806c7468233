import { expect, test } from 'vitest'
import { createBoard, type Entry } from '../../src/board/board.ts'
import { createReader, newsOf } from '../../src/board/reader.ts'
import type { Position } from '../../src/price.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { recordingOutlet, updateOf } from '../support/outlet.ts'

/** Five seconds into its term. */
const after = { epoch: 1000, sequence: 5_000_000 }
const options = { pairs: ['BTC/USD'], mode: 'latest', intervalMs: 0, preface: '', after } as const
const reader = createReader(options, recordingOutlet(), 0)

const entryAt = (at: Position): Entry => {
  const board = createBoard(fakeClock(), () => {})
  board.apply(updateOf({ at, tradeId: 1 }), 0)
  const entry = board.get('BTC/USD')
  if (entry === undefined) throw new Error('the board took nothing')
  return entry
}

test('a price of an older term is news if it was made well after what the reader had, numbered as in the term it knows', () => {
  const entry = entryAt({ epoch: 900, sequence: 10_000_000 })
  const news = newsOf(reader, entry, true)
  expect(news?.update.body).toBe(entry.update.body)
  // Made at 900 + 10,000,000 µs, which is 9,999,900 µs into the reader's term; what came before it the reader cannot know.
  expect(news?.update).toMatchObject({ at: { epoch: 1000, sequence: 9_999_900 }, prev: 9_999_900 })
  expect(newsOf(reader, entry, true)).toBe(news)
})

test.each([1, 4_000_000, 5_000_000, 5_900_000])('a price of an older term made %s µs into it is no news', sequence => {
  expect(newsOf(reader, entryAt({ epoch: 900, sequence }), true)).toBe(undefined)
})

test('a price of a newer position is news as it is', () => {
  const entry = entryAt({ epoch: 2000, sequence: 5_000_000 })
  expect(newsOf(reader, entry, true)).toBe(entry)
})
