import { expect, test } from 'vitest'
import type { Entry } from '../../src/board/board.ts'
import { frameOf } from '../../src/board/board.ts'
import { createReader, newsOf, openMailbox } from '../../src/board/reader.ts'

/** A reader that was elsewhere; each sentence is a bug that the simulation found. */

const second = 1_000_000
const term = 1_795_000_000 * second
const outlet = { write: () => true, end: () => {}, cut: () => {}, waitingBytes: 0 }
const reader = (epoch: number, sequence: number) =>
  createReader({ pairs: ['A/USD'], mode: 'latest', intervalMs: 0, preface: '', after: { epoch, sequence } }, outlet, 0)
const entry = (epoch: number, sequence: number): Entry => ({
  pair: 'A/USD',
  at: { epoch, sequence },
  update: { pair: 'A/USD', at: { epoch, sequence }, prev: 0, cause: 'trade', body: '"tradeId":1}' },
  receivedAt: 0,
  isStored: false,
  isTold: true,
  isAfterGap: false,
  heardAt: 0,
})

test('a price that was here, or stored, before the reader left where it was is no news, although its term is newer', () => {
  const left = reader(term, 20 * second)
  expect(newsOf(left, entry(term + 5 * second, 1 * second), false)).toBeUndefined()
  expect(newsOf(left, entry(term + 5 * second, 1 * second), true)).toBeDefined()
  expect(newsOf(left, entry(term + 5 * second, 16 * second), false)).toBeDefined()
})

test('an instance that goes on in an older term shows what it has, and the reader can say later how new that was', () => {
  const left = reader(term + 5 * second, 1 * second)
  const news = newsOf(left, entry(term, 20 * second), true)
  if (news === undefined) throw new Error('the reader would wait for ever')
  expect(frameOf(news).toString()).toContain(`id: ${term + 5 * second}-${15 * second}`)
  expect(newsOf(left, entry(term, 6 * second), true)).toBeUndefined()
})

test('a late price of an older term takes its place behind the newest, if the reader is to have it at all', () => {
  const late = { ...entry(term, 20 * second), at: { epoch: term + 5 * second, sequence: 3 * second } }
  expect(newsOf(reader(term + 5 * second, 1 * second), late, true)).toBe(late)
  expect(newsOf(reader(term + 5 * second, 18 * second), late, true)).toBeUndefined()
})

test('within a term the sequence decides', () => {
  expect(newsOf(reader(term, 10), entry(term, 10), true)).toBeUndefined()
  expect(newsOf(reader(term, 10), entry(term, 11), true)).toBeDefined()
})

test('when the term the reader knows is heard again, what it was shown meanwhile still counts', () => {
  const left = reader(term + 5 * second, 1 * second)
  newsOf(left, entry(term, 20 * second), true)
  expect(newsOf(left, entry(term + 5 * second, 15 * second - 1), true)).toBeUndefined()
  expect(newsOf(left, entry(term + 5 * second, 15 * second + 1), true)).toBeDefined()
})

test('the first prices of a term may be older than what the reader saw just before it began', () => {
  const next = term + 60 * second
  expect(newsOf(reader(term, 59 * second), entry(next, 100), true)).toBeUndefined()
  expect(newsOf(reader(term, 59 * second), entry(next, second), true)).toBeDefined()
  expect(newsOf(reader(term, 30 * second), entry(next, 100), true)).toBeDefined()
})

test('an instance that never saw the bus cannot tell how old its prices are: a reader that had some waits for a new one', () => {
  expect(newsOf(reader(term, 10), entry(0, 5), false)).toBeUndefined()
  expect(newsOf(reader(term, 10), entry(0, 5), true)).toBeDefined()
})

test('who reads every trade, and has had some here, is given all of a term, from its first moment on', () => {
  const next = term + 60 * second
  const after = { epoch: term, sequence: 59 * second }
  const every = createReader({ pairs: ['A/USD'], mode: 'every', intervalMs: 0, preface: '', after }, outlet, 0)
  openMailbox(every)
  expect(newsOf(every, entry(next, 100), true)).toBeUndefined()
  every.mailbox.put(entry(term, 59 * second + 500_000))
  expect(newsOf(every, entry(next, 101), true)).toBeDefined()
})
