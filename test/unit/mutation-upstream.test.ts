import { expect, test } from 'vitest'
import type { Rest } from '../../src/exchange/rest.ts'
import type { Shards } from '../../src/exchange/shards.ts'
import type { Path } from '../../src/path.ts'
import { createUpstream } from '../../src/upstream.ts'
import { fakeClock } from '../support/fake-clock.ts'

const listing = (base: string, status: string): object => ({ symbol: `${base}USDT`, status, baseAsset: base, quoteAsset: 'USDT' })
const symbols = [listing('BTC', 'TRADING'), listing('OLD', 'BREAK'), listing('ETH', 'TRADING')]

test('pairs that are unknown or not traded keep no other from being streamed and asked for, wherever they stand among them', async () => {
  const clock = fakeClock()
  const asked: (readonly string[])[] = []
  let wanted: ReadonlySet<string> = new Set()
  const feed = {
    broken: () => [],
    want: symbols => {
      wanted = symbols
    },
  } as Partial<Shards> as Shards
  const rest: Rest = {
    exchangeInfo: async () => ({ kind: 'answered', value: { symbols } }),
    prices: async symbols => {
      asked.push(symbols)
      return { kind: 'answered', value: [] }
    },
    aggregates: async () => ({ kind: 'answered', value: [] }),
    stayAway: () => {},
    counts: () => ({ answered: 0, refused: 0, unreachable: 0, weight: 0 }),
  }
  const upstream = createUpstream({
    clock,
    feed,
    rest,
    path: { route: () => {} } as Partial<Path> as Path,
    aliases: new Map([['USD', 'USDT']]),
    isLive: () => true,
    here: () => new Set(),
    note: () => {},
    trouble: () => {},
    learned: () => {},
  })
  await new Promise(setImmediate)
  upstream.target(new Set(['NOPE/USD', 'BTC/USD', 'OLD/USD', 'ETH/USD']))
  expect([...wanted]).toEqual(['BTCUSDT', 'ETHUSDT'])
  clock.advance(100)
  expect(asked).toEqual([['BTCUSDT', 'ETHUSDT']])
  upstream.stop()
})
