import type { AnyActorRef, AnyEventObject } from 'xstate'
import { chartOf, edgesOf, type Microstep } from './chart.ts'
import { Deeds } from './did.ts'
import { type AnySnapshot, createMoments, isMachine } from './moment.ts'
import { createPaths, srcOf } from './paths.ts'
import type { GoneRecord, Moment, Unnumbered } from './record.ts'
import { messageOf, type SafeLimits, safe, safeLimits } from './safe.ts'
import { type Told, tap } from './tap.ts'
import { type Line, type Name, nameOf, type Part } from './text.ts'

/**
 * Turns what running actors tell their inspectors into records.
 *
 * Attached only while somebody looks. An exception in an inspector kills the actor it looks at,
 * so none leaves this file.
 *
 * An event with fields is read when it arrives, because whoever sent it may change it afterwards. A context is read when it is another
 * object than before: XState makes a new one for each change, and what is changed inside of an old one is not seen.
 */
export interface Recorder {
  /** Tells who is there, then what happens, until `detach`. Twice is once. */
  attach(): void
  detach(): void
  readonly isAttached: boolean
  /** XState tells nobody that a root died by its own exception: looks for that. */
  look(): void
  /** The running actor at a path; only while attached. */
  find(path: string): AnyActorRef | undefined
  /** What went wrong in here, instead of in an actor. */
  readonly faults: { readonly count: number; readonly last: string }
}

export interface Root {
  /** First word of its actors' paths after the instance. */
  readonly name: string
  readonly actor: AnyActorRef
}

export interface RecorderOptions {
  /** First word of all paths. */
  readonly instance: string
  readonly roots: readonly Root[]
  /** Milliseconds since the head's startedAt, with decimals. */
  readonly now: () => number
  readonly tell: (record: Unnumbered) => void
  /** What arrived and what was done for it, which is most of all there is to tell. */
  readonly note: (line: Line) => void
  readonly limits?: SafeLimits
}

type ShownEvent = Line['event']

/** An event on its way through an actor. */
interface Arrived {
  readonly event: AnyEventObject
  readonly shown: ShownEvent
  readonly source: Watched | undefined
  readonly at: number
}

/** What is known of an actor between its events. */
interface Watched {
  readonly name: Name
  readonly momentOf: (snapshot: AnySnapshot) => Part<Moment>
  /** Arrived, and not yet worked off; the last one ends with its snapshot. */
  readonly arrived: Arrived[]
  done: Deeds
  endedAt: number
  isTold: boolean
  /** XState goes on speaking of an actor that is over. */
  isGone: boolean
}

/** Events of one actor that wait for their turn; more than that are not told apart. */
const arrivedMax = 256
const bareEventsMax = 1000

export function createRecorder({ instance, roots, now, tell, note, limits = safeLimits }: RecorderOptions): Recorder {
  const rootNames = new Map(roots.map(({ actor, name }) => [actor, `${instance}/${name}`]))
  const faults = { count: 0, last: '' }
  let stops: (() => void)[] = []
  let watched = new WeakMap<AnyActorRef, Watched>()
  /** Whoever spoke last mostly speaks next. */
  let lastActor: AnyActorRef | undefined
  let lastWatched: Watched | undefined
  let nothing = new Deeds()
  let paths = createPaths(rootPath)
  /** By type. */
  const bareEvents = new Map<string, ShownEvent>()
  const within: SafeLimits = { ...limits, actorName: actor => paths.of(actor as AnyActorRef) }

  function rootPath(root: AnyActorRef): string {
    return rootNames.get(root) ?? `${instance}/${root.id}`
  }

  const blame = (fault: unknown): void => {
    faults.count += 1
    faults.last = messageOf(fault)
  }

  const contained = (work: () => void): void => {
    try {
      work()
    } catch (fault) {
      blame(fault)
    }
  }

  const watch = (actor: AnyActorRef): Watched => {
    if (lastWatched !== undefined && lastActor === actor) return lastWatched
    const one = watched.get(actor) ?? begin(actor)
    lastActor = actor
    lastWatched = one
    return one
  }

  const begin = (actor: AnyActorRef): Watched => {
    const name = nameOf(paths.of(actor))
    const one = { name, momentOf: createMoments(within), arrived: [], done: nothing, endedAt: 0, isTold: false, isGone: false }
    watched.set(actor, one)
    return one
  }

  const shownOf = (event: AnyEventObject): ShownEvent => {
    const known = isBare(event) ? bareEvents.get(event.type) : undefined
    if (known !== undefined) return known
    const shown = safe(event, within) as ShownEvent['shown']
    const made = { shown, json: JSON.stringify(shown) }
    if (isBare(event) && bareEvents.size < bareEventsMax) bareEvents.set(event.type, made)
    return made
  }

  /** Says that an actor is there, its chart first. */
  const introduce = (actor: AnyActorRef, one: Watched): void => {
    if (one.isTold) return
    one.isTold = true
    const snapshot: AnySnapshot = actor.getSnapshot()
    if (isMachine(snapshot)) tell({ kind: 'chart', chart: chartOf(snapshot.machine) })
    const src = srcOf(actor)
    const parent = actor._parent === undefined ? undefined : watch(actor._parent).name.path
    tell({
      kind: 'actor',
      at: rounded(now()),
      actor: one.name.path,
      ...(isMachine(snapshot) && { machine: snapshot.machine.id }),
      ...(src !== undefined && { src }),
      ...(parent !== undefined && { parent }),
      moment: one.momentOf(snapshot).shown,
    })
  }

  const leave = (actor: AnyActorRef, status: GoneRecord['status'], error?: unknown): void => {
    const one = watch(actor)
    if (one.isGone) return
    one.isGone = true
    // Another one may have taken its place under the same name.
    const isReplaced = paths.find(one.name.path) !== actor
    paths.forget(actor)
    if (isReplaced) return
    tell({ kind: 'gone', at: rounded(now()), actor: one.name.path, status, ...(error !== undefined && { error: messageOf(error) }) })
  }

  const arrive = (actor: AnyActorRef, event: AnyEventObject, sourceRef: AnyActorRef | undefined): void => {
    const source = sourceRef === undefined ? undefined : watch(sourceRef)
    if (sourceRef !== undefined && event.type.startsWith('xstate.error.actor.')) leave(sourceRef, 'error', event.error)
    const one = watch(actor)
    const at = rounded(now())
    const shown = shownOf(event)
    if (!one.isGone) {
      introduce(actor, one)
      if (event.type === 'xstate.init') return
      one.arrived.push({ event, shown, source, at })
      if (one.arrived.length > arrivedMax) one.arrived.shift()
    }
    note({ at, actor: one.name, source: source?.name, event: shown, step: undefined })
  }

  /** The end of a macrostep: everything the actor did for this event is known. */
  const finish = (actor: AnyActorRef, one: Watched, event: AnyEventObject, snapshot: AnySnapshot): void => {
    introduce(actor, one)
    const arrived = takeArrived(one, event)
    const at = rounded(now())
    const { done, endedAt } = one
    one.done = nothing
    one.endedAt = at
    const isQuietStart = event.type === 'xstate.init' && done.isNothing
    if (isMachine(snapshot) && !isQuietStart && event.type !== 'xstate.stop') {
      const took = arrived === undefined ? 0 : rounded(at - Math.max(arrived.at, endedAt))
      const step = { did: done.part, took, moment: one.momentOf(snapshot) }
      note({ at, actor: one.name, source: arrived?.source?.name, event: arrived?.shown ?? shownOf(event), step })
    }
    if (nothing.isFull) nothing = new Deeds()
    // What an actor was when its snapshot was taken: it may have died of its first actions.
    const { status } = actor.getSnapshot() as AnySnapshot
    if (status !== 'active') leave(actor, status, 'error' in snapshot ? snapshot.error : undefined)
  }

  const take = (inspected: Told): void => {
    const actor = inspected.actorRef as AnyActorRef
    if (inspected.type === '@xstate.event') return arrive(actor, inspected.event, inspected.sourceRef as AnyActorRef | undefined)
    // Not there yet: another one may still have its name.
    if (inspected.type === '@xstate.actor') return
    const one = watch(actor)
    if (one.isGone) return
    switch (inspected.type) {
      case '@xstate.microstep':
        for (const edge of edgesOf(inspected as Microstep)) one.done = one.done.and('edges', edge)
        return
      case '@xstate.action':
        if (!inspected.action.type.startsWith('xstate.')) one.done = one.done.and('actions', inspected.action.type)
        return
      case '@xstate.snapshot':
        return finish(actor, one, inspected.event, inspected.snapshot as AnySnapshot)
    }
  }

  const hear = (inspected: Told): void => {
    try {
      take(inspected)
    } catch (fault) {
      blame(fault)
    }
  }

  /** Everybody who is there already. */
  const walk = (actor: AnyActorRef): void => {
    const snapshot: AnySnapshot = actor.getSnapshot()
    introduce(actor, watch(actor))
    if (snapshot.status !== 'active') return leave(actor, snapshot.status, snapshot.error)
    for (const child of Object.values(snapshot.children ?? {})) if (child !== undefined) walk(child)
  }

  return {
    get isAttached() {
      return stops.length > 0
    },
    faults,
    attach: () => {
      if (stops.length > 0) return
      for (const { actor } of roots) {
        contained(() => walk(actor))
        stops.push(tap(actor.system, hear))
      }
    },
    detach: () => {
      for (const stop of stops) stop()
      stops = []
      watched = new WeakMap()
      lastActor = undefined
      lastWatched = undefined
      paths = createPaths(rootPath)
    },
    look: () =>
      contained(() => {
        for (const { actor } of roots) {
          const { status, error } = actor.getSnapshot() as AnySnapshot
          if (status === 'error') leave(actor, 'error', error)
        }
      }),
    find: path => paths.find(path),
  }
}

/** Microseconds are enough, and half as long to write. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000

/** Nothing but a type, as most messages between machines are. */
function isBare(event: AnyEventObject): boolean {
  for (const field in event) if (field !== 'type') return false
  return true
}

/** What arrived with this event; those before it will not end any more. */
function takeArrived({ arrived }: Watched, event: AnyEventObject): Arrived | undefined {
  if (arrived[0]?.event === event) return arrived.shift()
  const place = arrived.findIndex(waiting => waiting.event === event)
  return place < 0 ? undefined : arrived.splice(0, place + 1)[place]
}
