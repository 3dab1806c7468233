import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Tick } from '../../src/exchange/exchange.ts'
import { createFeed } from '../../src/exchange/feed.ts'
import { bytesMax, namesMax } from '../../src/exchange/subscriptions.ts'
import type { Wire } from '../../src/exchange/wire.ts'
import { parseControl } from '../../src/simulator/control-messages.ts'
import { fakeClock } from '../support/fake-clock.ts'

/** Both ends of the control protocol: whatever the other side says, nobody throws, nothing is said that may not be, and no price is made up. */

const runs = 100_000
const ids = fc.constantFrom<unknown>(0, 1, 2, 3, 4, 5, -1, 1.5, '1', null, undefined, 9e15, 'a'.repeat(40))
const names = ['btcusdt@trade', 'btcusdt@ticker', 'ethusdt@trade', 'nopeusdt@trade', '', '__proto__', '币@trade']
const results = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, 'x', {}, undefined),
  fc.array(fc.oneof(fc.constantFrom<unknown>(...names), fc.jsonValue({ maxDepth: 1 })), { maxLength: 6 }),
)
const errors = fc.constantFrom<unknown>(undefined, null, '', 'no', [], { code: 2, msg: 'Invalid request' }, { code: {}, msg: [] }, 4)
const replies = fc.record({ id: ids, result: results, error: errors, code: errors }).map(reply => JSON.stringify(reply))
const trade =
  '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":7,"p":"61837.63000000","q":"1.00000000","T":1,"m":true,"M":true}}'
const texts = fc.oneof(
  { weight: 6, arbitrary: replies },
  { weight: 1, arbitrary: fc.constantFrom(trade, trade.replace('btc', 'nope').replace('BTC', 'NOPE'), trade.replace('61837.63', '0.00')) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom('{"e":"serverShutdown"}', '{"stream":"!serverShutdown","data":{"e":"serverShutdown"}}', '') },
)

describe('the control protocol', () => {
  it('any answer is taken: what we say stays within the limits, and only what we asked for is a price', () => {
    const clock = fakeClock()
    const emitter = new EventEmitter()
    const sent: { readonly at: number; readonly text: string }[] = []
    const ticks: Tick[] = []
    const send = (text: string): void => void sent.push({ at: clock.now(), text })
    const wire = Object.assign(emitter, { send, ping: () => emitter.emit('pong'), close: () => {}, terminate: () => {}, readyState: 1 })
    const feed = createFeed({
      clock,
      urls: ['ws://x'],
      streams: ['trade', 'ticker'],
      tick: tick => ticks.push(tick),
      note: () => {},
      connect: () => wire as unknown as Wire,
    })
    const wants = [new Set(['BTCUSDT']), new Set(['BTCUSDT', 'ETHUSDT'])]
    feed.want(wants[0] ?? new Set())
    const close = feed.open('a', () => {})
    emitter.emit('open')
    let turn = 0
    fc.assert(
      fc.property(texts, text => {
        turn += 1
        emitter.emit('message', Buffer.from(text), false)
        if (turn % 7 === 0) clock.advance(100)
        if (turn % 5 === 0) feed.want(wants[(turn / 5) % 2] ?? new Set())
      }),
      { seed: 20261122, numRuns: runs },
    )
    expect(ticks.length).toBeGreaterThan(1000)
    expect(ticks.filter(tick => tick.symbol !== 'BTCUSDT' || !('price' in tick) || tick.price !== '61837.63000000')).toEqual([])
    expect(sent.length).toBeGreaterThan(20)
    for (const [at, { at: saidAt, text }] of sent.entries()) {
      const { method, params = [] } = JSON.parse(text)
      expect(['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS']).toContain(method)
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytesMax)
      expect(params.length).toBeLessThanOrEqual(namesMax)
      expect((sent[at + 3]?.at ?? Number.POSITIVE_INFINITY) - saidAt).toBeGreaterThanOrEqual(1000)
    }
    close()
    feed.stop()
    clock.advance(60_000)
    expect(clock.waiting).toBe(0)
  })

  it('any message is obeyed or refused by the simulated exchange, and its id is given back as it came', () => {
    const messages = fc.oneof(
      fc
        .record({
          method: fc.constantFrom('SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS', 'SET_PROPERTY', 'subscribe', 1),
          params: results,
          id: ids,
        })
        .map(message => JSON.stringify(message)),
      fc.json({ maxDepth: 2 }),
      fc.string({ maxLength: 20 }),
    )
    fc.assert(
      fc.property(messages, text => {
        const control = parseControl(text)
        if ('error' in control) return control.error.code >= 0 && control.error.msg !== ''
        return JSON.stringify(JSON.parse(text).id) === control.request.id
      }),
      { seed: 20261122, numRuns: runs },
    )
  })
})
