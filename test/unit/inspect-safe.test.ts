import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createActor, fromCallback } from 'xstate'
import { safe, safeLimits } from '../../src/inspect/safe.ts'

describe('a value made safe', () => {
  it('survives JSON, whatever it was', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withNullPrototype: true,
          withTypedArray: true,
          withObjectString: true,
        }),
        value => {
          const shown = safe(value)
          expect(JSON.stringify(JSON.parse(JSON.stringify([shown])))).toBe(JSON.stringify([shown]))
        },
      ),
    )
  })

  it('names what has no JSON', () => {
    const actor = createActor(
      fromCallback(() => {}),
      { id: 'line' },
    )
    const shown = safe({
      big: 12n,
      day: new Date(0),
      noDay: new Date(Number.NaN),
      never: Number.POSITIVE_INFINITY,
      call: function ring() {},
      sign: Symbol('s'),
      map: new Map<unknown, unknown>([
        ['a', 1],
        [{ b: 2 }, 3],
      ]),
      set: new Set([1]),
      error: new TypeError('wrong'),
      bytes: new Uint8Array(3),
      actor,
      nothing: undefined,
      none: null,
      promise: Promise.resolve(),
    })
    expect(shown).toEqual({
      big: '12n',
      day: '1970-01-01T00:00:00.000Z',
      noDay: '[no date]',
      never: 'Infinity',
      call: '[function ring]',
      sign: 'Symbol(s)',
      map: { '[map]': { a: 1, '{"b":2}': 3 } },
      set: { '[set]': [1] },
      error: '[TypeError: wrong]',
      bytes: '[3 bytes]',
      actor: '[actor line]',
      none: null,
      promise: '[promise]',
    })
  })

  it('ends at a cycle, but shows twice what stands twice', () => {
    const twice = { a: 1 }
    const cycle: Record<string, unknown> = { left: twice, right: twice }
    cycle.self = cycle
    expect(safe(cycle)).toEqual({ left: { a: 1 }, right: { a: 1 }, self: '[cycle]' })
  })

  it('hides what looks like a secret, and passwords inside addresses', () => {
    expect(
      safe({ adminToken: 'x', password: { deep: 1 }, apiKey: 'k', Authorization: 'Bearer', url: 'redis://me:word@host:1/0', tokens: 3 }),
    ).toEqual({
      adminToken: '(hidden)',
      password: '(hidden)',
      apiKey: '(hidden)',
      Authorization: '(hidden)',
      url: 'redis://me:(hidden)@host:1/0',
      tokens: '(hidden)',
    })
  })

  it('survives getters and proxies that throw', () => {
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no keys')
        },
      },
    )
    const shown = safe({
      get bad() {
        throw new Error('no value')
      },
      hostile,
      good: 1,
    })
    expect(shown).toEqual({ bad: '[cannot be read: no value]', hostile: '[cannot be read: no keys]', good: 1 })
  })

  it('is cut in depth, length and size', () => {
    const deep = (depth: number): unknown => (depth === 0 ? 1 : { in: deep(depth - 1) })
    expect(JSON.stringify(safe(deep(50)))).toContain('[object]')
    expect(safe(Array.from({ length: 100 }, () => 0))).toHaveLength(safeLimits.entriesMax + 1)
    expect(safe('x'.repeat(1000))).toBe(`${'x'.repeat(safeLimits.textMax)}… (1000 characters)`)
    const wide = (depth: number): unknown => (depth === 0 ? 'x'.repeat(399) : Array.from({ length: 60 }, () => wide(depth - 1)))
    expect(JSON.stringify(safe(wide(3))).length).toBeLessThan(50_000)
  })

  it('may be called __proto__', () => {
    expect(JSON.stringify(safe(JSON.parse('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}')
  })
})
