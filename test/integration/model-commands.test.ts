import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { startCluster } from '../support/cluster.ts'
import { anySteps, calm, type Plan, type Real } from '../support/commands.ts'
import type { Coverage } from '../support/coverage.ts'
import { addCoverage, reportPart } from '../support/coverage-parts.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** To run one again: what was printed, as COMMANDS_SEED, COMMANDS_PATH and COMMANDS_REPLAY (what stands in replayPath). */
const { COMMANDS_SEED, COMMANDS_PATH, COMMANDS_REPLAY, COMMANDS_RUNS = '4' } = process.env
const seed = Number(COMMANDS_SEED ?? 20261122)

const total: Coverage = {}
afterAll(() => reportPart('integration', 'commands', total))

async function begin(): Promise<{ plan: Plan; real: Real; end: () => Promise<void> }> {
  const cluster = await startCluster()
  const one = await cluster.start({ name: 'one' })
  await one.reaches('leadership', 'leader')
  const two = await cluster.start({ name: 'two' })
  const pairs = 'BTC/USD'
  const readers = [
    { reader: await one.read(pairs), pairs },
    { reader: await two.read(pairs), pairs },
  ]
  const real: Real = { cluster, members: [one, two], readers }
  await until('both are live', () => real.members.every(member => member.at('fallback') === 'live.steady'))
  const end = async (): Promise<void> => {
    await cluster.end()
    addCoverage(total, cluster.collector.coverage)
  }
  return { plan: { isUsurped: false, isSilent: false, isRestDown: false, readers: 2 }, real, end }
}

describe.skipIf(!redisAvailable)('a leader and a follower', () => {
  it('do what a plain model says, whatever happens in whatever order, and all is well in the end', { timeout: 200_000 }, async () => {
    process.stdout.write(`commands: seed ${seed}\n`)
    const commands = fc.commands(anySteps, { maxCommands: 8, size: 'max', ...(COMMANDS_REPLAY && { replayPath: COMMANDS_REPLAY }) })
    await fc.assert(
      fc.asyncProperty(commands, async steps => {
        const { plan, real, end } = await begin()
        try {
          await fc.asyncModelRun(() => ({ model: plan, real }), steps)
          await calm(plan, real)
          expect(real.readers).toHaveLength(plan.readers)
        } finally {
          await end()
        }
      }),
      // Shrinking runs the real thing again and again: it ends after a while with the shortest found so far.
      { seed, numRuns: Number(COMMANDS_RUNS), interruptAfterTimeLimit: 120_000, ...(COMMANDS_PATH && { path: COMMANDS_PATH }) },
    )
  })
})
