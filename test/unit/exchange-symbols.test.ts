import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createBudget } from '../../src/exchange/budget.ts'
import { createHosts, refusalMs } from '../../src/exchange/hosts.ts'
import { assumedSymbols, readSymbols } from '../../src/exchange/symbols.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { itWithRecordings, recorded } from '../support/recordings.ts'

const listing = (baseAsset: string, quoteAsset: string, status = 'TRADING', symbol = baseAsset + quoteAsset): object => ({
  symbol,
  status,
  baseAsset,
  quoteAsset,
})
const dollars = new Map([['USD', 'USDT']])
const table = (listings: readonly unknown[], aliases: ReadonlyMap<string, string> = dollars) => {
  const read = readSymbols({ timezone: 'UTC', symbols: listings }, aliases)
  if (read === undefined) throw new Error('not read')
  return read
}

describe('symbols', () => {
  it('are found by base and quote, which no rule could split', () => {
    const { resolve } = table([listing('1INCH', 'USDT'), listing('BTC', 'USDT'), listing('BTCUP', 'USDT', 'BREAK')])
    expect(resolve('1INCH/USDT')).toEqual({ kind: 'trading', symbol: '1INCHUSDT' })
    expect(resolve('BTCUP/USDT')).toEqual({ kind: 'not-trading', symbol: 'BTCUPUSDT', status: 'BREAK' })
    expect(resolve('BTCUPU/SDT')).toEqual({ kind: 'unknown' })
  })

  it('are found by the quote people say, but an exact pair goes first, even if it does not trade', () => {
    const { resolve } = table([
      listing('BTC', 'USDT'),
      listing('ETH', 'USDT'),
      listing('ETH', 'USD'),
      listing('SOL', 'USDT'),
      listing('SOL', 'USD', 'HALT'),
    ])
    expect(resolve('BTC/USD')).toEqual({ kind: 'trading', symbol: 'BTCUSDT' })
    expect(resolve('ETH/USD')).toEqual({ kind: 'trading', symbol: 'ETHUSD' })
    expect(resolve('SOL/USD')).toEqual({ kind: 'not-trading', symbol: 'SOLUSD', status: 'HALT' })
    expect(resolve('BTC/EUR')).toEqual({ kind: 'unknown' })
  })

  it('with letters beyond ASCII are found', () => {
    expect(table([listing('币安人生', 'USDT')]).resolve('币安人生/USD')).toEqual({ kind: 'trading', symbol: '币安人生USDT' })
  })

  it('with a status nobody knows yet keep it, and are not traded', () => {
    expect(table([listing('A', 'USDT', 'LUNCH')]).resolve('A/USDT')).toEqual({ kind: 'not-trading', symbol: 'AUSDT', status: 'LUNCH' })
  })

  it('that cannot be written safely, or are no listings, are left out, and only those', () => {
    const odd = [
      listing('X', 'USDT', 'TRADING', 'X"}\n'),
      listing('Y', 'USDT', 'TRADING', ''),
      listing('Z-Z', 'USDT'),
      null,
      7,
      { symbol: 'BUSDT' },
    ]
    const { resolve, size } = table([...odd, listing('A', 'USDT')], new Map())
    expect(resolve('A/USDT').kind).toBe('trading')
    expect(size).toBe(1)
  })

  it('of one pair listed twice count by the one that trades', () => {
    const twice = [listing('A', 'USDT', 'TRADING', 'AUSDT'), listing('A', 'USDT', 'BREAK', 'AOLDUSDT')]
    for (const listings of [twice, [...twice].reverse()])
      expect(table(listings).resolve('A/USDT')).toEqual({ kind: 'trading', symbol: 'AUSDT' })
  })

  it('are not read from what lists none', () => {
    for (const answer of [undefined, null, 'x', [], {}, { symbols: 7 }, { symbols: [] }, { symbols: [null] }])
      expect(readSymbols(answer, dollars)).toBeUndefined()
  })

  it('are searched by part of pair or symbol, as many as asked for', () => {
    const { search } = table([listing('BTC', 'USDT'), listing('ETH', 'BTC'), listing('ETH', 'USDT')])
    expect(search('btc', 10).map(({ pair }) => pair)).toEqual(['BTC/USDT', 'BTC/USD', 'ETH/BTC'])
    expect(search('btc-usd', 10).map(({ pair }) => pair)).toEqual(['BTC/USD', 'BTC/USDT'])
    expect(search('eth-u', 10).map(({ symbol }) => symbol)).toEqual(['ETHUSDT', 'ETHUSDT'])
    expect(search('', 2).length).toBe(2)
  })

  it('are taken at their word until the exchange has told them', () => {
    const { resolve, size, search } = assumedSymbols(dollars)
    expect(resolve('BTC/USD')).toEqual({ kind: 'trading', symbol: 'BTCUSDT' })
    expect(resolve('ETH/BTC')).toEqual({ kind: 'trading', symbol: 'ETHBTC' })
    expect([size, search('', 5).length]).toEqual([0, 0])
  })

  itWithRecordings('of the whole exchange in 2021 are read, all 1,695', async () => {
    const answer = JSON.parse(gunzipSync(readFileSync(recorded('symbols/exchangeInfo_binance_full.json.gz'))).toString('utf8'))
    const { size, resolve } = readSymbols(answer, new Map()) ?? table([])
    expect(size).toBe(1695)
    let trading = 0
    for (const { symbol, status, baseAsset, quoteAsset } of answer.symbols) {
      const found = resolve(`${baseAsset}/${quoteAsset}`)
      if (found.kind === 'trading') trading += 1
      expect(found).toEqual(status === 'TRADING' ? { kind: 'trading', symbol } : { kind: 'not-trading', symbol, status })
    }
    expect(trading).toBe(1262)
    expect(readSymbols(answer, dollars)?.resolve('BTC/USD')).toEqual({ kind: 'trading', symbol: 'BTCUSDT' })
  })
})

describe('hosts', () => {
  it('that fail go to the end of the line', () => {
    const hosts = createHosts(fakeClock(), ['a', 'b', 'a', 'c'])
    const seen = [hosts.current()]
    for (const failing of ['a', 'b', 'x', 'c', 'a', 'b', 'c']) {
      hosts.failed(failing)
      seen.push(hosts.current())
    }
    expect(seen).toEqual(['a', 'b', 'c', 'c', 'a', 'b', 'c', 'a'])
  })

  it('that will not have us are left out for ten minutes', () => {
    const clock = fakeClock()
    const hosts = createHosts(clock, ['a', 'b'])
    expect(hosts.barred('a')).toBe(true)
    expect(hosts.current()).toBe('b')
    expect(hosts.waitMs()).toBe(0)
    clock.advance(1000)
    expect(hosts.barred('b')).toBe(false)
    expect(hosts.current()).toBeUndefined()
    expect(hosts.waitMs()).toBe(599_000)
    clock.advance(599_000)
    expect(hosts.current()).toBe('a')
    hosts.failed('a')
    expect(hosts.current()).toBe('a')
    clock.advance(1000)
    expect(hosts.current()).toBe('b')
  })

  it('are stayed away from as long as they say, within what a timer can hold', () => {
    expect(['3', '0.5', '1e9', 'x', null, undefined].map(header => refusalMs(header, 7))).toEqual([3000, 500, 259_200_000, 7, 7, 7])
  })
})

describe('a budget', () => {
  it('gives out so many in any window and says when there is more', () => {
    const clock = fakeClock()
    const { take, waitMs } = createBudget(clock, 2, 1000)
    expect([take(), waitMs()]).toEqual([true, 0])
    clock.advance(400)
    expect([take(), take(), waitMs()]).toEqual([true, false, 600])
    clock.advance(599)
    expect([take(), waitMs()]).toEqual([false, 1])
    clock.advance(1)
    expect([take(), take(), waitMs()]).toEqual([true, false, 400])
  })
})
