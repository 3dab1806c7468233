/** How the demand of one instance is written, and read back with distrust: others may write to the same Redis. */
import type { Pair } from '../price.ts'

/** Instances read at once; a fleet has tens. */
export const instancesMax = 1000
/** Pairs taken from one instance. */
export const pairsMax = 5000
const charactersMax = 512 * 1024

const pairShape = /^[^"\\\s\p{Cc}]{3,60}$/u
const instanceShape = /^[\x21-\x7e]{1,200}$/

export const isInstance = (value: unknown): value is string => typeof value === 'string' && instanceShape.test(value)

const isPair = (value: unknown): value is Pair => typeof value === 'string' && pairShape.test(value)

export const writeDemand = (pairs: readonly Pair[]): string => JSON.stringify(pairs)

/** Undefined: not a demand at all. What is not a pair in a demand is left out. */
export function readDemand(text: string | undefined): readonly Pair[] | undefined {
  if (text === undefined || text.length > charactersMax) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.filter(isPair).slice(0, pairsMax) : undefined
  } catch {
    return undefined
  }
}
