import { styleText } from 'node:util'
import { after, type Clock } from './clock.ts'
import type { Config } from './config.ts'
import { createRedisLedger } from './demand/redis-ledger.ts'
import { createRest } from './exchange/rest.ts'
import { readSymbols } from './exchange/symbols.ts'
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

async function checkRedis(clock: Clock, config: Config): Promise<Check> {
  if (config.redisUrl === '') return { ok: true, line: 'Redis: not set (REDIS_URL), the embedded bus is used' }
  let cause = 'no answer'
  const commands = connectCommands(config.redisUrl, {
    clock,
    note: change => {
      if (change.kind === 'lost') cause = change.cause
    },
  })
  const ledger = createRedisLedger({ commands, names: names(config.prefix) })
  let answers = false
  for (let attempt = 0; attempt < 20 && !answers; attempt += 1) {
    answers = (await ledger.union()).kind === 'read'
    if (!answers) await after(clock, 100)
  }
  await commands.close()
  return { ok: answers, line: `Redis: ${answers ? 'answers' : cause}` }
}
