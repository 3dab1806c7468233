import { styleText } from 'node:util'
import type { Bus } from './bus/bus.ts'
import { createRedisBus } from './bus/redis-bus.ts'
import { after, type Clock } from './clock.ts'
import type { Config } from './config.ts'
import { createRedisLedger } from './demand/redis-ledger.ts'
import { createRest } from './exchange/rest.ts'
import { readSymbols } from './exchange/symbols.ts'
import { createRedisLease } from './leadership/redis-lease.ts'
import { names } from './names.ts'
import { connectCommands } from './redis.ts'

/** Looks whether everything an instance needs is there. Prints a line for each; returns the exit code. */
export async function examine({ clock, config }: { readonly clock: Clock; readonly config: Config }): Promise<number> {
  const checks = [checkNode(), await checkExchange(clock, config), await checkRedis(clock, config)]
  for (const { ok, line } of checks) console.log(`${ok ? styleText('green', 'ok  ') : styleText('red', 'fail')} ${line}`)
  return checks.every(({ ok }) => ok) ? 0 : 1
}

interface Check {
  readonly ok: boolean
  readonly line: string
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const ok = major > 20 || (major === 20 && minor >= 19)
  return { ok, line: `Node ${process.versions.node}${ok ? '' : ': 20.19 or newer is needed'}` }
}

async function checkExchange(clock: Clock, config: Config): Promise<Check> {
  const rest = createRest({ clock, urls: config.exchangeRestUrls, note: () => {} })
  const answer = await rest.exchangeInfo()
  if (answer.kind !== 'answered') return { ok: false, line: `exchange: ${answer.cause}; \`npm run demo\` needs none` }
  const table = readSymbols(answer.value, config.quoteAliases)
  return {
    ok: table !== undefined,
    line: table === undefined ? 'exchange: an answer that lists no symbols' : `exchange: ${table.size} pairs listed`,
  }
}

/** Does to Redis what an instance does, as far as it changes nothing for the others. */
async function checkRedis(clock: Clock, config: Config): Promise<Check> {
  if (config.redisUrl === '') return { ok: true, line: 'Redis: not set (REDIS_URL), the embedded bus is used' }
  const { redisUrl: url } = config
  const ca = config.redisCa || undefined
  const ours = names(config.prefix)
  let lost = 'no answer'
  const commands = connectCommands(url, {
    clock,
    ca,
    key: ours.epoch,
    note: change => {
      if (change.kind === 'lost') lost = change.cause
    },
  })
  const bus = createRedisBus({ url, ca, commands, clock, names: ours })
  const ledger = createRedisLedger({ commands, names: ours })
  const lease = createRedisLease({ commands, names: ours })
  const instance = `doctor-${clock.wall()}`
  const steps: readonly (() => Promise<Outcome>)[] = [
    () => ledger.announce(instance, [], { ttlMs: 1000, tell: true }),
    () => ledger.withdraw(instance),
    () => ledger.union(),
    () => bus.last(config.pairs),
    () => follows(bus, config),
    ...(config.leaderEligible === 'true' ? [() => lease.renew({ id: instance, ttlMs: 1000, epoch: 0 }), () => bus.publish(0, [])] : []),
  ]
  let trouble: string | undefined
  for (const step of steps) trouble ??= await troubleOf(clock, step, () => lost)
  await bus.close()
  await commands.close()
  return { ok: trouble === undefined, line: `Redis: ${trouble ?? 'answers, and allows what an instance does'}` }
}

type Outcome = { readonly kind: string } | { readonly kind: 'unreachable'; readonly cause: string }

/** Tries for two seconds: a connection is not there at once. */
async function troubleOf(clock: Clock, step: () => Promise<Outcome>, lost: () => string): Promise<string | undefined> {
  let cause = ''
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const outcome = await step()
    if (!('cause' in outcome)) return undefined
    cause = outcome.cause.startsWith('not connected') ? lost() : outcome.cause
    await after(clock, 100)
  }
  return cause
}

const follows = (bus: Bus, config: Config): Promise<Outcome> =>
  new Promise(resolve => {
    const following = bus.follow(new Set(config.pairs), {
      subscribed: () => {},
      caughtUp: () => {
        following.stop()
        resolve({ kind: 'followed' })
      },
      price: () => {},
      bulletin: () => {},
      lost: cause => resolve({ kind: 'unreachable', cause }),
    })
  })
