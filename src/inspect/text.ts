import type { EventRecord, Moment, StepRecord } from './record.ts'

/** A part of a record, and the same as JSON: made once, told many times. */
export interface Part<T> {
  readonly shown: T
  readonly json: string
}

/**
 * The two records there are most of, in parts that were written before: an event is over in a few microseconds, and what is made for
 * it and kept costs more than that. JSON is put together from the parts when somebody reads it.
 */
export interface Line {
  readonly at: number
  readonly actor: Name
  readonly source: Name | undefined
  readonly event: Part<EventRecord['event']>
  /** Of a step. */
  readonly step: { readonly did: Part<Did>; readonly took: number; readonly moment: Part<Moment> } | undefined
}

export type Did = Pick<StepRecord, 'edges' | 'actions'>

/** An actor's path in all the places where it is written. */
export interface Name {
  readonly path: string
  readonly asEvent: string
  readonly asStep: string
  readonly asSource: string
}

export function nameOf(path: string): Name {
  const actor = `"actor":${JSON.stringify(path)}`
  return {
    path,
    asEvent: `"kind":"event",${actor}`,
    asStep: `"kind":"step",${actor}`,
    asSource: `,"source":${JSON.stringify(path)}`,
  }
}

/** The record that a line is. */
export function recordOf({ at, actor, source, event, step }: Line): Omit<EventRecord, 'q'> | Omit<StepRecord, 'q'> {
  const common = { at, actor: actor.path, ...(source !== undefined && { source: source.path }), event: event.shown }
  if (step === undefined) return { kind: 'event', ...common }
  return { kind: 'step', ...common, ...step.did.shown, took: step.took, moment: step.moment.shown }
}
