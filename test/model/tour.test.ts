import { afterAll, describe, expect, it } from 'vitest'
import { type AnyMachineSnapshot, initialTransition, transition } from 'xstate'
import { coverageTable, createCollector, gapsOf, writeCoverage } from '../support/coverage.ts'
import { delaysOf, type Exploration, type ExploreOptions, explore, pairsOf, type Step, tour } from '../support/explore.ts'
import { explorations } from './explorations.ts'
import { calledClock, runSubject, type Subject } from './subject.ts'

/**
 * Walks that take every edge of every machine, on running actors with real parents, children and timers. After each step the actor must
 * be where the pure function says. That shows that what is explored is what runs; that it is right is shown in the other files.
 */
const collector = createCollector()
const pairs: Record<string, number> = {}
const machines = Object.values(explorations).map(({ machine }) => machine)

interface Walker {
  readonly subject: Subject
  readonly call: (type: string) => void
}

function start(options: ExploreOptions, input: unknown): Walker {
  const clock = calledClock()
  const { machine, guards } = options
  const delays = delaysOf(machine)
  const subject = runSubject({
    machine,
    clock,
    delays,
    input,
    ...(guards && { guards }),
    inspect: system => void collector.observe(system),
  })
  return { subject, call: type => clock.call(delays[type.split('.')[2] ?? ''] ?? Number.NaN) }
}

/** Returns what the actor did otherwise than the pure function. */
function walk(options: ExploreOptions, { machine }: Exploration, steps: readonly Step[], input: unknown): string[] {
  const { subject, call } = start(options, input)
  const wrong: string[] = []
  let [pure]: [AnyMachineSnapshot, ...unknown[]] = initialTransition(machine, input)
  for (const step of steps) {
    const told = subject.told.length
    if (step.event.type.startsWith('xstate.after.')) call(step.event.type)
    else subject.send(step.event)
    pure = transition(machine, pure, step.event)[0]
    const { value, context } = subject.snapshot()
    const children = pure.status === 'active' ? step.to.children : []
    const seen = JSON.stringify([
      value,
      context,
      subject
        .alive()
        .map(({ id }) => id)
        .sort(),
      subject.told.slice(told),
    ])
    const meant = JSON.stringify([pure.value, pure.context, children, step.told])
    if (seen !== meant) wrong.push(`${step.event.type} by ${step.from.trace.join(', ')}: ${seen} instead of ${meant}`)
  }
  subject.stop()
  if (subject.alive().length > 0) wrong.push('children outlived the machine')
  return [...wrong, ...subject.faults.map(String)]
}

describe('a walk along every edge of a running machine goes where the pure function says', () => {
  it.each(Object.entries<ExploreOptions>(explorations))('%s', (name, options) => {
    const exploration = explore(options)
    const walks = tour(exploration)
    const taken = new Set(walks.flat())
    expect(
      exploration.steps.filter(step => step.edges.length > 0 && !taken.has(step)).map(({ from, event }) => [from.trace, event]),
    ).toEqual([])
    const inputs = options.inputs ?? [undefined]
    const wrong = walks.flatMap(steps => {
      const input = inputs[exploration.initial.indexOf(steps[0]?.from as Step['from'])]
      return walk(options, exploration, steps, input)
    })
    expect(wrong).toEqual([])
    pairs[name] = pairsOf(exploration).size
    expect([...pairsOf(exploration)].filter(pair => !collector.coverage[name]?.pairs[pair])).toEqual([])
  })
})

describe('nothing of any machine stays untried', () => {
  it.each(machines.map(machine => [machine.id, machine] as const))(
    'every state, edge and guard outcome of %s is taken',
    (name, machine) => {
      expect(gapsOf(machine, collector.coverage[name])).toEqual([])
    },
  )

  it('the observer met no fault', () => {
    expect(collector.faults).toEqual([])
  })
})

afterAll(() => {
  writeCoverage('model', collector.coverage)
  const isColoured = process.env.NO_COLOR === undefined
  process.stdout.write(`\n${coverageTable(machines, collector.coverage, { title: 'model', pairs, isColoured })}\n\n`)
})
