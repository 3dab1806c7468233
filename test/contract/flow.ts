import { expect } from 'vitest'
import type { Bus } from '../../src/bus/bus.ts'
import type { Recording } from './subject.ts'

export const pairsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `P${index}/USD`)

/** Publishes numbered prices of every pair, four calls at a time, until stopped. Each says which number its pair's previous one had. */
export function flow(bus: Bus, epoch: number, pairs: readonly string[]): { readonly sent: () => number; stop(): Promise<void> } {
  let sequence = 0
  let stopped = false
  const last = new Map<string, number>()
  const message = (pair: string) => {
    const prev = last.get(pair) ?? 0
    sequence += 1
    last.set(pair, sequence)
    return { pair, payload: `${prev} ${sequence}` }
  }
  const publish = async () => {
    while (!stopped) expect(await bus.publish(epoch, pairs.map(message))).toEqual({ kind: 'accepted', uncached: 0 })
  }
  const running = Promise.all([publish(), publish(), publish(), publish()])
  return {
    sent: () => sequence,
    stop: async () => {
      stopped = true
      await running
    },
  }
}

export function expectUnbroken({ texts }: Recording, pair: string): void {
  const links = texts(pair).map(text => text.split(' ').map(Number))
  for (const [index, link] of links.entries()) {
    const before = links[index - 1]
    if (before !== undefined) expect(link[0], `${pair} after ${before[1]}`).toBe(before[1])
  }
}
