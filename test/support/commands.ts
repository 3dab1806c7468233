import fc from 'fast-check'
import { expect } from 'vitest'
import { abdicate, type Cluster, type Member, usurp } from './cluster.ts'
import { expectNoneOlder, flows } from './expectations.ts'
import type { Reader } from './reader.ts'
import { until } from './until.ts'

/** What must be true of one leader and one follower, from what was done to them. It knows of no machine, timer or part of src/. */
export interface Plan {
  /** A stranger holds the lease: nobody of ours may publish. */
  isUsurped: boolean
  isSilent: boolean
  isRestDown: boolean
  readers: number
}

export interface Real {
  readonly cluster: Cluster
  readonly members: readonly Member[]
  readonly readers: { readonly reader: Reader; readonly pairs: string }[]
}

type Step = fc.AsyncCommand<Plan, Real>

const roles = ({ members }: Real): string => members.map(member => member.at('leadership').split('.')[0]).join(' ')
const memberAt = ({ members }: Real, at: number): Member => {
  const member = members[at % members.length]
  if (member === undefined) throw new Error('there are members')
  return member
}

/** What readers are told they are looking at, in the end. */
function levelOf({ isUsurped, isSilent, isRestDown }: Plan): string {
  if (isUsurped) return 'shared-cache'
  if (!isSilent) return 'live'
  return isRestDown ? 'shared-cache' : 'polling'
}

/** Noticing silence takes seventeen seconds when nothing was heard before it, and some for each step down. */
const withinMs = 25_000

/** Waits until everything is as planned. */
export async function look(plan: Plan, real: Real): Promise<void> {
  const { cluster, members, readers } = real
  const meant = plan.isUsurped ? ['follower follower'] : ['leader follower', 'follower leader']
  await until(`the roles are ${meant.join(' or ')}`, () => meant.includes(roles(real)), withinMs)
  const level = levelOf(plan)
  await until(
    `all are ${level}`,
    () => members.every(member => member.at('fallback').split('.')[0] === level && !member.at('fallback').endsWith('doubted')),
    withinMs,
  ).catch((failure: Error) => {
    throw new Error(`${failure.message}; they are ${members.map(member => member.at('fallback')).join(' and ')}`)
  })
  for (const member of members) expect((await member.status()).level).toBe(level)
  const sockets = plan.isUsurped ? 0 : 1
  await until(`the exchange sees ${sockets}`, () => cluster.exchange.stats().connections.now === sockets)
  if (level === 'live')
    await Promise.all(readers.flatMap(({ reader, pairs }) => pairs.split(',').map(pair => flows(reader, { pair, more: 1, withinMs }))))
  const stranger = await cluster.hand.get('prices:leader')
  expect(stranger === 'a stranger').toBe(plan.isUsurped)
  expect(cluster.exchange.stats().violations).toEqual({})
}

/** Whatever happened: at once true, without waiting. */
function lookAtOnce(real: Real): void {
  for (const { reader } of real.readers) {
    expect(reader.isOver, 'a reader was cut off').toBe(false)
    expectNoneOlder(reader)
  }
  expect(real.cluster.crashes).toEqual([])
}

const step = (name: string, run: (plan: Plan, real: Real) => Promise<unknown> | undefined, check: Step['check'] = () => true): Step => ({
  check,
  run: async (plan, real) => {
    await run(plan, real)
    lookAtOnce(real)
  },
  toString: () => name,
})

const turn = (name: string, set: (plan: Plan, faults: Cluster['exchange']['faults']) => void, check?: Step['check']): Step =>
  step(
    name,
    (plan, { cluster }) => {
      set(plan, cluster.exchange.faults)
      return undefined
    },
    check,
  )

const later = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export const anySteps: fc.Arbitrary<Step>[] = [
  fc.constant(turn('kill the socket', (_, faults) => faults.kill())),
  fc.constantFrom(true, false).map(isOn =>
    turn(
      isOn ? 'silence' : 'unsilence',
      (plan, faults) => {
        plan.isSilent = isOn
        faults.silent = isOn
      },
      plan => plan.isSilent !== isOn,
    ),
  ),
  fc.constantFrom(true, false).map(isOn =>
    turn(
      isOn ? 'REST down' : 'REST up',
      (plan, faults) => {
        plan.isRestDown = isOn
        faults.restDown = isOn
      },
      plan => plan.isRestDown !== isOn,
    ),
  ),
  fc.constant(
    step('flush Redis', (plan, { cluster }) => {
      plan.isUsurped = false
      return cluster.hand.flushall()
    }),
  ),
  fc.constantFrom(100, 700, 2500).map(ms =>
    step(`Redis stands still for ${ms} ms`, async (_, { cluster }) => {
      cluster.redis.pause()
      await later(ms)
      cluster.redis.resume()
    }),
  ),
  fc.tuple(fc.nat(1), fc.constantFrom('BTC/USD', 'ETH/USD', 'BTC/USD,SOL/USD', 'BNB/USDT')).map(([at, pairs]) =>
    step(`open a reader of ${pairs} at ${at}`, async (plan, real) => {
      plan.readers += 1
      real.readers.push({ reader: await memberAt(real, at).read(pairs), pairs })
    }),
  ),
  fc.nat(3).map(at =>
    step(
      `close reader ${at}`,
      async (plan, real) => {
        plan.readers -= 1
        for (const { reader } of real.readers.splice(at % real.readers.length, 1)) reader.close()
      },
      plan => plan.readers > 0,
    ),
  ),
  fc.constant(
    step(
      'take leadership away',
      (plan, { cluster }) => {
        plan.isUsurped = true
        return usurp(cluster)
      },
      plan => !plan.isUsurped,
    ),
  ),
  fc.constant(
    step(
      'give leadership back',
      (plan, { cluster }) => {
        plan.isUsurped = false
        return abdicate(cluster)
      },
      plan => plan.isUsurped,
    ),
  ),
  fc.constant(step('look', look)),
]

/** Everything is well again: then everything must be as at the beginning. */
export async function calm(plan: Plan, real: Real): Promise<void> {
  real.cluster.redis.resume()
  real.cluster.exchange.faults.clear()
  if (plan.isUsurped) await abdicate(real.cluster)
  Object.assign(plan, { isUsurped: false, isSilent: false, isRestDown: false })
  // What only readers of the follower want has to come from the leader.
  await until('one leads', () => roles(real).includes('leader'), withinMs)
  for (const member of real.members.filter(one => one.at('leadership').startsWith('follower'))) {
    plan.readers += 1
    real.readers.push({ reader: await member.read('LTC/USD'), pairs: 'LTC/USD' })
  }
  await look(plan, real)
  lookAtOnce(real)
}
