import type { Bus } from './bus/bus.ts'
import type { Wanted } from './demand/wanted.ts'
import type { Diary } from './diary.ts'
import { writeHeartbeat } from './heartbeat.ts'
import type { Levels } from './levels.ts'
import { isCached } from './price.ts'
import type { Status } from './status.ts'

export interface PulseOptions {
  readonly instance: string
  readonly bus: Bus
  readonly diary: Pick<Diary, 'role' | 'term' | 'level'>
  readonly wanted: Pick<Wanted, 'everywhere'>
  readonly levels: Pick<Levels, 'of' | 'beat'>
  readonly status: Pick<Status, 'ownTrouble'>
  /** The bus refused our epoch. */
  readonly fenced: () => void
}

/** Returns the leader's heartbeat, to be called every half second on any instance: who does not lead says nothing. */
export const createPulse =
  ({ instance, bus, diary, wanted, levels, status, fenced }: PulseOptions): (() => void) =>
  () => {
    if (diary.role() !== 'leader') return
    const { epoch } = diary.term()
    const stale = [...wanted.everywhere()].filter(pair => isCached(levels.of(pair)))
    const level = diary.level()
    const trouble = level === 'live' ? undefined : status.ownTrouble()
    const heartbeat = { epoch, instance, level, stale, trouble }
    // Who leads no longer is a follower who has heard this: what was stale a moment ago is not live because nobody says otherwise.
    levels.beat(heartbeat)
    void bus.beat(epoch, writeHeartbeat(heartbeat)).then(outcome => {
      if (outcome.kind === 'fenced' && diary.term().epoch === epoch) fenced()
    })
  }
