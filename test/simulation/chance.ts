/** A stream of random numbers from a text (sfc32). Fork one per subsystem, so that what one draws never shifts what another gets. */
export interface Chance {
  /** In [0, 1). */
  next(): number
  between(min: number, max: number): number
  whole(min: number, max: number): number
  happens(probability: number): boolean
  pick<T>(from: readonly T[]): T
  fork(name: string): Chance
}

export function createChance(seed: string): Chance {
  let [a, b, c] = [hash(`${seed}/a`), hash(`${seed}/b`), hash(`${seed}/c`)]
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 4_294_967_296
  }
  for (let warm = 0; warm < 12; warm += 1) next()
  const chance: Chance = {
    next,
    between: (min, max) => min + next() * (max - min),
    whole: (min, max) => min + Math.floor(next() * (max - min + 1)),
    happens: probability => next() < probability,
    pick: from => {
      const picked = from[Math.floor(next() * from.length)]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    },
    fork: name => createChance(`${seed}/${name}`),
  }
  return chance
}

/** FNV-1a, 32 bits. */
export function hash(text: string, from = 2_166_136_261): number {
  let value = from
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 16_777_619)
  return value >>> 0
}
