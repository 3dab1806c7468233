import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesMax, createSubscriptions, namesMax, type Subscriptions, streamsMax } from '../../src/exchange/subscriptions.ts'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'

interface Message {
  readonly at: number
  readonly text: string
  readonly method: 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'LIST_SUBSCRIPTIONS'
  readonly params: readonly string[]
  readonly id: number
}

type Mood = 'obeys' | 'refuses' | 'is silent'

/** A server that obeys in order, and answers a little later unless told otherwise. */
interface Rig {
  readonly clock: FakeClock
  readonly subscriptions: Subscriptions
  readonly sent: Message[]
  readonly noted: string[]
  /** What the server has us subscribed to, and the most that ever was. */
  readonly held: Set<string>
  readonly most: () => number
  mood: (message: Message) => Mood
}

function rig(): Rig {
  const clock = fakeClock()
  const sent: Message[] = []
  const noted: string[] = []
  const held = new Set<string>()
  let most = 0
  const answer = (message: Message): void => {
    const mood = here.mood(message)
    if (message.method === 'LIST_SUBSCRIPTIONS') return subscriptions.replied(message.id, undefined, [...held])
    if (mood === 'obeys') {
      for (const name of message.params) message.method === 'SUBSCRIBE' ? held.add(name) : held.delete(name)
      most = Math.max(most, held.size)
    }
    if (mood !== 'is silent') subscriptions.replied(message.id, mood === 'refuses' ? '2 Invalid request' : undefined)
  }
  const send = (text: string): void => {
    const message: Message = { at: clock.now(), text, ...JSON.parse(text) }
    sent.push(message)
    clock.setTimeout(() => answer(message), 80)
  }
  const subscriptions = createSubscriptions({ clock, send, note: line => noted.push(line) })
  const here: Rig = { clock, subscriptions, sent, noted, held, most: () => most, mood: () => 'obeys' }
  return here
}

const names = (count: number, from = 0): Set<string> => new Set(Array.from({ length: count }, (_, at) => `symbol${from + at}usdt@trade`))

function expectWithinLimits(sent: readonly Message[]): void {
  for (const message of sent) {
    expect(Buffer.byteLength(message.text)).toBeLessThanOrEqual(bytesMax)
    expect(message.params.length).toBeLessThanOrEqual(namesMax)
    expect(message.params.length).toBeGreaterThan(0)
    const near = sent.filter(other => other.at >= message.at && other.at <= message.at + 1000)
    expect(near.length).toBeLessThanOrEqual(3)
  }
}

describe('asking for streams', () => {
  for (const count of [1, 300, 1024]) {
    it(`${count} streams are asked for within the exchange's limits, each once`, () => {
      const { subscriptions, sent, clock, held } = rig()
      subscriptions.want(names(count))
      clock.advance(10_000)
      expectWithinLimits(sent)
      expect(sent.flatMap(({ params }) => params).length).toBe(count)
      expect(held).toEqual(names(count))
      expect(subscriptions.asked).toEqual(names(count))
    })
  }

  it('names of many bytes are split by bytes, not by count', () => {
    const { subscriptions, sent, clock, held } = rig()
    const long = new Set(Array.from({ length: 150 }, (_, at) => `${'币安人生'.repeat(4)}${at}usdt@bookTicker`))
    subscriptions.want(long)
    clock.advance(10_000)
    expectWithinLimits(sent)
    expect(sent.length).toBeGreaterThan(2)
    expect(held).toEqual(long)
  })

  it('more than a socket may carry are never asked for, and the rest is asked for when room comes free', () => {
    const { subscriptions, sent, clock, held, most, noted } = rig()
    subscriptions.want(names(1500))
    clock.advance(20_000)
    expect(held.size).toBe(streamsMax)
    expect(noted).toEqual(['more streams are wanted than one socket may carry'])
    subscriptions.want(names(1000, 500))
    clock.advance(20_000)
    expect(held).toEqual(names(1000, 500))
    expect(most()).toBe(streamsMax)
    expectWithinLimits(sent)
  })

  it('room counts as free only when the exchange has said so', () => {
    const here = rig()
    const { subscriptions, clock, held } = here
    subscriptions.want(names(1024))
    clock.advance(10_000)
    here.mood = ({ method }) => (method === 'UNSUBSCRIBE' ? 'refuses' : 'obeys')
    subscriptions.want(names(1024, 100))
    clock.advance(5000)
    expect(held).toEqual(names(1024))
    here.mood = () => 'obeys'
    clock.advance(120_000)
    expect(held).toEqual(names(1024, 100))
    expect(here.most()).toBe(streamsMax)
  })

  it('what is no longer wanted is left, and nothing else', () => {
    const { subscriptions, sent, clock, held } = rig()
    subscriptions.want(names(300))
    clock.advance(5000)
    sent.length = 0
    subscriptions.want(names(290))
    clock.advance(5000)
    expect(sent.map(({ method, params }) => [method, params.length])).toEqual([['UNSUBSCRIBE', 10]])
    expect(held).toEqual(names(290))
  })

  it('wishes that change a hundred times in a row end in the last one, with few messages', () => {
    const { subscriptions, sent, clock, held } = rig()
    for (let at = 0; at < 100; at += 1) subscriptions.want(names(20, at * 3))
    clock.advance(10_000)
    expect(held).toEqual(names(20, 297))
    expect(sent.length).toBeLessThanOrEqual(6)
    expectWithinLimits(sent)
  })

  it('any order of wishes, refusals and lost answers ends in what is wanted', () => {
    const move = fc.record({
      from: fc.integer({ min: 0, max: 40 }),
      count: fc.integer({ min: 0, max: 40 }),
      waitMs: fc.integer({ min: 0, max: 3000 }),
      mood: fc.constantFrom<Mood>('obeys', 'refuses', 'is silent'),
    })
    fc.assert(
      fc.property(fc.array(move, { maxLength: 25 }), moves => {
        const here = rig()
        for (const { from, count, waitMs, mood } of moves) {
          here.mood = () => mood
          here.subscriptions.want(names(count, from))
          here.clock.advance(waitMs)
        }
        here.mood = () => 'obeys'
        here.clock.advance(300_000)
        const last = moves.at(-1)
        const wanted = last === undefined ? new Set() : names(last.count, last.from)
        expect(here.held).toEqual(wanted)
        expect(here.subscriptions.asked).toEqual(wanted)
        expectWithinLimits(here.sent)
        const before = here.sent.length
        here.clock.advance(300_000)
        expect(here.sent.length).toBe(before)
        expect(here.clock.waiting).toBe(0)
      }),
      { seed: 20260101, numRuns: 300 },
    )
  })
})

describe('streams in doubt', () => {
  it('are left and joined in one moment, so that nothing is missed in between, and the others are left alone', () => {
    const { subscriptions, sent, clock, held } = rig()
    subscriptions.want(names(900))
    clock.advance(10_000)
    sent.length = 0
    subscriptions.renew([...names(500), 'elseusdt@trade'])
    clock.advance(20_000)
    expectWithinLimits(sent)
    const left = sent.filter(({ method }) => method === 'UNSUBSCRIBE')
    expect(left.flatMap(({ params }) => params)).toEqual([...names(500)])
    for (const { at, params } of left) expect(sent).toContainEqual(expect.objectContaining({ at, method: 'SUBSCRIBE', params }))
    expect(held).toEqual(names(900))
    expect(subscriptions.asked).toEqual(names(900))
  })

  it('that are no longer wanted are left and not joined', () => {
    const { subscriptions, sent, clock, held } = rig()
    subscriptions.want(names(3))
    clock.advance(2000)
    for (let at = 4; at < 7; at += 1) subscriptions.want(names(at))
    subscriptions.renew(names(1))
    subscriptions.want(names(3, 1))
    clock.advance(20_000)
    expect(held).toEqual(names(3, 1))
    expectWithinLimits(sent)
  })

  it('are compared with what the exchange has, and what differs is mended', () => {
    const { subscriptions, sent, clock, held } = rig()
    subscriptions.want(names(4))
    clock.advance(2000)
    held.delete('symbol0usdt@trade')
    held.add('elseusdt@trade')
    sent.length = 0
    subscriptions.compare()
    clock.advance(20_000)
    expect(held).toEqual(names(4))
    expect(sent.map(({ method, params }) => [method, params])).toEqual([
      ['LIST_SUBSCRIPTIONS', undefined],
      ['UNSUBSCRIBE', ['elseusdt@trade']],
      ['SUBSCRIBE', ['symbol0usdt@trade']],
    ])
  })

  it('a list that was answered after something else was said mends nothing', () => {
    const { subscriptions, sent, clock, held } = rig()
    subscriptions.want(names(2))
    clock.advance(2000)
    subscriptions.compare()
    subscriptions.want(names(3))
    held.delete('symbol0usdt@trade')
    clock.advance(20_000)
    expect(sent.map(({ method }) => method)).toEqual(['SUBSCRIBE', 'LIST_SUBSCRIPTIONS', 'SUBSCRIBE'])
  })
})

describe('answers', () => {
  it('a stream is confirmed by its first message, not by an acknowledgement', () => {
    const { subscriptions, clock } = rig()
    subscriptions.want(names(2))
    clock.advance(1000)
    expect(subscriptions.confirmed.size).toBe(0)
    expect(subscriptions.heard('symbol0usdt@trade')).toBe(true)
    expect(subscriptions.heard('symbol0usdt@trade')).toBe(false)
    expect(subscriptions.heard('elseusdt@trade')).toBe(false)
    expect([...subscriptions.confirmed]).toEqual(['symbol0usdt@trade'])
  })

  it('a refused request is asked for again, and ever more rarely', () => {
    const here = rig()
    here.mood = () => 'refuses'
    here.subscriptions.want(names(3))
    here.clock.advance(4000)
    expect(here.sent.length).toBeGreaterThan(1)
    here.clock.advance(600_000)
    expect(here.sent.length).toBeLessThan(60)
    here.mood = () => 'obeys'
    here.clock.advance(61_000)
    expect(here.held).toEqual(names(3))
    const before = here.sent.length
    here.clock.advance(600_000)
    expect(here.sent.length).toBe(before)
  })

  it('a refusal does not hold up what is wanted anew', () => {
    const here = rig()
    here.mood = ({ params }) => (params.includes('symbol0usdt@trade') ? 'refuses' : 'obeys')
    here.subscriptions.want(names(1))
    here.clock.advance(200_000)
    here.subscriptions.want(names(2))
    here.clock.advance(200)
    expect(here.held).toEqual(new Set(['symbol1usdt@trade']))
  })

  it('an unanswered request is asked for again, its streams being listened to meanwhile', () => {
    const here = rig()
    here.mood = () => 'is silent'
    here.subscriptions.want(names(3))
    here.clock.advance(12_000)
    expect(here.sent.length).toBe(1)
    expect(here.subscriptions.asked).toEqual(names(3))
    here.subscriptions.heard('symbol0usdt@trade')
    here.clock.advance(10_000)
    expect(here.sent[1]?.params).toEqual(['symbol1usdt@trade', 'symbol2usdt@trade'])
  })

  it('a late refusal does not undo what was asked for since', () => {
    const here = rig()
    const { subscriptions, clock, held } = here
    here.mood = ({ method }) => (method === 'UNSUBSCRIBE' ? 'refuses' : 'obeys')
    subscriptions.want(names(1))
    clock.advance(2000)
    subscriptions.want(new Set())
    subscriptions.want(names(1))
    clock.advance(500)
    expect(here.sent.length).toBe(3)
    subscriptions.heard('symbol0usdt@trade')
    clock.advance(120_000)
    expect(here.sent.length).toBe(3)
    expect(held).toEqual(names(1))
    expect(subscriptions.asked).toEqual(names(1))
    expect(subscriptions.confirmed).toEqual(names(1))
  })

  it('a late refusal does not make us ask again for what was granted since', () => {
    const here = rig()
    here.subscriptions.want(names(1))
    here.clock.advance(2000)
    here.mood = ({ method }) => (method === 'UNSUBSCRIBE' ? 'refuses' : 'obeys')
    here.subscriptions.want(new Set())
    here.subscriptions.want(names(1))
    here.clock.advance(120_000)
    expect(here.sent.map(({ method }) => method)).toEqual(['SUBSCRIBE', 'UNSUBSCRIBE', 'SUBSCRIBE'])
  })

  it('a long rest after refusals does not hold up new wishes that have to wait for the budget', () => {
    const here = rig()
    here.mood = ({ params }) => (params.includes('symbol0usdt@trade') ? 'refuses' : 'obeys')
    here.subscriptions.want(names(1))
    here.clock.advance(300_000)
    for (let at = 2; at < 10; at += 1) here.subscriptions.want(names(at))
    here.clock.advance(2000)
    expect(here.subscriptions.asked).toEqual(names(9))
    expect(here.held.size).toBe(8)
  })

  it('a refused UNSUBSCRIBE is repeated', () => {
    const here = rig()
    here.subscriptions.want(names(2))
    here.clock.advance(2000)
    here.mood = () => 'refuses'
    here.subscriptions.want(names(1))
    here.clock.advance(300)
    here.mood = () => 'obeys'
    here.clock.advance(5000)
    expect(here.held).toEqual(names(1))
  })

  it('answers to nothing we asked change nothing', () => {
    const { subscriptions, clock, sent } = rig()
    subscriptions.want(names(1))
    clock.advance(1000)
    subscriptions.replied(99, undefined)
    subscriptions.replied(99, '2 no')
    subscriptions.replied(undefined, '3 Invalid JSON')
    clock.advance(60_000)
    expect(sent.length).toBe(1)
  })

  it('after its end nothing is sent and no timer is left', () => {
    const { subscriptions, clock, sent } = rig()
    subscriptions.want(names(1024))
    subscriptions.stop()
    const before = sent.length
    subscriptions.want(names(5))
    clock.advance(100_000)
    expect(sent.length).toBe(before)
    expect(clock.waiting).toBe(0)
  })
})
