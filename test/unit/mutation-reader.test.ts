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

test('a price of an older term is news if it was made well after what the reader had, and without an id', () => {
  const entry = entryAt({ epoch: 900, sequence: 10_000_000 })
  const news = newsOf(reader, entry)
  expect(news?.update.body).toBe(entry.update.body)
  expect(news?.update.at.epoch).toBe(0)
})

test.each([1, 4_000_000, 5_000_000, 5_900_000])('a price of an older term made %s µs into it is no news', sequence => {
  expect(newsOf(reader, entryAt({ epoch: 900, sequence }))).toBe(undefined)
})

test('a price of a newer position is news as it is', () => {
  const entry = entryAt({ epoch: 2000, sequence: 5_000_000 })
  expect(newsOf(reader, entry)).toBe(entry)
})
