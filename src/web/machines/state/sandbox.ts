import { computed, signal } from '@preact/signals'
import type { Chart, Moment } from '../../../inspect/record.ts'
import { ownInput, ownMachines } from '../play/own.ts'
import { type Play, type PlayEvent, playChart } from '../play/play.ts'
import { playMachine } from '../play/play-machine.ts'
import { chart, moment } from './choice.ts'

/** A copy of an actor to which one sends events by hand. Nothing of it reaches the actor. */
export interface Sandbox {
  readonly chart: Chart
  /** Path of the actor it was copied from; empty: begun anew. */
  readonly from: string
  readonly steps: readonly SandboxStep[]
}

export interface SandboxStep {
  /** Absent: how it began. */
  readonly event?: PlayEvent
  readonly moment: Moment
  readonly edges: readonly string[]
}

export const sandbox = signal<Sandbox | undefined>(undefined)
/** Answers given by hand, by guard; they hold for what may happen next and for the copy alike. */
export const answers = signal<ReadonlyMap<string, boolean>>(new Map())
export const sandboxFault = signal('')

const stepsMax = 1_000

/** By the machine itself when it is one of ours and still the one that is running, otherwise by the chart. */
export function playOf(of: Chart): Play {
  const machine = ownMachines[of.machine]
  const states = new Set(machine === undefined ? [] : idsOf(machine.root))
  const isOurs = machine !== undefined && of.states.length === states.size && of.states.every(({ id }) => states.has(id))
  return isOurs ? playMachine(machine, of, ownInput) : playChart(of)
}

interface Node {
  readonly id: string
  readonly states: Readonly<Record<string, Node>>
}

function* idsOf(node: Node): Generator<string> {
  yield node.id
  for (const inner of Object.values(node.states)) yield* idsOf(inner)
}

export const copied = computed(() => sandbox.value?.steps.at(-1))

/** What the chart shows: the copy when there is one. */
export const shownMoment = computed((): Moment | undefined => copied.value?.moment ?? moment.value)

export function copyActor(from: string): void {
  if (chart.value === undefined || moment.value === undefined) return
  sandbox.value = { chart: chart.value, from, steps: [{ moment: moment.value, edges: [] }] }
  sandboxFault.value = ''
}

export function beginAnew(): void {
  const of = sandbox.value?.chart ?? chart.value
  if (of === undefined) return
  sandbox.value = { chart: of, from: '', steps: [{ moment: playOf(of).start(), edges: [] }] }
  sandboxFault.value = ''
}

export function sendToCopy(event: PlayEvent): void {
  const { value: here } = sandbox
  const last = here?.steps.at(-1)
  if (here === undefined || last === undefined) return
  try {
    const step = playOf(here.chart).send(last.moment, event, answers.value)
    sandbox.value = { ...here, steps: [...here.steps, { event, ...step }].slice(-stepsMax) }
    sandboxFault.value = ''
  } catch (error) {
    sandboxFault.value = `The machine refused ${event.type}: ${error instanceof Error ? error.message : String(error)}`
  }
}

export function undo(): void {
  const { value: here } = sandbox
  if (here !== undefined && here.steps.length > 1) sandbox.value = { ...here, steps: here.steps.slice(0, -1) }
}

export const leaveSandbox = (): void => {
  sandbox.value = undefined
  sandboxFault.value = ''
}

export function answer(guard: string, says: boolean): void {
  answers.value = new Map([...answers.value, [guard, says]])
}
