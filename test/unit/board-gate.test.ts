import { expect, test } from 'vitest'
import { createGate } from '../../src/board/gate.ts'
import { fakeClock } from '../support/fake-clock.ts'

const admitted = (gate: ReturnType<typeof createGate>, tries: number, readers = 0): number => {
  let count = 0
  for (let at = 0; at < tries; at += 1) if (gate.admit(readers)) count += 1
  return count
}

test('a rush is let in up to twice what may come in a second, then at that rate, whatever the pace of asking', () => {
  const clock = fakeClock()
  const gate = createGate({ clock, readersMax: 1_000_000, joinsPerSecond: 100 })
  expect(admitted(gate, 1000)).toBe(200)
  let later = 0
  for (let turn = 0; turn < 100; turn += 1) {
    clock.advance(100)
    later += admitted(gate, turn % 2 === 0 ? 1 : 50)
  }
  expect(later).toBeGreaterThan(990)
  expect(later).toBeLessThanOrEqual(1000)
  clock.advance(3_600_000)
  expect(admitted(gate, 1000)).toBe(200)
  expect(gate.counts()).toEqual({ full: 0, rush: 1000 - 200 + 2550 - later + 800, 'no-room': 0 })
})

test('who finds all seats taken takes no leave from others', () => {
  const clock = fakeClock()
  const gate = createGate({ clock, readersMax: 10, joinsPerSecond: 1 })
  expect(admitted(gate, 50, 10)).toBe(0)
  expect(admitted(gate, 50, 9)).toBe(2)
  expect(gate.counts()).toMatchObject({ full: 50, rush: 48 })
})

test('without a limit everybody is let in as long as there are seats', () => {
  const gate = createGate({ clock: fakeClock(), readersMax: 10, joinsPerSecond: 0 })
  expect([admitted(gate, 50_000), admitted(gate, 1, 10)]).toEqual([50_000, 0])
})
