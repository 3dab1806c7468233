import type { Chance } from './chance.ts'

/** Something that goes wrong, as plain text and numbers: made before the run, written to a file, shrunk, played again. */
export interface Fault {
  /** Virtual ms from the start of the world. */
  readonly at: number
  readonly kind: FaultKind
  /** Which process, where the fault is one process's. */
  readonly who: number
  /** How long it lasts, ms, where it lasts. */
  readonly forMs: number
  /** How bad it is, 0 to 1, where there are degrees. */
  readonly degree: number
}

export const faultKinds = [
  'crash',
  'stop',
  'pause',
  'pause-when',
  'stop-when',
  'stop-at-start',
  'wall-jump',
  'store-cut',
  'store-slow',
  'store-replies-lost',
  'store-deaf',
  'store-hangs',
  'store-commands-lost',
  'store-lines-down',
  'store-cut-when',
  'late-grant',
  'leader-stops-when',
  'leader-hangs-and-stops',
  'cut-off',
  'store-down',
  'store-flush',
  'store-failover',
  'exchange-cut',
  'exchange-reset',
  'exchange-silent',
  'exchange-mute',
  'exchange-hangs',
  'exchange-away',
  'exchange-refuses',
  'exchange-unreachable',
  'exchange-shutdown',
  'stream-silent',
  'rest-down',
  'rest-refuses',
  'delisting',
  'readers-slow',
  'readers-storm',
  'new-pair',
  'deploy',
  'hand-over',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface PlanOptions {
  readonly processes: number
  /** Virtual ms in which faults may begin. */
  readonly lengthMs: number
  readonly faultsMax: number
}

/** States of one machine that last only a moment, for faults that wait until their process is in one: picked by the degree. */
export const moments = [
  ['leadership', 'campaigning'],
  ['leadership', 'renewing'],
  ['leadership', 'handing-over'],
  ['leadership', 'alone'],
  ['leadership', 'probing'],
  ['leadership', 'standing-down'],
  ['leadership', 'claiming'],
  ['leadership', 'preparing'],
  ['leadership', 'taking'],
  ['leadership', 'offering'],
  ['leadership', 'awaiting'],
  ['relay', 'joining'],
  ['relay', 'catching-up'],
  ['connection', 'connecting'],
  ['connection', 'opening'],
  ['connection', 'covering'],
  ['connection', 'pausing'],
] as const

/** Draws a plan. Each world knows only some kinds, so that rare combinations meet more often (swarm testing). */
export function drawPlan(chance: Chance, { processes, lengthMs, faultsMax }: PlanOptions): Fault[] {
  const kinds = faultKinds.filter(() => chance.happens(0.45))
  const among = kinds.length > 0 ? kinds : faultKinds
  const faults = Array.from({ length: chance.whole(1, faultsMax) }, () => ({
    at: Math.round(chance.between(3000, lengthMs)),
    kind: chance.pick(among),
    who: chance.whole(0, processes - 1),
    forMs: Math.round(chance.happens(0.7) ? chance.between(50, 6000) : chance.between(6000, 30_000)),
    degree: Math.round(chance.next() * 100) / 100,
  }))
  return faults.sort((a, b) => a.at - b.at)
}

const isFault = (value: unknown): value is Fault => {
  if (typeof value !== 'object' || value === null) return false
  const fault = value as Record<string, unknown>
  const numbers = [fault.at, fault.who, fault.forMs, fault.degree]
  return numbers.every(Number.isFinite) && faultKinds.some(kind => kind === fault.kind)
}

/** Reads a plan from a file's text; says what is wrong with it. */
export function readPlan(text: string): Fault[] {
  const parsed: unknown = JSON.parse(text)
  const faults = Array.isArray(parsed) ? parsed : (parsed as { faults?: unknown }).faults
  if (!Array.isArray(faults)) throw new Error('a plan is a list of faults, or an object with one in "faults"')
  const wrong = faults.findIndex(fault => !isFault(fault))
  if (wrong >= 0)
    throw new Error(
      `fault ${wrong} is not of the form {"at":ms,"kind":"…","who":n,"forMs":ms,"degree":0..1}; kinds: ${faultKinds.join(', ')}`,
    )
  return faults
}
