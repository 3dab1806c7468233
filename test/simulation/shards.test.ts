import { expect, it } from 'vitest'
import type { Level } from '../../src/price.ts'
import { World } from './world.ts'

/** One instance, and a socket that breaks for six seconds while no other opens. */
const worldOf = (seed: string, isRestDown: boolean): World =>
  new World({
    seed,
    faults: [
      ...(isRestDown ? [{ at: 14_500, kind: 'rest-down', who: 0, forMs: 8000, degree: 0 } as const] : []),
      { at: 15_000, kind: 'exchange-reset', who: 0, forMs: 6000, degree: 0.1 },
    ],
    processes: 1,
    lengthMs: 25_000,
    calmMs: 10_000,
  })

it.each([
  { level: 'polling', isRestDown: false },
  { level: 'shared-cache', isRestDown: true },
])('pairs of a socket that is broken are $level, those of another stay live, and all are in the end', async ({ level, isRestDown }) => {
  const seed = Array.from({ length: 40 }, (_, at) => `shards/${at}`).find(one => worldOf(one, isRestDown).exchange.streamsMax === 2)
  const world = worldOf(seed ?? 'none', isRestDown)
  const levels = (): Level[] => {
    const status = world.processes[0]?.instance?.doors.status() as { pairs: Record<string, { level: Level }> } | undefined
    return [...new Set(Object.values(status?.pairs ?? {}).map(({ level }) => level))].sort()
  }
  const seen: Level[][] = []
  for (const at of [14_000, 19_500, 30_000]) world.line.at(at, () => seen.push(levels()))
  const { troubles } = await world.run()
  expect([troubles, seen]).toEqual([[], [['live'], ['live', level], ['live']]])
})
