import type { AnyActorRef, AnyMachineSnapshot } from 'xstate'
import { type Standing, standingOf } from './chart.ts'
import type { Moment } from './record.ts'
import { type SafeLimits, safe } from './safe.ts'
import type { Part } from './text.ts'

export interface AnySnapshot {
  readonly status: Moment['status']
  readonly error?: unknown
  readonly context?: unknown
  readonly children?: Readonly<Record<string, AnyActorRef | undefined>>
}

export const isMachine = (snapshot: AnySnapshot): snapshot is AnySnapshot & AnyMachineSnapshot =>
  '_nodes' in snapshot && 'machine' in snapshot

const noStates: Standing = { active: [], value: undefined, json: '"active":[]' }

/** Of one actor: what it is at a moment, from its snapshots. What is as it was is not copied or written again. */
export function createMoments(limits: SafeLimits): (snapshot: AnySnapshot) => Part<Moment> {
  let context: unknown
  let shownContext: unknown
  let contextJson = ''
  const known = new Map<Standing, Part<Moment>>()

  const make = ({ status }: AnySnapshot, { active, value, json }: Standing): Part<Moment> => ({
    shown: { active, ...(value !== undefined && { value }), status, ...(shownContext !== undefined && { context: shownContext }) },
    json: `{${json},"status":"${status}"${contextJson}}`,
  })

  return snapshot => {
    // XState makes a new object when a context changes.
    if (snapshot.context !== context) {
      context = snapshot.context
      shownContext = safe(context, limits)
      contextJson = shownContext === undefined ? '' : `,"context":${JSON.stringify(shownContext)}`
      known.clear()
    }
    const standing = isMachine(snapshot) ? standingOf(snapshot) : noStates
    if (snapshot.status !== 'active') return make(snapshot, standing)
    const before = known.get(standing)
    if (before !== undefined) return before
    const moment = make(snapshot, standing)
    known.set(standing, moment)
    return moment
  }
}
