import { parseArgs } from 'node:util'
import { newSeed, planSoak, soak, writePlan } from './soak-run.ts'

/** `npm run soak`: real processes under random faults. */

const help = `Plays random faults on three real instances, a real Redis and a simulated exchange, and holds what sixty readers saw against what is promised.

  npm run soak -- --minutes N            so long (default: 10)
  npm run soak -- --minutes N --seed S   the same faults again
  npm run soak -- --readers N            so many readers`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string' }, seed: { type: 'string' }, readers: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help) return console.log(help)
  const minutes = Number(values.minutes ?? 10)
  const readers = Number(values.readers ?? 60)
  if (!(minutes > 0) || !(readers >= 3)) throw new Error('--minutes and --readers want numbers above 0; see --help')
  const seed = values.seed ?? newSeed()
  const ms = minutes * 60_000
  const again = `npm run soak -- --minutes ${minutes} --seed ${seed}${values.readers === undefined ? '' : ` --readers ${readers}`}`
  console.log(`${again}\n${writePlan(planSoak(seed, ms))}\n`)
  try {
    await soak({ seed, ms, readers, note: console.log })
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\nThe same again: ${again}`)
    process.exit(1)
  }
  console.log('healed, together again, and nothing seen that may not be')
  process.exit(0)
}

await main()
