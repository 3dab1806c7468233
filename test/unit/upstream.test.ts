import { describe, expect, test } from 'vitest'
import { type Board, createBoard } from '../../src/board/board.ts'
import { createHub } from '../../src/board/hub.ts'
import type { Wanted } from '../../src/demand/wanted.ts'
import type { Answer } from '../../src/exchange/exchange.ts'
import type { Rest } from '../../src/exchange/rest.ts'
import type { Shards } from '../../src/exchange/shards.ts'
import { readSymbols } from '../../src/exchange/symbols.ts'
import { createLevels } from '../../src/levels.ts'
import { createNotices } from '../../src/notices.ts'
import type { Path } from '../../src/path.ts'
import { createUpstream, type Upstream } from '../../src/upstream.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { type RecordingOutlet, recordingOutlet, updateOf } from '../support/outlet.ts'

/** An instance's side that faces the exchange, with what it tells readers, over an exchange of which only the list of symbols is there. */
interface Stage {
  readonly clock: FakeClock
  readonly upstream: Upstream
  readonly board: Board
  readonly outlet: RecordingOutlet
  /** Symbol → status. */
  readonly listed: Map<string, string>
  /** What was asked: symbols, or `all`. */
  readonly asked: string[]
  streamed: ReadonlySet<string>
  answers: boolean
  levelOf(pair: string): string
  pass(ms: number): Promise<void>
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}

async function stage(pairs: readonly string[]): Promise<Stage> {
  const clock = fakeClock()
  const listed = new Map(['BTC', 'ETH', '币安人生'].map(base => [`${base}USDT`, 'TRADING']))
  const info = (symbols: Iterable<string>): object => ({
    symbols: [...symbols].map(symbol => ({ symbol, status: listed.get(symbol), baseAsset: symbol.slice(0, -4), quoteAsset: 'USDT' })),
  })
  const exchangeInfo: Rest['exchangeInfo'] = async (symbols): Promise<Answer<unknown>> => {
    on.asked.push(symbols?.join(' ') ?? 'all')
    if (!on.answers || symbols?.some(symbol => !listed.has(symbol))) return { kind: 'unreachable', cause: 'HTTP 400 from there' }
    return { kind: 'answered', value: info(symbols ?? listed.keys()) }
  }
  const here = new Set(pairs)
  const board = createBoard(clock, () => {})
  const outlet = recordingOutlet()
  const rest = { exchangeInfo, prices: async () => ({ kind: 'answered', value: [] }) } as Partial<Rest> as Rest
  const feed = { broken: () => [], want: symbols => Object.assign(on, { streamed: symbols }) } as Partial<Shards> as Shards
  const on: Stage = {
    clock,
    board,
    outlet,
    listed,
    asked: [],
    streamed: new Set(),
    answers: true,
    upstream: undefined as never,
    levelOf: pair => levels.of(pair),
    pass: async ms => {
      for (let left = ms; left > 0; left -= 1000) {
        clock.advance(Math.min(1000, left))
        await settle()
      }
    },
  }
  const upstream = createUpstream({
    clock,
    feed,
    rest,
    path: { route: () => {}, take: () => {} } as Partial<Path> as Path,
    aliases: new Map([['USD', 'USDT']]),
    isLive: () => true,
    here: () => here,
    note: () => {},
    trouble: () => {},
    learned: () => notices.tellUnserved(),
  })
  const levels = createLevels({
    clock,
    board,
    staleAfterMs: 1e9,
    instanceLevel: () => 'live',
    levelSince: () => 0,
    hasOwnSocket: () => true,
    streamedSince: () => Number.NEGATIVE_INFINITY,
    isUnserved: upstream.isUnserved,
  })
  const hub = createHub({ clock, board, levelOf: levels.of, status: () => ({ level: 'live', role: 'leader', since: 0 }) })
  const wanted = { here: () => here } as Partial<Wanted> as Wanted
  const notices = createNotices({ clock, hub, levels, wanted, resolve: upstream.resolve })
  await settle()
  for (const [at, pair] of pairs.entries()) board.apply(updateOf({ at: at + 1, pair }), clock.wall())
  upstream.target(here)
  hub.join({ pairs, mode: 'latest', intervalMs: 0, preface: '', after: undefined }, outlet)
  return Object.assign(on, { upstream })
}

const errorsOf = ({ outlet }: Stage) => outlet.named('pair-error').map(({ data }) => [data.pair, data.code, data.detail])
const lastLevels = ({ outlet }: Stage) => outlet.named('status').at(-1)?.data.pairs

describe('a pair', () => {
  for (const status of ['HALT', 'BREAK', 'CANCEL_ONLY', 'END_OF_DAY', 'SOMETHING_NEW']) {
    test(`that is ${status} is told to its readers once, streamed no more, and not live; until it trades again`, async () => {
      const on = await stage(['BTC/USD', '币安人生/USD'])
      expect([...on.streamed]).toEqual(['BTCUSDT', '币安人生USDT'])
      on.listed.set('币安人生USDT', status)
      await on.pass(120_000)
      expect(errorsOf(on)).toEqual([['币安人生/USD', 'not-trading', `The exchange lists 币安人生USDT, but its status is ${status}.`]])
      expect([...on.streamed]).toEqual(['BTCUSDT'])
      expect([on.levelOf('币安人生/USD'), on.levelOf('BTC/USD')]).toEqual(['stale', 'live'])
      expect(lastLevels(on)).toEqual({ 'BTC/USD': 'live', '币安人生/USD': 'stale' })
      expect(on.upstream.search('币安', 9).map(listing => listing.status)).toEqual([status, status])

      on.listed.set('币安人生USDT', 'TRADING')
      await on.pass(31_000)
      expect([...on.streamed]).toEqual(['BTCUSDT', '币安人生USDT'])
      expect(lastLevels(on)).toEqual({ 'BTC/USD': 'live', '币安人生/USD': 'live' })
      on.listed.set('币安人生USDT', status)
      await on.pass(31_000)
      expect(errorsOf(on).length).toBe(2)
      // The whole list, which is megabytes, was read once.
      expect(on.asked.filter(one => one === 'all').length).toBe(1)
    })
  }

  test('that is gone from the list is found by the whole list, and found again when it is back', async () => {
    const on = await stage(['BTC/USD', 'ETH/USD'])
    on.listed.delete('ETHUSDT')
    await on.pass(32_000)
    expect(errorsOf(on)).toEqual([['ETH/USD', 'unknown-pair', 'The exchange lists no ETH/USD.']])
    expect([on.levelOf('ETH/USD'), [...on.streamed]]).toEqual(['stale', ['BTCUSDT']])
    on.listed.set('ETHUSDT', 'TRADING')
    await on.pass(61_000)
    expect([on.levelOf('ETH/USD'), [...on.streamed]]).toEqual(['live', ['BTCUSDT', 'ETHUSDT']])
  })

  test('that nobody could want while it was halted can be wanted soon after it trades again', async () => {
    const on = await stage(['BTC/USD'])
    const { upstream } = on
    on.listed.set('ETHUSDT', 'HALT')
    await on.pass(3_600_000)
    expect(upstream.resolve('ETH/USD').kind).toBe('not-trading')
    on.listed.set('ETHUSDT', 'TRADING')
    await on.pass(30_000)
    expect(upstream.resolve('ETH/USD').kind).toBe('trading')
  })

  test('nobody could say anything about goes on as it was', async () => {
    const on = await stage(['BTC/USD'])
    on.answers = false
    await on.pass(200_000)
    expect([errorsOf(on), on.levelOf('BTC/USD'), [...on.streamed]]).toEqual([[], 'live', ['BTCUSDT']])
  })
})

test('the symbols of pairs that are wanted are looked at every half minute, and of more than two hundred some at a time', async () => {
  const on = await stage(['BTC/USD', 'ETH/USD'])
  await on.pass(90_000)
  expect(on.asked).toEqual(['all', 'BTCUSDT ETHUSDT', 'BTCUSDT ETHUSDT', 'BTCUSDT ETHUSDT'])

  const many = await stage([])
  for (let at = 0; at < 450; at += 1) many.listed.set(`S${at}USDT`, 'TRADING')
  many.upstream.target(new Set([...many.listed.keys()].map(symbol => `${symbol.slice(0, -4)}/USDT`)))
  await many.pass(200_000)
  const looks = many.asked.filter(one => one !== 'all').map(one => one.split(' '))
  // The first look came before the list was read again.
  expect(looks.slice(1, 4).map(one => one.length)).toEqual([200, 53, 200])
  expect(new Set(looks.slice(1, 4).flat()).size).toBe(453)
})

test('a later answer that does not speak of all it was asked for updates nothing', () => {
  const listing = (base: string, status: string) => ({ symbol: `${base}USDT`, status, baseAsset: base, quoteAsset: 'USDT' })
  const table = readSymbols({ symbols: [listing('A', 'TRADING'), listing('B', 'TRADING')] }, new Map([['USD', 'USDT']]))
  const updated = table?.update({ symbols: [listing('A', 'HALT')] }, ['AUSDT'])
  expect([updated?.resolve('A/USDT').kind, updated?.resolve('A/USD').kind, updated?.resolve('B/USD').kind]).toEqual([
    'not-trading',
    'not-trading',
    'trading',
  ])
  for (const odd of [undefined, {}, { symbols: [] }, { symbols: [listing('B', 'HALT')] }])
    expect(table?.update(odd, ['AUSDT'])).toBeUndefined()
})
