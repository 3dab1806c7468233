import { describe, expect, it } from 'vitest'
import { systemClock as clock } from '../../src/clock.ts'
import { missing, startSharded } from '../support/shards.ts'
import { until } from '../support/until.ts'

/** So many the simulated exchange lists and trades. */
async function tradedSymbols(restUrl: string): Promise<string[]> {
  const answer = await fetch(`${restUrl}/api/v3/exchangeInfo`)
  const { symbols } = (await answer.json()) as { symbols: { symbol: string; status: string }[] }
  return symbols.filter(({ status }) => status === 'TRADING').map(({ symbol }) => symbol)
}

const small = { streams: ['trade', 'ticker'], streamsMax: 4, exchange: { rate: 20, limits: { streamsMax: 4 } } } as const
const four = new Set(['BTCUSDT', 'ETHUSDT', 'BNBUSDT', 'SOLUSDT'])

/** On two cores with nothing else to do each takes a third of what it may. */
describe('more streams than one socket may carry', { concurrent: true }, () => {
  it.each([
    { streams: 300, sockets: [300], withinMs: 5000 },
    { streams: 1500, sockets: [1024, 476], withinMs: 20_000 },
  ])('$streams are confirmed on $sockets.length sockets, and no rule is broken', async ({ streams, sockets, withinMs }) => {
    const world = await startSharded({ streams: ['ticker', 'miniTicker'], exchange: { symbols: 1000 } })
    try {
      const symbols = await tradedSymbols(world.exchange.restUrl)
      const began = clock.now()
      world.feed.want(new Set(symbols.slice(0, streams / 2)))
      await until('all are confirmed', () => world.feed.counts().confirmed === streams, withinMs)
      expect(clock.now() - began).toBeLessThan(withinMs)
      expect(world.exchange.stats()).toMatchObject({ streams: sockets, violations: {} })
      expect(world.feed.isCovered()).toBe(true)
    } finally {
      await world.end()
    }
  })

  it('one socket that breaks is back at once, and takes no trade from the others', async () => {
    const world = await startSharded(small)
    try {
      world.feed.want(four)
      await until('all are confirmed', () => world.feed.counts().confirmed === 8)
      expect(world.triedAt.map((at, index) => at - (world.triedAt[index - 1] ?? at))[1]).toBeGreaterThan(990)
      // So that it is not the pace of opening that is measured.
      await until('a second has passed', () => clock.now() - (world.triedAt[1] ?? 0) > 1000)
      const [broken, other] = ['BTCUSDT', 'BNBUSDT']
      const before = world.trades.get(broken)?.length ?? 0
      const began = clock.now()
      world.sockets[0]?.terminate()
      await until('the next socket stands', () => world.sockets[2]?.readyState === 1)
      expect(clock.now() - began).toBeLessThan(500)
      await until('it trades again', () => (world.trades.get(broken)?.length ?? 0) > before + 5)
      await until('so did the other', () => (world.trades.get(other)?.length ?? 0) > 20)
      expect(missing(world.trades.get(other) ?? [])).toBe(0)
      expect([world.downs, world.sockets.length]).toEqual([[1], 3])
      expect(world.exchange.stats().violations).toEqual({})
    } finally {
      await world.end()
    }
  })

  it('a new pair takes the first free place, and a socket without any ends after a while; nobody else moves', async () => {
    const world = await startSharded(small)
    try {
      world.feed.want(four)
      await until('all are confirmed', () => world.feed.counts().confirmed === 8)
      world.feed.want(new Set(['BTCUSDT', 'BNBUSDT', 'SOLUSDT']))
      world.feed.want(new Set(['BTCUSDT', 'BNBUSDT', 'SOLUSDT', 'XRPUSDT']))
      await until('it is confirmed', () => world.feed.counts().confirmed === 8 && (world.trades.get('XRPUSDT')?.length ?? 0) > 0)
      expect([world.sockets.length, world.exchange.stats().streams]).toEqual([2, [4, 4]])
      world.feed.want(new Set(['BTCUSDT', 'XRPUSDT']))
      expect(world.beside()).toHaveLength(1)
      await until('the second socket is closed', () => world.exchange.stats().connections.now === 1, 8000)
      expect([world.beside(), world.feed.counts().shards.length]).toEqual([[], 1])
      for (const symbol of ['BTCUSDT', 'XRPUSDT']) expect(missing(world.trades.get(symbol) ?? [])).toBe(0)
      world.feed.want(four)
      await until('there is one again', () => world.feed.counts().confirmed === 8)
      world.feed.want(new Set())
      expect(world.beside()).toEqual([])
      expect([world.downs, world.exchange.stats().violations]).toEqual([[], {}])
    } finally {
      await world.end()
    }
  })

  it('each socket is replaced by its own successor, a second apart, without a trade lost', async () => {
    const world = await startSharded({ ...small, rotateMs: 2500 })
    try {
      world.feed.want(four)
      await until('each was replaced twice', () => world.exchange.stats().connections.ever >= 6, 20_000)
      for (const symbol of four) {
        expect(world.trades.get(symbol)?.length, symbol).toBeGreaterThan(10)
        expect(missing(world.trades.get(symbol) ?? []), symbol).toBe(0)
      }
      const gaps = world.triedAt.slice(1).map((at, index) => at - (world.triedAt[index] ?? 0))
      expect(Math.min(...gaps)).toBeGreaterThan(990)
      expect([world.downs, world.exchange.stats().violations]).toEqual([[], {}])
    } finally {
      await world.end()
    }
  })
})
