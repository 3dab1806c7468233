import { expect, it } from 'vitest'
import { redisAvailable } from '../support/redis.ts'
import { newSeed, planSoak, soak, writePlan } from './soak-run.ts'

it.skipIf(!redisAvailable)(
  'a minute of random faults breaks no promise, and heals',
  async () => {
    const [seed, ms] = [newSeed(), 60_000]
    const plan = planSoak(seed, ms)
    expect(planSoak(seed, ms)).toEqual(plan)
    expect(plan.length).toBeGreaterThan(5)
    await soak({ seed, ms }).catch((error: Error) => {
      throw new Error(`npm run soak -- --minutes 1 --seed ${seed}\n${writePlan(plan)}\n${error.message}`)
    })
  },
  180_000,
)
