import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readConfig, settings } from '../../src/config.ts'

const all = Object.values(settings).map(({ name, fallback }) => ({ name: name as string, fallback }))
const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.constantFrom(
    '',
    ' ',
    ',',
    '0',
    '-1',
    '1e9',
    '99999999999999999999',
    'BTC/USD,',
    '*',
    'redis://',
    'wss://',
    'true ',
    '=,=',
    '\0',
    '\u2028',
  ),
)
const environment = fc.dictionary(fc.constantFrom(...all.map(({ name }) => name)), junk, { maxKeys: all.length })
const strangers = fc.dictionary(
  fc.oneof(fc.string({ maxLength: 20 }), fc.stringMatching(/^TICKCAST_[A-Z_]{1,20}$/)),
  fc.string({ maxLength: 20 }),
  { maxKeys: 4 },
)

const mistakesOf = (given: Readonly<Record<string, string>>): readonly string[] => {
  const read = readConfig(given)
  return 'mistakes' in read ? read.mistakes : []
}

it('any environment is read, or refused with one sentence for each setting that is wrong', () => {
  fc.assert(
    fc.property(environment, strangers, (known, unknown) => {
      const given = { ...unknown, ...known }
      const mistakes = mistakesOf(given)
      for (const sentence of mistakes) {
        expect(sentence).toMatch(/^[^\p{Cc}]{10,500}[.?]$/u)
        expect(sentence).not.toMatch(/undefined|\[object|NaN/)
      }
      // Each setting alone says what it says among the others.
      const alone = Object.entries(given).flatMap(([name, text]) => mistakesOf({ [name]: text }))
      expect([...mistakes].sort()).toEqual(alone.sort())
      for (const [name, text] of Object.entries(given)) expect(mistakesOf({ [name]: text }).length).toBeLessThanOrEqual(1)
    }),
    { numRuns: 1000 },
  )
})

it('what is wrong in one place changes nothing in another, and all defaults together are right', () => {
  expect(mistakesOf({})).toEqual([])
  fc.assert(
    fc.property(environment, known => {
      const read = readConfig(known)
      const again = readConfig(known)
      expect(again).toEqual(read)
      if ('config' in read) for (const value of Object.values(read.config)) expect(value === undefined || Number.isNaN(value)).toBe(false)
    }),
    { numRuns: 500 },
  )
})

it('a password is not said back, whichever setting its address was put into and whatever stands around it', () => {
  const secret = fc.stringMatching(/^[a-z0-9!$&'()*+;=._~-]{3,12}$/).map(text => `hunter2${text}`)
  const scheme = fc.constantFrom('redis:', 'rediss://', 'redis+cluster://', 'ftp://', 'wss://', 'https://', 'http:/', '')
  const around = fc.constantFrom('', 'BTC/USD,', 'x,', ' ')
  fc.assert(
    fc.property(fc.constantFrom(...all), secret, scheme, around, around, ({ name }, password, first, before, after) => {
      const text = `${before}${first}user:${password}@host:1${after === '' ? '' : `,${after}`}`
      for (const sentence of mistakesOf({ [name]: text })) expect(sentence).not.toContain(password)
    }),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.constantFrom('REDIS_URL', 'TICKCAST_ADMIN_TOKEN'), secret, junk, (name, password, more) => {
      for (const sentence of mistakesOf({ [name]: `${more}${password} ${password}` })) expect(sentence).not.toContain(password)
    }),
    { numRuns: 1000 },
  )
})
