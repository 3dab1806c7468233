import { describe, expect, it } from 'vitest'
import { createActor, createMachine, type InspectionEvent } from 'xstate'
import { type Told, tap } from '../../src/inspect/tap.ts'

const toggle = createMachine({ id: 'toggle', initial: 'off', states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off' } } } })
const ofFlip = ['@xstate.event', '@xstate.microstep', '@xstate.snapshot']

function start() {
  const root = createActor(toggle).start()
  const { system } = root
  const place = system as { _sendInspectionEvent?: (told: Told) => void }
  const heard = (into: string[]) => (told: Told) => into.push(told.type)
  return { system, place, heard, flip: () => root.send({ type: 'flip' }) }
}

describe('a tap', () => {
  it('hears what XState tells its inspectors, until it is closed, and leaves the system as it was', () => {
    const { system, place, heard, flip } = start()
    const before = place._sendInspectionEvent
    const words: string[] = []
    const close = tap(system, heard(words))
    flip()
    close()
    flip()
    expect(words).toEqual(ofFlip)
    expect(place._sendInspectionEvent).toBe(before)
  })

  it('takes nothing from those who ask XState', () => {
    const { system, heard, flip } = start()
    const told: InspectionEvent[] = []
    system.inspect(one => told.push(one))
    const close = tap(system, heard([]))
    flip()
    close()
    flip()
    expect(told.map(({ type }) => type)).toEqual([...ofFlip, ...ofFlip])
    expect(told.every(({ rootId }) => typeof rootId === 'string')).toBe(true)
  })

  it('is shared: each may close first', () => {
    const { system, place, heard, flip } = start()
    const before = place._sendInspectionEvent
    const [a, b]: [string[], string[]] = [[], []]
    const closeA = tap(system, heard(a))
    const closeB = tap(system, heard(b))
    flip()
    closeA()
    flip()
    closeB()
    expect([a, b]).toEqual([ofFlip, [...ofFlip, ...ofFlip]])
    expect(place._sendInspectionEvent).toBe(before)
  })

  it('lets those be who do the same on top of it, and is found again below them', () => {
    const { system, place, heard, flip } = start()
    const close = tap(system, heard([]))
    const below = place._sendInspectionEvent
    const above = (told: Told) => below?.(told)
    place._sendInspectionEvent = above
    close()
    expect(place._sendInspectionEvent).toBe(above)
    const words: string[] = []
    tap(system, heard(words))
    flip()
    expect(words).toEqual(ofFlip)
  })

  it('asks as the manual says where XState has no such place', () => {
    const words: string[] = []
    const system = {
      inspect: (hear: (told: Told) => void) => {
        hear({ type: '@xstate.actor' } as Told)
        return { unsubscribe: () => words.push('over') }
      },
    }
    tap(system as never, told => words.push(told.type))()
    expect(words).toEqual(['@xstate.actor', 'over'])
  })
})
