import { z } from 'zod'
import { isPrice } from './binance-message.ts'

const amount = z
  .string()
  .regex(/^-?\d{1,20}(\.\d{1,20})?$/)
  .optional()
  .catch(undefined)
const whole = z.number().int().nonnegative().optional().catch(undefined)
const seed = z.object({
  price: z.string().refine(isPrice),
  tradeId: whole,
  exchangeTime: whole,
  bid: amount,
  ask: amount,
  open24h: amount,
  high24h: amount,
  low24h: amount,
  volume24h: amount,
  change24h: amount,
  changePercent24h: amount,
  source: z.enum(['websocket', 'rest']).catch('websocket'),
})

const absent = Object.fromEntries(Object.keys(seed.shape).map(name => [name, undefined]))

/**
 * Reads the body of a price as price.ts writes it. It may come from another instance over the bus, so it may be anything.
 * What it does not say is there and undefined.
 */
export function readSeed(body: string): z.output<typeof seed> | undefined {
  try {
    const known = seed.safeParse(JSON.parse(`{${body}`))
    return known.success ? { ...absent, ...known.data } : undefined
  } catch {
    return undefined
  }
}
