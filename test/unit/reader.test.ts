import { expect, test } from 'vitest'
import type { Entry } from '../../src/board/board.ts'
import { frameOf } from '../../src/board/board.ts'
import { createReader, newsOf } from '../../src/board/reader.ts'

/** A reader that was elsewhere; each sentence is a bug that the simulation found. */

const second = 1_000_000
const term = 1_795_000_000 * second
const outlet = { write: () => true, end: () => {}, cut: () => {}, waitingBytes: 0 }
const reader = (epoch: number, sequence: number) =>
  createReader({ pairs: ['A/USD'], mode: 'latest', intervalMs: 0, preface: '', after: { epoch, sequence } }, outlet, 0)
const entry = (epoch: number, sequence: number, isStored = false): Entry => ({
  pair: 'A/USD',
  update: { pair: 'A/USD', at: { epoch, sequence }, prev: 0, cause: 'trade', body: '"tradeId":1}' },
  receivedAt: 0,
  isStored,
  isAfterGap: false,
  heardAt: 0,
})

test('a price stored before the reader left where it was is no news, although its term is newer', () => {
  const left = reader(term, 20 * second)
  expect(newsOf(left, entry(term + 5 * second, 1 * second, true))).toBeUndefined()
  expect(newsOf(left, entry(term + 5 * second, 1 * second))).toBeDefined()
  expect(newsOf(left, entry(term + 5 * second, 16 * second, true))).toBeDefined()
})

test('an instance that goes on in an older term shows what it has, without an id', () => {
  const left = reader(term + 5 * second, 1 * second)
  const news = newsOf(left, entry(term, 20 * second))
  if (news === undefined) throw new Error('the reader would wait for ever')
  expect(frameOf(news).toString()).not.toContain('id:')
  expect(newsOf(left, entry(term, 6 * second))).toBeUndefined()
})

test('within a term the sequence decides', () => {
  expect(newsOf(reader(term, 10), entry(term, 10))).toBeUndefined()
  expect(newsOf(reader(term, 10), entry(term, 11))).toBeDefined()
})
