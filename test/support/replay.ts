import { expect } from 'vitest'
import { type Fleet, startFleet } from './fleet.ts'
import { comparePositions, openReader, type Reader } from './reader.ts'
import { recorded } from './recordings.ts'
import { readTrades } from './trades.ts'
import { until } from './until.ts'

const files = { 'BTC/USD': recorded('frames/btcusdt_20240808.gz'), 'ETH/USD': recorded('frames/ethusdt_20240808.gz') }
/** Trades in each file (counted when they were recorded). */
const counts = { 'BTC/USD': 9757, 'ETH/USD': 6106 }

/** Plays both recordings through exchange, leader, Redis and follower, and holds what readers of the follower got against the files. */
export async function replayThroughFollower(speed: number, withinMs: number): Promise<void> {
  const fleet = await startFleet({ replay: Object.values(files), speed, hold: true })
  try {
    const readers = await connectReaders(fleet)
    fleet.exchange.replay.start()
    await until('the replay is over', () => fleet.exchange.replay.state === 'finished', withinMs)
    for (const pair of ['BTC/USD', 'ETH/USD'] as const) {
      const trades = await readTrades(files[pair])
      expect(trades.length).toBe(counts[pair])
      const reader = readers[pair]
      await until(`the last trade of ${pair} arrived`, () => reader.prices().at(-1)?.data.tradeId === trades.at(-1)?.tradeId)
      expectExactly(reader, trades)
    }
    expect(fleet.exchange.stats().connections).toMatchObject({ now: 1, ever: 1 })
  } finally {
    await fleet.end()
  }
}

async function connectReaders(fleet: Fleet): Promise<Record<keyof typeof files, Reader>> {
  const one = await fleet.start()
  await fleet.leader([one])
  const two = await fleet.start()
  await until('the follower is current', async () => (await two.status()).bus.state === 'current')
  const open = (pair: string): Promise<Reader> => openReader(`${two.url}/v1/stream?pairs=${pair}&mode=every`)
  const readers = { 'BTC/USD': await open('BTC/USD'), 'ETH/USD': await open('ETH/USD') }
  await until('all is subscribed', async () => (await one.status()).exchange.streams === 4)
  return readers
}

function expectExactly(reader: Reader, trades: readonly { readonly tradeId: number; readonly price: string }[]): void {
  const got = reader.prices()
  expect(got.map(({ data }) => ({ tradeId: data.tradeId, price: data.price }))).toEqual(trades)
  got.forEach(({ id }, at) => {
    if (at > 0) expect(comparePositions(id, got[at - 1]?.id ?? '')).toBeGreaterThan(0)
  })
  expect(reader.named('gap')).toEqual([])
  expect(reader.isOver).toBe(false)
}
