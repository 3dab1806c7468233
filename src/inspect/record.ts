/**
 * What the visualizer is fed with. A recording is a file of lines (JSONL), each one record; the live feed sends the same records as
 * Server-Sent Events, to the page in fewer signs (brief.ts); a simulation trace is the same again. So one page shows all three.
 *
 * Everything here is plain data that survives JSON. Times are milliseconds since `Head.startedAt`, with decimals.
 */

/** A statechart as a picture needs it: no functions. */
export interface Chart {
  /** The machine's id, `connection`. */
  readonly machine: string
  /** Changes with the chart: key of cached layouts. */
  readonly hash: string
  /** In document order; the first is the root. */
  readonly states: readonly ChartState[]
  readonly edges: readonly ChartEdge[]
}

export interface ChartState {
  /** As XState has it: `connection.connected.settled`; the root: `connection`. */
  readonly id: string
  readonly key: string
  /** Id of the state around it; absent: the root. */
  readonly parent?: string
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history'
  /** Of a history state: it remembers the states inside states as well. */
  readonly isDeep?: true
  /** Id of the child entered first. */
  readonly initial?: string
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  /** `id` and source of each invoked actor. */
  readonly invoke: readonly { readonly id: string; readonly src: string }[]
  readonly tags: readonly string[]
  readonly description?: string
}

export interface ChartEdge {
  /** `<source id>|<event type>|<index among the source's transitions for it>`; an `always` has the type ''. Computed alike from a microstep. */
  readonly id: string
  readonly source: string
  /** Empty: a move without a target. */
  readonly targets: readonly string[]
  readonly kind: 'event' | 'always' | 'after' | 'done' | 'error'
  /** What is read on the arrow: `lease.granted`, `after renewMs`, `always`. */
  readonly label: string
  readonly guard?: string
  readonly actions: readonly string[]
  readonly reenter: boolean
}

/** First line of a recording. */
export interface Head {
  readonly kind: 'head'
  readonly version: 1
  readonly from: 'live' | 'simulation'
  /** Epoch milliseconds; 0 for virtual time. */
  readonly startedAt: number
  readonly title: string
  /** Of a simulation: replays it. */
  readonly seed?: string
}

export interface ChartRecord {
  readonly kind: 'chart'
  readonly chart: Chart
}

export interface OfActor {
  /**
   * Order inside one feed, from 1, without holes. Actors that were there when somebody began to look, and all actors after a `lost`,
   * carry the number of the last record before them (0: none) instead of one of their own: what comes next has the number after it.
   */
  readonly q: number
  readonly at: number
  /** `<instance>/<root>/<child>/…`: stable, unlike XState's session ids. */
  readonly actor: string
}

/** What an actor is at a moment. */
export interface Moment {
  /** Ids of the active leaf states; empty for actors that are no machines. */
  readonly active: readonly string[]
  /** As XState has it, for {@link Chart}s and replays. */
  readonly value?: unknown
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  /** Made safe: cut in depth, size and length; cycles, functions and actors are named in a string. */
  readonly context?: unknown
}

/** An actor is there: sent for each when somebody begins to look, and as they come. */
export interface ActorRecord extends OfActor {
  readonly kind: 'actor'
  /** Its machine's id; absent: a callback, promise, observable or transition actor. */
  readonly machine?: string
  /** The name of its logic in its parent, `acquire`. */
  readonly src?: string
  readonly parent?: string
  readonly moment: Moment
}

/** A message arrived at an actor. */
export interface EventRecord extends OfActor {
  readonly kind: 'event'
  /** Path of who sent it; absent: from outside. */
  readonly source?: string
  readonly event: { readonly type: string; readonly [field: string]: unknown }
}

/** A machine took edges. One record per macrostep. */
export interface StepRecord extends OfActor {
  readonly kind: 'step'
  readonly source?: string
  readonly event: { readonly type: string; readonly [field: string]: unknown }
  /** Ids of {@link ChartEdge}s in the order taken; empty: the event was ignored. */
  readonly edges: readonly string[]
  /** Custom actions run, by name. */
  readonly actions: readonly string[]
  /** How long it took, milliseconds. */
  readonly took: number
  readonly moment: Moment
}

/** It stopped, was done or died. */
export interface GoneRecord extends OfActor {
  readonly kind: 'gone'
  readonly status: 'done' | 'error' | 'stopped'
  readonly error?: string
}

/** Something on the time line that no actor did: a fault of the simulation, a word of an operator. */
export interface MarkRecord {
  readonly kind: 'mark'
  readonly q: number
  readonly at: number
  /** Whom it met: an instance, a link, `exchange`, `store`. */
  readonly who: string
  readonly what: string
  readonly isFault: boolean
}

/** The ring was overrun, or a slow viewer was spared: snapshots of all actors follow. */
export interface LostRecord {
  readonly kind: 'lost'
  readonly q: number
  readonly at: number
  readonly records: number
}

export type InspectRecord = Head | ChartRecord | ActorRecord | EventRecord | StepRecord | GoneRecord | MarkRecord | LostRecord

type WithoutNumber<R> = R extends { readonly q: number } ? Omit<R, 'q'> : R
/** A record on its way to a feed, which numbers it. */
export type Unnumbered = WithoutNumber<Exclude<InspectRecord, Head | LostRecord>>
