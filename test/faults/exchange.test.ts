import { describe, expect, it } from 'vitest'
import { openReader } from '../support/reader.ts'
import { redisAvailable } from '../support/redis.ts'
import { allLiveSince, allTold, lateMs, missedTrades, playScene, type Scene, sleep } from '../support/scene.ts'
import { until } from '../support/until.ts'

/** The exchange falls silent in some way: readers are told, prices come over REST, and none that is old is called live. */
async function fallsSilent(scene: Scene, silence: (isOn: boolean) => void, withinMs: number): Promise<void> {
  // A new socket takes the place of the silent one, whose end the exchange does not hear before it comes to itself.
  scene.connections.allow(2)
  const silentAt = performance.now()
  silence(true)
  expect(await allTold(scene.readers, silentAt, ['polling'])).toBeLessThan(withinMs + lateMs())
  const toldAt = performance.now()
  await sleep(3000)
  for (const { log } of scene.readers) {
    const shown = log.filter(({ at }) => at >= toldAt)
    expect(shown.filter(({ level }) => level === 'live')).toEqual([])
    expect(log.filter(({ at, level, wallAt, receivedAt }) => at >= silentAt && level === 'live' && wallAt - receivedAt > 2000)).toEqual([])
  }
  expect(scene.readers.every(({ log }) => log.some(({ at, source }) => at >= toldAt && source === 'rest'))).toBe(true)
  silence(false)
  await scene.converged()
}

describe.skipIf(!redisAvailable)('the exchange', { concurrent: true, timeout: 600_000 }, () => {
  it('19: announces that it goes away, and closes as after 24 hours', () =>
    playScene({}, async scene => {
      const { exchange } = scene.fleet
      const every = scene.readers.filter(({ mode }) => mode === 'every')
      const forbid = scene.connections.allow(2)
      const announcedAt = performance.now()
      exchange.faults.shutdown(3000)
      await until('the next socket stands beside the first', () =>
        scene.connections.turns.some(({ at, open }) => at > announcedAt && open === 2),
      )
      await until('one is left', () => exchange.stats().connections.now === 1)
      await sleep(3500)
      for (const reader of every) expect(missedTrades(reader, announcedAt)).toBe(0)
      forbid()
      const closedAt = Date.now()
      exchange.faults.close(1001, '')
      expect(await allLiveSince(scene.readers, closedAt + 20)).toBeLessThan(1000 + lateMs())
      expect(scene.watch.epochs).toHaveLength(1)
      expect(exchange.stats().connections.ever).toBe(3)
    }))

  it('20: sends nothing, with its connection open', () =>
    playScene({}, scene => fallsSilent(scene, isOn => Object.assign(scene.fleet.exchange.faults, { silent: isOn }), 5000)))

  it('20, more so: does not even answer', () =>
    playScene({}, scene => fallsSilent(scene, isOn => Object.assign(scene.fleet.exchange.faults, { blackhole: isOn }), 6000)))

  it('21: sends what it never should: dropped and counted, and not a trade is missed', () =>
    playScene({}, async scene => {
      const { exchange } = scene.fleet
      const one = await scene.leader()
      const before = (await one.process.status()).exchange
      const since = performance.now()
      const frame = (data: string): string => `{"stream":"btcusdt@trade","data":${data}}`
      const trade = (fields: string): string =>
        frame(`{"e":"trade","E":1700000000000,"s":"BTCUSDT",${fields},"T":1700000000000,"m":true,"M":true}`)
      const id = 9_000_000_000_000
      const spoilt = [
        frame('{"e":"trade","E":17'),
        trade(`"t":"${id}","p":"61000.00","q":"1"`),
        trade(`"t":${id},"p":61000.5,"q":"1"`),
        trade(`"t":${id},"p":1e400,"q":"1"`),
        trade(`"t":${id},"p":"1e400","q":"1"`),
        trade(`"t":${id},"p":"NaN","q":"1"`),
        trade(`"t":${id},"p":NaN,"q":"1"`),
        trade(`"t":${id},"p":"0.00000000","q":"1"`),
        trade(`"t":${id},"p":"-61000.00","q":"1"`),
        trade(`"t":${id},"p":"61000.00","p":"","q":"1"`),
        trade(`"t":${id}.5,"p":"61000.00","q":"1"`),
        frame('null'),
        frame('[]'),
        '{"stream":"nopeusdt@trade","data":{"e":"trade","s":"NOPEUSDT","t":1,"p":"1","T":1700000000000,"M":true}}',
        '',
        'null',
      ]
      for (const text of spoilt) exchange.inject(text)
      exchange.faults.garbage()
      exchange.faults.giant(10 * 1024 * 1024)
      await sleep(2000)
      const after = (await one.process.status()).exchange
      const counted = after.garbage + after.foreign - before.garbage - before.foreign
      expect(counted).toBeGreaterThanOrEqual(spoilt.length + 6)
      for (const reader of scene.readers) {
        for (const { price, tradeId } of reader.log) {
          expect(tradeId).toBeLessThan(id)
          expect(price).toMatch(/^[1-9]\d*\.\d+$/)
        }
        if (reader.mode === 'every') expect(missedTrades(reader, since)).toBe(0)
      }
      expect(exchange.stats().connections).toMatchObject({ now: 1, ever: 1 })
    }))

  it('22: no longer trades a pair: that one is stale, the others go on, on the same connection', () =>
    playScene({ environment: { TICKCAST_STALE_AFTER_MS: '4000' } }, async scene => {
      const { exchange } = scene.fleet
      const haltedAt = performance.now()
      exchange.faults.setStatus('ETHUSDT', 'BREAK')
      const isTold = ({ told }: (typeof scene.readers)[number]): boolean =>
        told.some(
          ({ at, name, data }) =>
            at > haltedAt && name === 'status' && data.pairs['ETH/USD'] === 'stale' && data.pairs['BTC/USD'] === 'live',
        )
      await until('all readers are told', () => scene.readers.every(isTold), 4000 + 1600 + 2 * lateMs())
      for (const { log } of scene.readers)
        expect(performance.now() - (log.findLast(({ pair }) => pair === 'BTC/USD')?.at ?? 0)).toBeLessThan(1000)
      const [one] = await scene.followers()
      const url = one?.process.url ?? ''
      const unknown = await fetch(`${url}/v1/stream?pairs=NOPE/USD`)
      expect(unknown.status).toBe(404)
      expect(await unknown.json()).toMatchObject({ errors: [{ pair: 'NOPE/USD', code: 'unknown-pair' }] })
      const mixed = await openReader(`${url}/v1/stream?pairs=BTC/USD,NOPE/USD`)
      await until('the known pair flows', () => mixed.prices('BTC/USD').length > 2)
      expect(mixed.named('pair-error')).toMatchObject([{ data: { pair: 'NOPE/USD', code: 'unknown-pair' } }])
      mixed.close()
      expect(exchange.stats().connections).toMatchObject({ now: 1, ever: 1 })
      exchange.faults.setStatus('ETHUSDT', 'TRADING')
    }))

  it.each([429, 418])('23: says %i with Retry-After: nobody asks before, and REST goes on', status =>
    playScene({ readers: 12, isExchangeFar: true }, async scene => {
      const { exchange } = scene.fleet
      Object.assign(exchange.faults, { upgradeStatus: status, retryAfterS: 6 })
      const since = performance.now()
      const before = scene.exchangeNet.attempts.length
      exchange.faults.kill()
      await until('it asked again', () => scene.exchangeNet.attempts.length > before)
      const refusedAt = performance.now()
      await allTold(scene.readers, since, ['polling'])
      expect(scene.exchangeNet.attempts.length).toBe(before + 1)
      Object.assign(exchange.faults, { upgradeStatus: null })
      await until('it asks once more', () => scene.exchangeNet.attempts.length > before + 1)
      expect((scene.exchangeNet.attempts.at(-1) ?? 0) - refusedAt).toBeGreaterThan(5900)
    }),
  )

  it('23: refuses connections, and then its name is not known: fewer and fewer tries, far from the limit', () =>
    playScene({ readers: 12, isExchangeFar: true }, async scene => {
      const before = scene.exchangeNet.attempts.length
      const since = performance.now()
      scene.exchangeNet.refuse()
      const lost = await scene.fleet.start({
        TICKCAST_EXCHANGE_WS_URLS: 'ws://exchange.invalid:9443',
        TICKCAST_LEADER_ELIGIBLE: 'false',
        REDIS_URL: '',
      })
      await allTold(scene.readers, since, ['polling'])
      await sleep(20_000)
      const tries = scene.exchangeNet.attempts.slice(before)
      expect(tries.length).toBeGreaterThan(2)
      // Binance allows 300 in five minutes.
      expect(tries.length).toBeLessThan(20)
      expect(tries.filter(at => at > since + 10_000).length).toBeLessThan(10)
      expect(lost.exitCode).toBe(undefined)
      lost.signal('SIGTERM')
      expect(await lost.exited()).toBe(0)
      scene.exchangeNet.heal()
    }))
})
