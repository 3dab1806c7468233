import type { Hono } from 'hono'
import type { AnyActorRef } from 'xstate'
import { systemClock } from './clock.ts'
import { permissionOf } from './http/admin.ts'
import { createInspection } from './inspect/inspection.ts'
import type { Root } from './inspect/recorder.ts'
import { inspectApp, type SendCheck } from './inspect/routes.ts'
import { machinesPage } from './page.ts'

/**
 * The visualizer for any XState 5 system in any Hono application: `import { visualizer } from 'tickcast/visualizer'`.
 *
 *     app.route('/machines', visualizer(root, { title: 'my system' }))
 */
export interface VisualizerOptions {
  /** Shown on the page, and first word of all paths. */
  readonly title: string
  /**
   * Who may send events to the actors: nobody (false, the default), whoever reaches the port (true), or whoever knows this token.
   * Contexts and events are shown to whoever reaches the port in any case; what looks like a secret is hidden.
   */
  readonly maySend?: boolean | string
  /** Pages open at once; more are told to come back. Default 8. */
  readonly viewersMax?: number
}

/**
 * Routes to be mounted: the page, its feed, and what it loads. The actors may be running already or be started later; they are
 * listened to only while a page is open. `roots`: one root actor, or several.
 */
export function visualizer(
  roots: AnyActorRef | readonly AnyActorRef[],
  { title, maySend = false, viewersMax = 8 }: VisualizerOptions,
): Hono {
  const inspection = createInspection({
    clock: systemClock,
    instance: title.replaceAll('/', ' '),
    title,
    roots: rootsOf(Array.isArray(roots) ? roots : [roots]),
  })
  return inspectApp({ mode: 'live', clock: systemClock, inspection, maySend: checkOf(maySend), viewersMax }, machinesPage).app
}

function checkOf(maySend: boolean | string): SendCheck {
  if (typeof maySend === 'string') return authorization => permissionOf(authorization, maySend)
  return () => (maySend ? 'granted' : 'unset')
}

/** A root nobody named goes by its machine; two of one name are counted. */
function rootsOf(actors: readonly AnyActorRef[]): readonly Root[] {
  const counts = new Map<string, number>()
  return actors.map(actor => {
    const { machine } = actor.getSnapshot() as { readonly machine?: { readonly id: string } }
    const name = (/^x:\d+$/.test(actor.id) ? (machine?.id ?? 'root') : actor.id).replaceAll('/', '%2F')
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return { actor, name: count === 1 ? name : `${name}~${count}` }
  })
}
