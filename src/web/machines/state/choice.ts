import { computed, effect, signal } from '@preact/signals'
import type { Chart, Moment, StepRecord } from '../../../inspect/record.ts'
import { createSieve, everything, type Filter } from '../record/filter.ts'
import type { Counts } from '../record/heat.ts'
import { livesAt, momentAt, type Track } from '../record/track.ts'
import { history, now, version } from './session.ts'

/** What somebody chose to look at. */
export const actor = signal<string | undefined>(undefined)
/** All actors of the machine instead of one. */
export const isCrowd = signal(false)
export const filter = signal<Filter>(everything)
export const side = signal<'state' | 'next'>('state')
export const foot = signal<'log' | 'sequence'>('log')
export const isHot = signal(false)
/** Counts from a coverage file, by machine; undefined: those of this session. */
export const foreignHeat = signal<ReadonlyMap<string, Counts> | undefined>(undefined)

export const aim = (change: Partial<Filter>): void => {
  filter.value = { ...filter.value, ...change }
}

export const track = computed((): Track | undefined => {
  version.value
  return actor.value === undefined ? undefined : history.value.tracks.get(actor.value)
})

export const chart = computed((): Chart | undefined => {
  version.value
  return history.value.charts.get(track.value?.machine ?? '')
})

export const moment = computed((): Moment | undefined => (track.value === undefined ? undefined : momentAt(track.value, now.value)))

const trailMax = 5

/** The last steps of the chosen actor that took an edge, newest first. */
export const trail = computed((): readonly StepRecord[] => {
  const { value: here } = track
  if (here === undefined) return []
  const steps: StepRecord[] = []
  for (let at = here.moments.length - 1; at >= 0 && steps.length < trailMax; at -= 1) {
    const { n } = here.moments[at] ?? { n: -1 }
    if (n > now.value) continue
    const record = history.value.at(n)
    if (record?.kind === 'step' && record.edges.length > 0) steps.push(record)
    if (record?.kind === 'actor') break
  }
  return steps
})

/** Actors of one machine that live at this moment. */
export function crowdOf(machine: string, at: number): Track[] {
  return [...history.value.tracks.values()].filter(one => one.machine === machine && livesAt(one, at))
}

const sieve = computed(() => createSieve(history.value, filter.value))

/** Serials of the log's lines. */
export const lines = computed((): readonly number[] => {
  version.value
  return [...sieve.value.serials()]
})

/** Until somebody chooses, the first machine that has something inside: the root of the first instance. */
effect(() => {
  version.value
  if (actor.value !== undefined && history.value.tracks.has(actor.value)) return
  if (actor.value !== undefined && history.value.tracks.size === 0) return
  const first = [...history.value.tracks.values()].find(({ machine }) => machine !== undefined)
  if (first !== undefined) actor.value = first.path
})
