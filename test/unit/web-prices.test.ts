import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAge } from '../../src/web/prices/age.ts'
import { compareAmounts, decimalsOf, layOut, percent } from '../../src/web/prices/decimal.ts'
import { createHistory } from '../../src/web/prices/history.ts'
import { rank } from '../../src/web/prices/lookup.ts'
import { asPair, isPair, pairOf } from '../../src/web/prices/wire.ts'

describe('amounts on the page', () => {
  const amount = fc
    .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.nat(8), fc.nat(4))
    .map(([isNegative, digits, decimals, zeros]) => {
      const text = String(digits).padStart(decimals + 1, '0')
      const whole = text.slice(0, text.length - decimals)
      const fraction = text.slice(text.length - decimals) + '0'.repeat(decimals === 0 ? 0 : zeros)
      const units = digits * 10n ** BigInt(8 - decimals)
      return { text: `${isNegative ? '-' : ''}${whole}${decimals === 0 ? '' : `.${fraction}`}`, units: isNegative ? -units : units }
    })

  test('are compared as what they are, with more digits than a number holds', () => {
    expect(compareAmounts('9007199254740993.00000001', '9007199254740993.00000002')).toBeLessThan(0)
    expect(compareAmounts('9.9', '10.0')).toBeLessThan(0)
    expect(compareAmounts('0.10000000', '0.1')).toBe(0)
    expect(compareAmounts('nothing', '1')).toBe(0)
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        expect(Math.sign(compareAmounts(a.text, b.text))).toBe(a.units === b.units ? 0 : a.units < b.units ? -1 : 1)
      }),
    )
  })

  test('keep every digit, whatever room they are given', () => {
    expect(layOut('60513.30000000', 2)).toBe('60,513.30')
    expect(layOut('1234567.00000000', 0)).toBe('1,234,567')
    expect(layOut('0.00001234', 2)).toBe('0.00001234')
    expect(layOut('-1000.5', 2)).toBe('−1,000.50')
    expect(layOut('12345678901234567890.12345678', 2)).toBe('12,345,678,901,234,567,890.12345678')
    expect(layOut('no amount', 2)).toBe('no amount')
    fc.assert(
      fc.property(amount, fc.nat(8), ({ text }, decimals) => {
        const shown = layOut(text, decimals)
        expect(compareAmounts(shown.replaceAll(',', '').replace('−', '-'), text)).toBe(0)
        expect((shown.split('.')[1] ?? '').length).toBe(Math.max(decimals, decimalsOf(text)))
      }),
    )
  })

  test('a change is rounded and signed, and nothing changed has no sign', () => {
    expect([percent('-1.234'), percent('0.420'), percent('0.001'), percent('-0.001'), percent('x')]).toEqual([
      '−1.23 %',
      '+0.42 %',
      '0.00 %',
      '0.00 %',
      '',
    ])
  })
})

test('an age is told in the unit one would use', () => {
  const s = 1000
  expect([0, 999, s, 119 * s, 120 * s, 7199 * s, 7200 * s, 172_799 * s, 172_800 * s].map(readAge)).toEqual([
    'now',
    'now',
    '1 s',
    '119 s',
    '2 min',
    '119 min',
    '2 h',
    '47 h',
    '2 d',
  ])
})

describe('the course of a session', () => {
  test('holds the first value and the newest of each span of time', () => {
    const history = createHistory(10, 100)
    for (const [at, value] of [
      [0, 5],
      [50, 9],
      [99, 6],
      [100, 7],
      [180, 1],
      [201, 2],
    ] as const)
      history.add(at, value)
    expect(history.points).toEqual([5, 7, 2])
  })

  test('stays within its bound for days, ends with the newest value and begins where the session began', () => {
    const history = createHistory(120, 250)
    for (let index = 0; index < 400_000; index += 1) history.add(index * 1000, index)
    expect(history.points.length).toBeLessThanOrEqual(120)
    expect(history.points.length).toBeGreaterThan(55)
    expect(history.points.at(-1)).toBe(399_999)
    const steps = history.points.slice(1).map((value, at) => value - (history.points[at] ?? 0))
    // Each point stands for as long as the others: the first and the last may be cut.
    expect(new Set(steps.slice(1, -1)).size).toBeLessThanOrEqual(2)
    expect(history.points[0]).toBe(0)
  })
})

test('the pair most people mean is found first', () => {
  const listings = ['ASX/SOL', 'SOLX/USD', 'SOL/BTC', 'SOL/USDT', 'SOL/EUR', 'SOL/USD', 'SOL/TRY'].map(pair => ({
    pair,
    symbol: pair.replace('/', ''),
    status: 'TRADING',
  }))
  const halted = { pair: 'SOL/AUD', symbol: 'SOLAUD', status: 'BREAK' }
  const found = rank([halted, ...listings], ' sol').map(({ pair }) => pair)
  expect(found).toEqual(['SOL/USD', 'SOL/USDT', 'SOL/EUR', 'SOL/BTC', 'SOL/TRY', 'SOLX/USD', 'ASX/SOL', 'SOL/AUD'])
  expect(rank(listings, 'sol-btc')[0]?.pair).toBe('SOL/BTC')
})

test('a pair is read from what people type and from a price that is not parsed', () => {
  expect([asPair(' btc-usd '), isPair('BTC/USD'), isPair('BTC'), isPair('BTC/USD,ETH/USD')]).toEqual(['BTC/USD', true, false, false])
  expect(pairOf('{"cause":"trade","pair":"BTC/USD","symbol":"BTCUSDT"}')).toBe('BTC/USD')
  expect(pairOf('{}')).toBeUndefined()
})
