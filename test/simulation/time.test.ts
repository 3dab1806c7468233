import { expect, it } from 'vitest'
import { createChance } from './chance.ts'
import { ProcessClock, TimeLine } from './time.ts'

const chance = createChance('time')

it('does a chain of waits each at its own moment', () => {
  const line = new TimeLine()
  const seen: number[] = []
  const again = (): void => {
    seen.push(line.now)
    if (seen.length < 4) line.at(line.now + 100, again)
  }
  line.at(100, again)
  while (line.step(1000)) {}
  expect(seen).toEqual([100, 200, 300, 400])
  expect(line.now).toBe(1000)
})

it('keeps the order of moments, then of asking, over thousands of waits', () => {
  const line = new TimeLine()
  const seen: [number, number][] = []
  for (let order = 0; order < 5000; order += 1) {
    const moment = chance.whole(0, 300)
    line.at(moment, () => seen.push([moment, order]))
  }
  while (line.step(1000)) {}
  expect(seen).toEqual([...seen].sort((a, b) => a[0] - b[0] || a[1] - b[1]))
  expect(seen.length).toBe(5000)
})

it('a paused process does nothing until it goes on, and can then still cancel what came due', () => {
  const line = new TimeLine()
  const clock = new ProcessClock(line, chance)
  const seen: string[] = []
  clock.setTimeout(() => {
    seen.push('first')
    clock.clearTimeout(second)
  }, 10)
  const second = clock.setTimeout(() => seen.push('second'), 20)
  clock.pause()
  while (line.step(100)) {}
  expect(seen).toEqual([])
  clock.resume()
  while (line.step(200)) {}
  expect(seen).toEqual(['first'])
  expect(clock.pending).toBe(0)
})

it('what was cancelled is no step', () => {
  const line = new TimeLine()
  const clock = new ProcessClock(line, chance)
  clock.clearTimeout(clock.setTimeout(() => expect.unreachable(), 10))
  expect(line.step(100)).toBe(false)
})

it('a dead process does nothing ever again', () => {
  const line = new TimeLine()
  const clock = new ProcessClock(line, chance)
  clock.setTimeout(() => expect.unreachable(), 10)
  clock.kill()
  clock.deliver(() => expect.unreachable())
  while (line.step(100)) {}
})

it('a fast clock sees its timers early and its hour wrong', () => {
  const line = new TimeLine()
  const clock = new ProcessClock(line, chance, { rate: 2, wallOffsetMs: 3_600_000 })
  let at = 0
  clock.setTimeout(() => {
    at = line.now
  }, 100)
  while (line.step(100)) {}
  expect(at).toBe(50)
  expect(clock.now()).toBe(200)
})
