import { expect, test } from 'vitest'
import { createBoard } from '../../src/board/board.ts'
import { createHub } from '../../src/board/hub.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { recordingOutlet, updateOf } from '../support/outlet.ts'

test.each(['latest', 'every'] as const)('when the last reader of a pair has left, its prices cost nothing any more (mode=%s)', mode => {
  const clock = fakeClock()
  const board = createBoard(clock, entry => hub.changed(entry))
  const hub = createHub({ clock, board, levelOf: () => 'live', status: () => ({ level: 'live', role: 'leader', since: 0 }) })
  const idle = clock.waiting
  const options = { pairs: ['BTC/USD'], mode, intervalMs: 0, preface: '', after: undefined }
  const seat = hub.join(options, recordingOutlet())
  board.apply(updateOf({ at: 1 }), clock.wall())
  expect(clock.waiting).toBe(idle + 1)
  clock.advance(10)
  seat.leave()
  board.apply(updateOf({ at: 2 }), clock.wall())
  expect(clock.waiting).toBe(idle)
  hub.stop()
})
