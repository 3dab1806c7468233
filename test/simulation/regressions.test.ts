import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { mutations } from '../mutation/mutations.ts'
import { readRegressions } from './regressions.ts'
import { play } from './run.ts'

const regressions = readRegressions(fileURLToPath(new URL('./regressions', import.meta.url)))

it.each(regressions)('no world shows again: $bug', async ({ seed, faults }) => {
  expect((await play(seed, faults)).troubles).toEqual([])
})

it('each is the world of a bug that can be put back', () => {
  const names = new Set(mutations.map(({ name }) => name))
  expect(regressions.filter(({ bug }) => !names.has(bug))).toEqual([])
})
