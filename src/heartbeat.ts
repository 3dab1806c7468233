import { z } from 'zod'
import { type Level, levels, type Pair } from './price.ts'

/** What the leader tells every half second: that it lives, where its prices come from, and which of them are not what that says. */
export interface Heartbeat {
  readonly epoch: number
  readonly instance: string
  readonly level: Level
  readonly stale: readonly Pair[]
  /** What went wrong last, while the level is not live. A leader of an earlier version does not say it. */
  readonly trouble?: Trouble | undefined
}

/** What went wrong, and when by the wall clock, in milliseconds. */
export interface Trouble {
  readonly message: string
  readonly at: number
}

export const heartbeatEveryMs = 500
/** Without one for so long, nobody vouches for the prices on the bus: three lost in a row. */
export const heartbeatMissedAfterMs = 1600

/** Longest heartbeat taken from the bus: 5,000 stale pairs with the longest names. */
const bytesMax = 512 * 1024

const shape = z.object({
  epoch: z.number().int().nonnegative(),
  instance: z.string().max(200),
  level: z.enum(levels),
  stale: z.array(z.string().max(60)).max(5000),
  trouble: z
    .object({ message: z.string().max(300), at: z.number() })
    .optional()
    .catch(undefined),
})

export const writeHeartbeat = (heartbeat: Heartbeat): string => JSON.stringify(heartbeat)

export function readHeartbeat(payload: Buffer): Heartbeat | undefined {
  if (payload.length > bytesMax) return undefined
  try {
    return shape.safeParse(JSON.parse(payload.toString('utf8'))).data
  } catch {
    return undefined
  }
}
