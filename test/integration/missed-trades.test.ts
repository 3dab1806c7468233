import { afterEach, describe, expect, it } from 'vitest'
import { createMemoryBus } from '../../src/bus/memory-bus.ts'
import { systemClock as clock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { createMemoryLedger } from '../../src/demand/memory-ledger.ts'
import { createEmbeddedStore } from '../../src/embedded.ts'
import { createInstance, type Instance } from '../../src/instance.ts'
import { createMemoryLease } from '../../src/leadership/memory-lease.ts'
import { names } from '../../src/names.ts'
import { type SimulatedExchange, startExchange } from '../../src/simulator/exchange.ts'
import { type RecordingOutlet, recordingOutlet } from '../support/outlet.ts'
import { until } from '../support/until.ts'

let exchange: SimulatedExchange
let instances: Instance[] = []
afterEach(async () => {
  await Promise.all(instances.map(one => one.drain()))
  instances = []
  await exchange.close()
})

function start(name: string, store: ReturnType<typeof createEmbeddedStore>, streams: string): Instance {
  const read = readConfig({
    TICKCAST_PAIRS: 'BTC/USD',
    TICKCAST_STREAMS: streams,
    TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl,
    TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl,
    TICKCAST_LEADER_ELIGIBLE: String(name === 'leader'),
  })
  if ('mistakes' in read) throw new Error(read.mistakes.join(' '))
  const ours = names()
  const one = createInstance({
    clock,
    config: read.config,
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
  one.start()
  instances.push(one)
  return one
}

const read = ({ doors }: Instance, mode: 'every' | 'latest' = 'every'): RecordingOutlet => {
  const outlet = recordingOutlet()
  doors.hub.join({ pairs: ['BTC/USD'], mode, intervalMs: 0, preface: '', after: undefined }, outlet)
  return outlet
}
const idsOf = (outlet: RecordingOutlet): number[] => outlet.named('price').map(({ data }) => data.tradeId)
/** Fetched one by one, not the last price that polling brings. */
const missedOf = (outlet: RecordingOutlet) => outlet.named('price').filter(({ data }) => data.source === 'rest' && data.cause === 'trade')

/** Trades that are not told in order, each once, from the first to the last. */
const wrongIn = (ids: readonly number[]): string[] =>
  ids.flatMap((id, at) => (at > 0 && id !== (ids[at - 1] ?? 0) + 1 ? [`${id} after ${ids[at - 1]}`] : []))

async function startBoth(streams = 'trade'): Promise<{ leader: Instance; follower: Instance }> {
  const store = createEmbeddedStore(clock)
  const leader = start('leader', store, streams)
  const follower = start('follower', store, streams)
  const has = (one: Instance): boolean => one.doors.board.get('BTC/USD')?.update.body.includes('"source":"websocket"') === true
  await until('both have prices over the stream', () => has(leader) && has(follower))
  return { leader, follower }
}

describe('trades that the socket missed', () => {
  for (const fault of ['reset', 'silent'] as const) {
    it(`while it was ${fault} are told to readers of every one before the newer ones, on the leader and on a follower`, async () => {
      exchange = await startExchange({ clock, rate: 20 })
      const { leader, follower } = await startBoth()
      const [here, there, latest] = [read(leader), read(follower), read(follower, 'latest')]
      await until('trades flow', () => Math.min(idsOf(here).length, idsOf(there).length) > 20)
      exchange.faults[fault === 'reset' ? 'refuse' : 'silent'] = true
      if (fault === 'reset') exchange.faults.reset()
      const since = clock.now()
      await until('trades are made that nobody hears of', () => clock.now() - since > 1000)
      exchange.faults.clear()
      await until('they are told', () => missedOf(here).length > 0 && missedOf(there).length > 0)
      await until('newer ones follow', () =>
        [here, there].every(one => idsOf(one).length > idsOf(one).indexOf(missedOf(one).at(-1)?.data.tradeId) + 20),
      )
      for (const outlet of [here, there]) {
        expect(wrongIn(idsOf(outlet))).toEqual([])
        expect(outlet.named('gap')).toEqual([])
        for (const { id, data } of missedOf(outlet)) {
          expect(id).toBeUndefined()
          expect(data).toMatchObject({ cause: 'trade', symbol: 'BTCUSDT', source: 'rest', level: 'polling', cached: false })
          expect(data.price).toMatch(/^\d+\.\d{8}$/)
        }
      }
      expect(missedOf(latest)).toEqual([])
      const byId = new Map(missedOf(here).map(({ data }) => [data.tradeId, data.price]))
      for (const { data } of missedOf(there)) expect(data.price).toBe(byId.get(data.tradeId))
      expect(exchange.stats().rest['/api/v3/aggTrades']).toBeLessThan(10)
      expect(leader.doors.status().exchange).toMatchObject({ missedTrades: { asked: expect.any(Number), found: missedOf(here).length } })
    })
  }

  it('and that cannot be had are told as a gap, in time, in their place', async () => {
    exchange = await startExchange({ clock, rate: 20 })
    const { leader } = await startBoth()
    const here = read(leader)
    await until('trades flow', () => idsOf(here).length > 20)
    exchange.faults.restDown = true
    const at = idsOf(here).length
    exchange.faults.refuse = true
    exchange.faults.reset()
    const resetAt = clock.now()
    await until('trades were made that nobody heard of', () => clock.now() - resetAt > 500)
    exchange.faults.refuse = false
    await until('a gap is told', () => here.named('gap').length > 0)
    expect(clock.now() - resetAt).toBeLessThan(8000)
    await until('newer ones follow', () => idsOf(here).length > at + 20)
    const [gap] = here.named('gap')
    const events = here.events().filter(({ name }) => name === 'gap' || name === 'price')
    const place = events.findIndex(({ name }) => name === 'gap')
    expect(events[place - 1]?.data.tradeId).toBe(gap?.data.from - 1)
    expect(events[place + 1]?.data.tradeId).toBe(gap?.data.to + 1)
    expect(gap?.data).toEqual({ pair: 'BTC/USD', from: expect.any(Number), to: expect.any(Number) })
    expect(missedOf(here)).toEqual([])
  })

  it('are not asked for while nobody reads every one', async () => {
    exchange = await startExchange({ clock, rate: 20 })
    const { leader } = await startBoth()
    const here = read(leader, 'latest')
    await until('trades flow', () => idsOf(here).length > 5)
    exchange.faults.reset()
    const had = idsOf(here).length
    await until('and flow again', () => idsOf(here).length > had + 20)
    expect(exchange.stats().rest['/api/v3/aggTrades']).toBeUndefined()
  })
})
