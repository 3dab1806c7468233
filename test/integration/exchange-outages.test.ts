import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import { provideConnection } from '../../src/actors.ts'
import { systemClock as clock } from '../../src/clock.ts'
import type { StreamKind } from '../../src/exchange/exchange.ts'
import { createFeed } from '../../src/exchange/feed.ts'
import { type ExchangeOptions, startExchange } from '../../src/simulator/exchange.ts'
import type { Faults } from '../../src/simulator/faults.ts'
import { until } from '../support/until.ts'

/** The connection machine with the feed it runs, over real sockets. */
async function connected(
  symbols: readonly string[],
  options: Partial<ExchangeOptions> = {},
  streams: readonly StreamKind[] = ['trade', 'ticker'],
) {
  const exchange = await startExchange({ clock, symbols: 400, rate: 5, ...options })
  let heardAt = 0
  const feed = createFeed({
    clock,
    urls: [exchange.wsUrl],
    streams,
    note: () => {},
    tick: () => {
      heardAt = clock.now()
    },
  })
  const openSocket = feed.open
  const machine = provideConnection({ clock, rotateMs: 86_000_000, openSocket }).provide({ actions: { tellDown: () => {} } })
  const actor = createActor(machine, { clock })
  actor.start()
  feed.want(new Set(symbols))
  actor.send({ type: 'connection.start' })
  const end = async (): Promise<void> => {
    actor.send({ type: 'connection.stop' })
    actor.stop()
    feed.stop()
    await exchange.close()
  }
  return { exchange, feed, end, heardAt: () => heardAt }
}

/** Milliseconds from the fault to the first price over the next connection. */
async function outageMs(fault: (faults: Faults) => void): Promise<number> {
  const { exchange, feed, end, heardAt } = await connected(['BTCUSDT'])
  try {
    await until('both streams flow', () => feed.counts().confirmed === 2)
    const { ever } = exchange.stats().connections
    const began = clock.now()
    fault(exchange.faults)
    await until('the next socket stands', () => exchange.stats().connections.ever > ever)
    const openedAt = clock.now()
    await until('it brings prices', () => heardAt() > openedAt)
    expect(exchange.stats()).toMatchObject({ connections: { ever: ever + 1 }, violations: {} })
    return heardAt() - began
  } finally {
    await end()
  }
}

/** Each took a second less than it may (a quarter of it, where it is a quarter) on two cores with nothing else to do; the rest is for load. */
describe('prices are back', { concurrent: true }, () => {
  it('at once when the socket is reset', async () => {
    expect(await outageMs(faults => faults.reset())).toBeLessThan(750)
  })

  it('after a rest, but soon, when the exchange says that we broke a rule', async () => {
    const ms = await outageMs(faults => faults.close(1008, 'Too many requests'))
    expect(ms).toBeGreaterThanOrEqual(250)
    expect(ms).toBeLessThan(1500)
  })

  it('within five seconds when the socket lives and brings nothing', async () => {
    expect(await outageMs(faults => faults.mute())).toBeLessThan(5000)
  })

  it('within five seconds when the socket is a black hole', async () => {
    expect(await outageMs(faults => faults.lose())).toBeLessThan(5000)
  })

  it('each server ping is answered by one pong', async () => {
    const { exchange, end } = await connected(['BTCUSDT'], { limits: { pingEveryMs: 200 } })
    await until('some were sent', () => exchange.stats().pings.sent >= 10)
    const { pings, pongs } = exchange.stats()
    expect(pongs.received).toBeLessThanOrEqual(pings.sent)
    expect(pongs.received).toBeGreaterThanOrEqual(pings.sent - 2)
    await end()
  })
})

it('of 300 streams that are wanted at once each has data within five seconds, and no rule is broken', async () => {
  const listing = await startExchange({ clock, symbols: 400 })
  const { symbols } = (await (await fetch(`${listing.restUrl}/api/v3/exchangeInfo`)).json()) as {
    symbols: { symbol: string; status: string }[]
  }
  await listing.close()
  const trading = symbols.filter(({ status }) => status === 'TRADING').map(({ symbol }) => symbol)
  const began = clock.now()
  const { exchange, feed, end } = await connected(trading.slice(0, 150), {}, ['ticker', 'miniTicker'])
  await until('all are confirmed', () => feed.counts().confirmed === 300)
  expect(clock.now() - began).toBeLessThan(5000)
  expect(exchange.stats()).toMatchObject({ violations: {}, connections: { ever: 1 }, streams: [300] })
  await end()
})
