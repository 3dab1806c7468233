import { describe, expect, it } from 'vitest'
import { createFreshness, type Silence } from '../../src/exchange/freshness.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'

interface Rig {
  readonly clock: FakeClock
  readonly told: (Silence & { readonly at: number })[]
  readonly freshness: ReturnType<typeof createFreshness>
  /** A message of this stream after each of these waits. */
  speaks(stream: string, waits: Iterable<number>): void
  passes(ms: number): void
}

function rig(streams: readonly string[], seed = 1): Rig {
  const clock = fakeClock(seed)
  const told: Rig['told'] = []
  const freshness = createFreshness({ clock, isPulse: stream => stream.endsWith('@ticker') })
  let lookAt = 0
  const passes = (ms: number): void => {
    const end = clock.now() + ms
    for (; lookAt <= end; lookAt += 250) {
      clock.advance(Math.max(0, lookAt - clock.now()))
      for (const one of freshness.look(streams)) told.push({ ...one, at: clock.now() })
    }
    clock.advance(end - clock.now())
  }
  return {
    clock,
    told,
    freshness,
    passes,
    speaks: (stream, waits) => {
      for (const ms of waits) {
        passes(ms)
        freshness.heard(stream)
      }
    },
  }
}

const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
/** As trades that come by chance. */
const byChance = (clock: FakeClock, count: number, meanMs: number): number[] => times(count, () => -Math.log(1 - clock.random()) * meanMs)

describe('a stream', () => {
  it('that comes every second is found silent after three', () => {
    const here = rig(['btcusdt@ticker'])
    here.speaks(
      'btcusdt@ticker',
      times(200, () => 1000),
    )
    expect(here.told).toEqual([])
    here.passes(4000)
    expect(here.told).toMatchObject([{ stream: 'btcusdt@ticker', times: 0 }])
    expect(here.told[0]?.forMs).toBeLessThanOrEqual(3300)
    expect([...here.freshness.silent]).toEqual(['btcusdt@ticker'])
  })

  it('whose longest silence is known is found after three times that, whatever its rhythm', () => {
    for (const usualMs of [2000, 20_000, 300_000]) {
      const here = rig(['adausdt@trade'])
      here.speaks(
        'adausdt@trade',
        times(60, at => (at % 6 === 5 ? usualMs : usualMs / 4)),
      )
      here.passes(2.6 * usualMs)
      expect(here.told).toEqual([])
      here.passes(0.5 * usualMs)
      expect(here.told.length).toBe(1)
    }
  })

  it('that comes often but for long pauses now and then is found after half a minute', () => {
    const here = rig(['ethusdt@trade'])
    const often = times(60, () => 100)
    here.speaks('ethusdt@trade', [...often, 2800, ...often, 6500, ...often, 11_500, 100])
    here.passes(29_000)
    expect(here.told).toEqual([])
    here.passes(1500)
    expect(here.told.length).toBe(1)
  })

  it('that was never heard is not judged, unless it has to come every second', () => {
    const here = rig(['adausdt@trade', 'adausdt@ticker'])
    here.passes(9000)
    expect(here.told).toEqual([])
    here.passes(2000)
    expect(here.told.map(({ stream }) => stream)).toEqual(['adausdt@ticker'])
  })

  it('of trades that come by chance is hardly ever taken for dead: three times among eighty thousand at most', () => {
    const streams = times(40, at => `pair${at}@trade`)
    let told = 0
    for (const stream of streams) {
      const here = rig([stream], streams.indexOf(stream) + 1)
      const waits = byChance(here.clock, 2000, 2000)
      for (const ms of waits) {
        here.clock.advance(ms)
        told += here.freshness.look([stream]).length
        here.freshness.heard(stream)
      }
    }
    expect(told).toBeLessThanOrEqual(3)
  })

  it('that stays silent is told of ever more rarely', () => {
    const here = rig(['btcusdt@ticker'])
    here.speaks(
      'btcusdt@ticker',
      times(100, () => 1000),
    )
    here.passes(60_000)
    expect(here.told.length).toBeGreaterThan(2)
    expect(here.told.map(one => one.times)).toEqual(times(here.told.length, at => at))
    here.passes(3_600_000)
    expect(here.told.length).toBeLessThan(20)
  })

  it('that has become slow teaches us so: it is told of a few times and then no more', () => {
    const here = rig(['btcusdt@ticker'])
    here.speaks(
      'btcusdt@ticker',
      times(100, () => 1000),
    )
    here.speaks(
      'btcusdt@ticker',
      times(40, () => 8000),
    )
    const before = here.told.length
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(8)
    here.speaks(
      'btcusdt@ticker',
      times(100, () => 8000),
    )
    expect(here.told.length).toBe(before)
    expect(here.freshness.silent.size).toBe(0)
  })

  it('is not blamed for the time when we did not listen, nor taught by it', () => {
    const here = rig(['btcusdt@ticker'])
    here.speaks(
      'btcusdt@ticker',
      times(200, () => 1000),
    )
    here.clock.advance(60_000)
    here.freshness.forgive()
    here.speaks('btcusdt@ticker', [500, 1000])
    expect(here.told).toEqual([])
    here.passes(3500)
    expect(here.told.length).toBe(1)
  })

  it('that nobody wants any more is forgotten', () => {
    const here = rig(['btcusdt@ticker'])
    here.passes(12_000)
    expect(here.freshness.silent.size).toBe(1)
    here.freshness.keep(new Set())
    expect(here.freshness.silent.size).toBe(0)
  })
})
