import { describe, expect } from 'vitest'
import { createActor } from 'xstate'
import { provideConnection } from '../../src/actors.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { createFeed } from '../../src/exchange/feed.ts'
import { emptyState, fold } from '../../src/exchange/fold.ts'
import { startExchange } from '../../src/simulator/exchange.ts'
import { itWithRecordings, recorded } from '../support/recordings.ts'
import { until } from '../support/until.ts'

const rotations = 20
/** Of the recording: six minutes are played in seventeen seconds, both symbols, every trade and book ticker. */
const speed = 20
const expected = { BTCUSDT: { first: 3735683259, count: 9757 }, ETHUSDT: { count: 6106 } }

describe('a socket that is replaced', () => {
  itWithRecordings(
    `twenty times during a replay, by its age and because the exchange leaves, loses no trade and tells none twice`,
    async () => {
      const replay = ['btcusdt', 'ethusdt'].map(symbol => recorded(`frames/${symbol}_20240808.gz`))
      const exchange = await startExchange({ clock, replay, speed, hold: true })
      const states = new Map(Object.keys(expected).map(symbol => [symbol, emptyState(symbol)]))
      const told: Record<string, number[]> = { BTCUSDT: [], ETHUSDT: [] }
      const heard = { trades: 0, books: 0, oldBooks: 0 }
      const feed = createFeed({
        clock,
        urls: [exchange.wsUrl],
        streams: ['trade', 'bookTicker'],
        note: () => {},
        tick: tick => {
          const state = states.get(tick.symbol)
          if (state === undefined) throw new Error(`nobody asked for ${tick.symbol}`)
          const before = state.bookUpdate
          const cause = fold(state, tick)
          if (tick.kind === 'book') {
            heard.books += 1
            if (tick.updateId <= before) heard.oldBooks += 1
            if (state.bookUpdate < before) throw new Error('an older book came through')
          }
          if (tick.kind !== 'trade') return
          heard.trades += 1
          if (cause === 'trade') told[tick.symbol]?.push(tick.tradeId)
        },
      })
      let isByAge = false
      const machine = provideConnection({ clock, rotateMs: 0, openSocket: feed.open }).provide({
        actions: { tellDown: () => downs.push(clock.now()) },
        delays: { rotateMs: () => (isByAge ? 200 : 3_600_000) },
      })
      const downs: number[] = []
      const actor = createActor(machine, { clock })
      actor.start()
      feed.want(new Set(Object.keys(expected)))
      actor.send({ type: 'connection.start' })
      const isSettled = (): boolean =>
        actor.getSnapshot().matches({ connected: { settled: 'streaming' } }) && exchange.stats().connections.now === 1
      await until('all is asked for', () => exchange.stats().streams[0] === 4 && isSettled())
      exchange.replay.start()
      for (let turn = 1; turn <= rotations; turn += 1) {
        // What the next entry of `settled` reads: every other time the age brings the next rotation.
        isByAge = turn % 2 === 1
        if (turn % 2 === 1) exchange.faults.shutdown(5000)
        await until(`the ${turn}th successor stands alone`, () => exchange.stats().connections.ever === turn + 1 && isSettled())
      }
      isByAge = false
      expect(exchange.replay.state).toBe('playing')
      await until(
        'the recording is over',
        () => told.BTCUSDT?.length === expected.BTCUSDT.count && told.ETHUSDT?.length === expected.ETHUSDT.count,
        40_000,
      )
      for (const ids of Object.values(told)) expect(ids.every((id, at) => id === (ids[0] ?? 0) + at)).toBe(true)
      expect(told.BTCUSDT?.[0]).toBe(expected.BTCUSDT.first)
      // The sockets did overlap: without telling what is new from what is not there would have been duplicates.
      expect(heard.trades).toBeGreaterThan(expected.BTCUSDT.count + expected.ETHUSDT.count + rotations)
      expect(heard.oldBooks).toBeGreaterThan(rotations)
      expect(downs).toEqual([])
      expect(exchange.stats()).toMatchObject({ violations: {}, connections: { ever: rotations + 1 } })
      actor.send({ type: 'connection.stop' })
      actor.stop()
      feed.stop()
      await exchange.close()
    },
    90_000,
  )
})
