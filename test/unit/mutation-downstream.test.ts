import { expect, test } from 'vitest'
import type { RelayEvent } from '../../machines/relay.ts'
import { createBoard } from '../../src/board/board.ts'
import type { Bus, FollowEvents } from '../../src/bus/bus.ts'
import type { Publisher } from '../../src/bus/publisher.ts'
import type { Wanted } from '../../src/demand/wanted.ts'
import { createDownstream } from '../../src/downstream.ts'
import { writeHeartbeat } from '../../src/heartbeat.ts'
import type { Path } from '../../src/path.ts'
import { fakeClock } from '../support/fake-clock.ts'

const heartbeat = Buffer.from(writeHeartbeat({ epoch: 1, instance: 'leader', level: 'live', stale: [] }))

function stage() {
  const clock = fakeClock()
  const lines: FollowEvents[] = []
  const told: RelayEvent[] = []
  const bus = {
    follow: (_: unknown, events: FollowEvents) => {
      lines.push(events)
      return { want: () => {}, stop: () => {} }
    },
  } as unknown as Bus
  const downstream = createDownstream({
    clock,
    bus,
    wanted: { here: () => new Set(['BTC/USD']) } as unknown as Wanted,
    board: createBoard(clock, () => {}),
    publisher: { saw: () => {} } as unknown as Publisher,
    path: { learn: () => {} } as unknown as Path,
    staleAfterMs: 60_000,
    missed: { heard: () => {}, told: () => {} },
    heartbeat: () => {},
    offered: () => {},
    claimed: () => {},
    released: () => {},
    garbled: () => {},
    holed: () => {},
  })
  const join = (): void => void downstream.follow(event => void told.push(event))
  return { clock, lines, told, downstream, join, beat: () => lines.at(-1)?.bulletin('heartbeat', heartbeat) }
}

test('a connection that stands and brings no heartbeat for five seconds is given up, and not before', () => {
  const { clock, downstream, told, join, beat } = stage()
  join()
  clock.advance(4000)
  beat()
  clock.advance(5000)
  downstream.lookDeaf()
  expect(told).toEqual([])
  clock.advance(1)
  downstream.lookDeaf()
  expect(told).toEqual([{ type: 'bus.lost', cause: 'nothing is delivered' }])
})

test('a connection made anew has five seconds of its own', () => {
  const { clock, downstream, told, join } = stage()
  join()
  clock.advance(9000)
  join()
  clock.advance(4999)
  downstream.lookDeaf()
  expect(told).toEqual([])
})
