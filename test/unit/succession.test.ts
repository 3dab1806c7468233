import { expect, test } from 'vitest'
import type { Diary } from '../../src/diary.ts'
import type { Path } from '../../src/path.ts'
import { createSuccession } from '../../src/succession.ts'

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

function stage(answers: readonly boolean[]) {
  const told: string[] = []
  const now = { role: 'follower' as ReturnType<Diary['role']>, isStandby: false }
  let isHeld = false
  const path = {
    hold: () => {
      isHeld = true
    },
    resume: () => {
      isHeld = false
      told.push('resume')
    },
    drop: () => {
      isHeld = false
    },
    get isHeld() {
      return isHeld
    },
  } as unknown as Path
  const left = [...answers]
  const readStored = async (): Promise<boolean> => {
    told.push('read')
    return left.shift() ?? false
  }
  const diary = { role: () => now.role, isStandby: () => now.isStandby }
  const succession = createSuccession({ path, diary, readStored })
  const turn = async (next: Partial<typeof now>): Promise<void> => {
    Object.assign(now, next)
    succession.look()
    await settle()
  }
  return { told, turn, path }
}

test('a successor publishes what waited when it knows what is stored', async () => {
  const { told, turn, path } = stage([true])
  await turn({ isStandby: true })
  expect(path.isHeld).toBe(true)
  await turn({ role: 'leader', isStandby: false })
  expect(told).toEqual(['read', 'resume'])
})

test('what could not be read is asked for again, not for ever, and not by who leads no more', async () => {
  const slow = stage([false, false, true])
  await slow.turn({ isStandby: true })
  await slow.turn({ role: 'leader', isStandby: false })
  expect(slow.told).toEqual(['read', 'read', 'read', 'resume'])
  const never = stage([])
  await never.turn({ isStandby: true })
  await never.turn({ role: 'leader', isStandby: false })
  expect(never.told).toEqual([...Array(8).fill('read'), 'resume'])
  const alone = stage([])
  await alone.turn({ isStandby: true })
  await alone.turn({ role: 'solo', isStandby: false })
  expect(alone.told).toEqual(['resume'])
})

test('who does not succeed after all forgets what waited', async () => {
  const { told, turn, path } = stage([])
  await turn({ isStandby: true })
  await turn({ isStandby: false })
  expect(path.isHeld).toBe(false)
  expect(told).toEqual([])
})
