import { z } from 'zod'
import { levels } from './price.ts'

/** What an instance and its workers tell each other of themselves (tube.ts carries it). */

const told = z.object({
  level: z.enum(levels),
  role: z.string(),
  since: z.number(),
  /** Pairs whose level is another than the instance's. */
  pairs: z.record(z.string(), z.enum(levels)),
})
export type Told = z.infer<typeof told>

const sample = z.object({ labels: z.record(z.string(), z.string()), value: z.number() })
const metric = z.object({ name: z.string(), kind: z.enum(['counter', 'gauge']), help: z.string(), samples: z.array(sample) })
const count = z.object({ readers: z.number(), metrics: z.array(metric) })
export type Count = z.infer<typeof count>

export const readTold = (bytes: Buffer): Told | undefined => told.safeParse(JSON.parse(bytes.toString())).data
export const readCount = (bytes: Buffer): Count | undefined => count.safeParse(JSON.parse(bytes.toString())).data
