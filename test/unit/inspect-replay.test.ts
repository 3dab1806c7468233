import { beforeAll, describe, expect, it } from 'vitest'
import type { InspectRecord, StepRecord } from '../../src/inspect/record.ts'
import { mistakeOf } from '../../src/inspect/recording.ts'
import { checkReplay } from '../../src/inspect/replay.ts'
import { faultKinds } from '../simulation/faults.ts'
import { createWorldRecorder } from '../simulation/record.ts'
import { planOf, play } from '../simulation/run.ts'
import type { Outcome } from '../simulation/world.ts'
import { allMachines } from '../support/coverage-parts.ts'

const seed = 'recorded'
let outcome: Outcome
let lines: string[]
let records: InspectRecord[]
beforeAll(async () => {
  const recorder = createWorldRecorder()
  outcome = await play(seed, planOf(seed), recorder.observed)
  lines = recorder.lines(outcome)
  records = lines.map(line => JSON.parse(line))
}, 60_000)

const isStep = (record: InspectRecord): record is StepRecord => record.kind === 'step'
/** The recording with one step changed: the last that fits. */
const tampered = (
  fits: (step: StepRecord) => boolean,
  change: (step: StepRecord) => StepRecord,
): { records: InspectRecord[]; step: StepRecord } => {
  const step = records.filter(isStep).findLast(fits)
  if (step === undefined) throw new Error('no such step in the recording')
  return { records: records.map(record => (record === step ? change(step) : record)), step }
}

describe('a simulated world written down', () => {
  it('is a recording', () => {
    expect(outcome.troubles).toEqual([])
    expect(mistakeOf(lines.join('\n'))).toBeUndefined()
    expect(records[0]).toMatchObject({ kind: 'head', from: 'simulation', seed, startedAt: 0 })
  })

  it('shows every machine of every instance, and each fault', () => {
    const machines = new Set(
      records.flatMap(record =>
        record.kind === 'actor' && record.machine !== undefined ? [`${record.actor.split('/')[0]} ${record.machine}`] : [],
      ),
    )
    expect(machines.size).toBe(3 * allMachines.length)
    const faults = records.filter(record => record.kind === 'mark' && record.isFault)
    // Those that wait for a moment leave a second mark when it has come.
    const begun = faults.filter(record => record.kind === 'mark' && faultKinds.some(kind => record.what.startsWith(`${kind} `)))
    expect(begun).toHaveLength(planOf(seed).length)
    expect(faults[0]).toMatchObject({ who: expect.stringMatching(/^p\d$/) })
  })

  it('is the same world as when nobody looks', async () => {
    expect((await play(seed)).hash).toBe(outcome.hash)
  }, 60_000)

  it('has no actor take a step after it is gone', () => {
    const present = new Set<string>()
    for (const record of records) {
      if (record.kind === 'actor') present.add(record.actor)
      if (record.kind === 'step') expect(present).toContain(record.actor)
      if (record.kind === 'gone') present.delete(record.actor)
    }
  })
})

describe('a recording played through the machines', () => {
  it('agrees, step by step, when it is faithful', () => {
    const verdicts = checkReplay(records, allMachines)
    expect(verdicts.filter(({ disagreement }) => disagreement !== undefined)).toEqual([])
    const agreed = verdicts.reduce((sum, verdict) => sum + verdict.agreed, 0)
    const steps = records.filter(isStep).filter(({ event }) => event.type !== 'xstate.init')
    expect(agreed).toBe(steps.length)
    expect(agreed).toBeGreaterThan(500)
    for (const { id } of allMachines) expect(verdicts.some(({ machine, agreed }) => machine === id && agreed > 0)).toBe(true)
  })

  it('agrees where a machine starts others, and sends to them, as its context says', async () => {
    const recorder = createWorldRecorder()
    const lines = recorder.lines(await play('a world to look at', undefined, recorder.observed))
    const verdicts = checkReplay(
      lines.map(line => JSON.parse(line)),
      allMachines,
    )
    expect(lines.some(line => line.includes('"type":"shards.wanted","shards":[2]'))).toBe(true)
    expect(verdicts.filter(({ disagreement }) => disagreement !== undefined)).toEqual([])
  }, 60_000)

  const edgeOf = (part: string) => (step: StepRecord) => step.edges.some(edge => edge.includes(part))

  it.each([
    [
      'an edge that the machine has not there',
      edgeOf('leader.renewing|lease.held'),
      (step: StepRecord) => ({ ...step, edges: ['leadership.solo|leadership.retire|0'] }),
      'edges',
    ],
    ['an edge that was taken is left out', edgeOf('asking|source.'), (step: StepRecord) => ({ ...step, edges: [] }), 'edges'],
    [
      'a state it does not lead to',
      edgeOf('watching|xstate.after'),
      (step: StepRecord) => ({ ...step, moment: { ...step.moment, active: ['leadership.solo.alone'] } }),
      'active',
    ],
    [
      'a number nobody counted',
      edgeOf('leader.renewing|lease.held'),
      (step: StepRecord) => ({ ...step, moment: { ...step.moment, context: { ...(step.moment.context as object), misses: 2 } } }),
      'context',
    ],
    [
      'an event that was another one',
      edgeOf('leader.renewing|lease.held'),
      (step: StepRecord) => ({ ...step, event: { type: 'lease.lost' } }),
      'edges',
    ],
  ] as const)('is pointed out where it shows %s', (_, fits, change, what) => {
    const { records: wrong, step } = tampered(fits, change)
    const found = checkReplay(wrong, allMachines).filter(({ disagreement }) => disagreement !== undefined)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ actor: step.actor, disagreement: { q: step.q, what } })
  })

  it('believes a recording about a port that only the recording knows', () => {
    const granted = records.filter(isStep).find(edgeOf('lease.granted|0'))
    expect(granted).toBeDefined()
    const refused = { ...(granted as StepRecord), edges: ['leadership.follower.campaigning|lease.granted|1'] }
    const verdicts = checkReplay(
      records.map(record => (record === granted ? refused : record)),
      allMachines,
    )
    // The edge could have been taken; where it leads is another state than the one recorded.
    expect(verdicts.find(({ actor }) => actor === granted?.actor)?.disagreement).toMatchObject({ q: granted?.q })
  })
})
