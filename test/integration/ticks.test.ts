import { afterEach, expect, it } from 'vitest'
import { createMemoryBus } from '../../src/bus/memory-bus.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { createMemoryLedger } from '../../src/demand/memory-ledger.ts'
import { createEmbeddedStore } from '../../src/embedded.ts'
import { createInstance, type Instance } from '../../src/instance.ts'
import { createMemoryLease } from '../../src/leadership/memory-lease.ts'
import { names } from '../../src/names.ts'
import { type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { until } from '../support/until.ts'

let exchange: SimulatedExchange
let instances: Instance[] = []
afterEach(async () => {
  await Promise.all(instances.map(one => one.drain()))
  instances = []
  await exchange.close()
})

function configure(environment: Record<string, string>): Config {
  const read = readConfig(environment)
  if ('mistakes' in read) throw new Error(read.mistakes.join(' '))
  return read.config
}

it('ten thousand ticks are no event of any machine, on the leader and on a follower', async () => {
  // A rate so low that the seeded market is silent during the test: all that is counted is what is injected.
  exchange = await startExchange({ clock, rate: 0.01 })
  const config = configure({
    TICKCAST_PAIRS: 'BTC/USD',
    TICKCAST_STREAMS: 'trade',
    TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl,
    TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl,
  })
  const store = createEmbeddedStore(clock)
  const ours = names()
  const events = new Map<string, number>()
  for (const name of ['one', 'two']) {
    const one = createInstance({
      clock,
      config,
      name,
      id: name,
      bus: createMemoryBus({ store, names: ours }),
      lease: createMemoryLease({ store, names: ours }),
      ledger: createMemoryLedger({ store, names: ours }),
      openDoors: opened => clock.soon(opened),
      log: { info: () => {}, warn: () => {} },
      crashed: error => {
        throw error
      },
    })
    one.gateway.system.inspect(({ type, ...rest }) => {
      if (type === '@xstate.event' && 'event' in rest) events.set(rest.event.type, (events.get(rest.event.type) ?? 0) + 1)
    })
    one.start()
    instances.push(one)
  }
  const [leader, follower] = instances
  if (leader === undefined || follower === undefined) throw new Error('two instances were made')
  const seen = (one: Instance): number => Number(/"tradeId":(\d+)/.exec(one.doors.board.get('BTC/USD')?.update.body ?? '')?.[1] ?? 0)
  await until('subscribed', () => exchange.stats().streams[0] === 1)

  const first = 9_000_000_000
  const trade = (t: number): string =>
    JSON.stringify({
      stream: 'btcusdt@trade',
      data: { e: 'trade', E: Date.now(), s: 'BTCUSDT', t, p: '100.00000000', q: '1.00000000', T: Date.now(), m: true, M: true },
    })
  exchange.inject(trade(first), 'btcusdt@trade')
  await until('both are live', () =>
    instances.every(one => seen(one) === first && one.gateway.system.get('fallback')?.getSnapshot().matches({ live: 'steady' })),
  )
  events.clear()

  for (let at = 1; at <= 10_000; at += 1) exchange.inject(trade(first + at), 'btcusdt@trade')
  await until('the last one arrived', () => instances.every(one => seen(one) === first + 10_000))

  const counted = [...events.values()].reduce((sum, count) => sum + count, 0)
  // A few edges may fall into the time this takes (a lease is renewed, a relay reports); ten thousand ticks may not.
  expect(counted, JSON.stringify(Object.fromEntries(events))).toBeLessThan(50)
})
