import type { Head, InspectRecord, Unnumbered } from '../../src/inspect/record.ts'
import { createRecorder, type Recorder } from '../../src/inspect/recorder.ts'
import { recordOf } from '../../src/inspect/text.ts'
import type { Instance } from '../../src/instance.ts'
import type { Outcome, Trace, World } from './world.ts'

/**
 * Writes a simulated world down as the visualizer reads it: every machine of every instance, and what was done to the world, on the
 * world's own time. Looking changes nothing: the trace of a recorded world is the trace it has when nobody looks.
 */
export interface WorldRecorder {
  /** For {@link Outcome}'s world: as `observed`. */
  observed(instance: Instance, world: World): void
  /** The recording's lines, when the world has ended. */
  lines(outcome: Outcome): string[]
}

type Placed = Exclude<Unnumbered, { kind: 'chart' }>
type Chart = Extract<Unnumbered, { kind: 'chart' }>

/** What a simulation notes about who reads where, and as whom. */
const isFault = ({ who, what }: Trace): boolean => who === 'fault' || what.startsWith('TROUBLE')

export function createWorldRecorder(): WorldRecorder {
  const charts = new Map<string, Chart>()
  const records: Placed[] = []
  const recorders = new Map<string, Recorder>()
  /** Actors of each process that were not said to be gone. */
  const present = new Map<string, Set<string>>()

  const tell = (process: string, record: Unnumbered): void => {
    if (record.kind === 'chart') return void charts.set(record.chart.machine, record)
    records.push(record)
    if (record.kind === 'actor') present.get(process)?.add(record.actor)
    if (record.kind === 'gone') present.get(process)?.delete(record.actor)
  }

  /** A killed process says nothing of its end. */
  const bury = (process: string, at: number): void => {
    for (const actor of present.get(process) ?? [])
      records.push({ kind: 'gone', at, actor, status: 'stopped', error: 'the process was killed' })
    present.set(process, new Set())
  }

  return {
    observed: ({ gateway }, world) => {
      const name = gateway.id
      recorders.get(name)?.detach()
      bury(name, world.processes.find(one => one.name === name)?.endedAt ?? world.now)
      const recorder = createRecorder({
        instance: name,
        roots: [{ name: 'gateway', actor: gateway }],
        now: () => world.now,
        tell: record => tell(name, record),
        note: line => tell(name, recordOf(line)),
      })
      recorders.set(name, recorder)
      recorder.attach()
    },
    lines: outcome => {
      for (const [name, recorder] of recorders) {
        recorder.detach()
        if (recorder.faults.count > 0) throw new Error(`recording ${name}: ${recorder.faults.last}`)
      }
      const head: Head = { kind: 'head', version: 1, from: 'simulation', startedAt: 0, title: `seed ${outcome.seed}`, seed: outcome.seed }
      const marks = outcome.trace.map((note): Placed => ({ kind: 'mark', ...whom(note), at: note.at, isFault: isFault(note) }))
      // Each list is in order of time already, but for who was buried late; what happened at one moment stays in its order.
      const numbered = [...marks, ...records]
        .sort((a, b) => a.at - b.at)
        .map((record, at): InspectRecord => ({ ...record, q: at + 1 }) as InspectRecord)
      return [head, ...charts.values(), ...numbered].map(record => JSON.stringify(record))
    },
  }
}

/** A fault is noted as `<kind> <process> <for> ms <degree>`. */
function whom({ who, what }: Trace): { readonly who: string; readonly what: string } {
  const [, kind, process, rest] = (who === 'fault' ? /^(\S+) (\S+) (.*)$/.exec(what) : null) ?? []
  return process === undefined ? { who, what } : { who: process, what: `${kind} ${rest}` }
}
