import type { AnyActorRef } from 'xstate'
import { every, type InspectClock } from './beat.ts'
import { createFleet, type Telling } from './fleet.ts'
import type { Head } from './record.ts'
import { createRecorder, type Root } from './recorder.ts'
import type { SafeLimits } from './safe.ts'
import { createTimeline, type Timeline, type TimelineOptions } from './timeline.ts'

/** One instance under inspection: records itself, and hears the others, while somebody looks; costs nothing else. */
export interface Inspection {
  readonly timeline: Timeline
  /** First word of the paths of its own actors. */
  readonly instance: string
  /** Somebody looks, until the returned function is called. */
  look(): () => void
  readonly isAttached: boolean
  /** Something on the time line that no actor did. */
  mark(who: string, what: string, isFault: boolean): void
  /** A running actor of this instance, whether somebody looks or not. */
  find(path: string): AnyActorRef | undefined
  /** Another instance said on the bus that somebody looks at it. */
  called(text: string): void
  readonly faults: { readonly count: number; readonly last: string }
  /** For good. */
  stop(): void
}

export interface InspectionOptions {
  readonly clock: InspectClock
  /** First word of all paths. */
  readonly instance: string
  readonly title: string
  readonly roots: readonly Root[]
  /** To the other instances; without it this one is alone. */
  readonly telling?: Telling | undefined
  readonly limits?: SafeLimits
  readonly bounds?: Omit<TimelineOptions, 'head'>
}

/** How often a root is looked at that may have died without a word. */
const lookEveryMs = 250

export function createInspection(options: InspectionOptions): Inspection {
  const { clock, instance, title, roots, telling, limits, bounds } = options
  const startedAt = clock.wall()
  const began = clock.now()
  const head: Head = { kind: 'head', version: 1, from: 'live', startedAt, title }
  const now = (): number => clock.now() - began
  const timeline = createTimeline({ head, ...bounds })
  let lookers = 0
  let stopBeat = (): void => {}

  const recorder = createRecorder({
    instance,
    roots,
    now,
    tell: record => {
      timeline.push(record)
      fleet?.own?.push(record)
    },
    note: line => {
      timeline.note(line)
      fleet?.own?.note(line)
    },
    ...(limits !== undefined && { limits }),
  })

  /** Somebody looks here, or at another instance that shows us. */
  const attach = (): (() => void) => {
    lookers += 1
    if (lookers === 1) {
      recorder.attach()
      stopBeat = every(clock, lookEveryMs, recorder.look)
    }
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      lookers -= 1
      if (lookers > 0) return
      stopBeat()
      recorder.detach()
      timeline.clear()
    }
  }

  const fleet = telling === undefined ? undefined : createFleet({ clock, instance, telling, timeline, now, attach })

  return {
    timeline,
    instance,
    get isAttached() {
      return recorder.isAttached
    },
    look: () => {
      const detach = attach()
      const leave = fleet?.look()
      return () => {
        leave?.()
        detach()
      }
    },
    mark: (who, what, isFault) => timeline.push({ kind: 'mark', at: now(), who, what, isFault }),
    find: path => {
      // Attached for this moment, all actors are known.
      const detach = attach()
      const actor = recorder.find(path)
      detach()
      return actor
    },
    called: text => fleet?.called(text),
    faults: recorder.faults,
    stop: () => fleet?.stop(),
  }
}
