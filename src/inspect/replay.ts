import { type AnyEventObject, type AnyMachineSnapshot, type AnyStateMachine, createActor, type InspectionEvent } from 'xstate'
import { activeOf, edgesOf, type Microstep } from './chart.ts'
import { decidingOnly } from './deciding.ts'
import type { ActorRecord, InspectRecord, StepRecord } from './record.ts'
import { messageOf, safe } from './safe.ts'

/**
 * Plays a recording through the machines themselves, without actors, clocks or ports, and says where they would have done something
 * else: a recording of other code, a tampered one, or a machine that is not the pure function it should be.
 *
 * A guard that is a port throws when asked: then both answers are tried, and the recording is right when one of them leads to it.
 * Runs in a browser.
 */
export interface Verdict {
  readonly actor: string
  readonly machine: string
  /** Steps that the machine takes as recorded. */
  readonly agreed: number
  /** The first that it does not; what comes after is not looked at. */
  readonly disagreement?: Disagreement
}

export interface Disagreement {
  readonly q: number
  readonly event: string
  readonly what: 'edges' | 'active' | 'context'
  readonly recorded: unknown
  readonly replayed: unknown
}

/** One verdict for each actor whose machine is given and whose beginning is in the recording. */
export function checkReplay(records: Iterable<InspectRecord>, machines: readonly AnyStateMachine[]): Verdict[] {
  const players = new Map(machines.map(machine => [machine.id, createPlayer(machine)]))
  const runs = new Map<string, Run>()
  const verdicts: Verdict[] = []
  const end = (actor: string): void => {
    const run = runs.get(actor)
    if (run !== undefined) verdicts.push(verdictOf(actor, run))
    runs.delete(actor)
  }
  for (const record of records) {
    if (record.kind === 'actor') {
      const player = players.get(record.machine ?? '')
      end(record.actor)
      if (player !== undefined && record.moment.status === 'active') runs.set(record.actor, begin(player, record))
    } else if (record.kind === 'gone') end(record.actor)
    else if (record.kind === 'lost') for (const actor of [...runs.keys()]) end(actor)
    else if (record.kind === 'step') goOn(runs.get(record.actor), record)
  }
  for (const actor of [...runs.keys()]) end(actor)
  return verdicts
}

interface Run {
  readonly player: Player
  snapshot: AnyMachineSnapshot
  agreed: number
  disagreement?: Disagreement
}

const verdictOf = (actor: string, { player, agreed, disagreement }: Run): Verdict => ({
  actor,
  machine: player.machine.id,
  agreed,
  ...(disagreement !== undefined && { disagreement }),
})

const begin = (player: Player, { moment }: ActorRecord): Run => ({
  player,
  snapshot: player.machine.resolveState({ value: moment.value as never, context: moment.context }),
  agreed: 0,
})

function goOn(run: Run | undefined, step: StepRecord): void {
  // What a machine does on its start is in the moment it is introduced with.
  if (run === undefined || run.disagreement !== undefined || step.event.type === 'xstate.init') return
  const { player, snapshot } = run
  let disagreement: Disagreement | undefined
  for (const answers of player.answersFor(snapshot, step.event)) {
    const played = player.play(snapshot, step.event, answers)
    const found = compare(step, played)
    if (found === undefined) {
      run.agreed += 1
      run.snapshot = played.snapshot
      return
    }
    disagreement ??= found
  }
  if (disagreement !== undefined) run.disagreement = disagreement
}

function compare(step: StepRecord, { edges, snapshot, failure }: Played): Disagreement | undefined {
  const { q, event, moment } = step
  const differs = (what: Disagreement['what'], recorded: unknown, replayed: unknown): Disagreement | undefined =>
    JSON.stringify(recorded) === JSON.stringify(replayed) ? undefined : { q, event: event.type, what, recorded, replayed }
  if (failure !== undefined) return differs('edges', step.edges, [`failed: ${failure}`])
  return (
    differs('edges', step.edges, edges) ??
    differs('active', moment.active, activeOf(snapshot)) ??
    differs('context', moment.context, safe(snapshot.context))
  )
}

interface Played {
  readonly snapshot: AnyMachineSnapshot
  readonly edges: readonly string[]
  readonly failure?: string
}

/** Answers of guards that are ports, by name. */
type Answers = ReadonlyMap<string, boolean>

interface Player {
  readonly machine: AnyStateMachine
  /** Every combination of what the ports asked could say; one, and empty, when none is asked. */
  answersFor(snapshot: AnyMachineSnapshot, event: AnyEventObject): Answers[]
  play(snapshot: AnyMachineSnapshot, event: AnyEventObject, answers: Answers): Played
}

/** Ports asked in one step; more would be too many combinations to try. */
const portsMax = 6

function createPlayer(original: AnyStateMachine): Player {
  let answers: Answers = new Map()
  const asked = new Set<string>()
  const edges: string[] = []

  const guards = mapped(original.implementations.guards, (name, guard) => (args: unknown, params: unknown) => {
    try {
      if (typeof guard === 'function' && !('check' in guard)) return guard(args as never, params as never)
    } catch {
      // A port: nobody provided it.
    }
    asked.add(name)
    return answers.get(name) ?? false
  })
  const machine = original.provide({
    guards,
    actions: mapped(original.implementations.actions, (_, action) => decidingOnly(action)),
    delays: mapped(original.implementations.delays, () => () => 1),
  } as never)
  // A machine must be asked on behalf of an actor; this one never starts.
  const self = createActor(machine)
  self.system.inspect((event: InspectionEvent) => {
    if (event.type === '@xstate.microstep') edges.push(...edgesOf(event as Microstep))
  })
  const nothing = (): void => {}
  const scope = {
    self,
    system: self.system,
    id: self.id,
    sessionId: self.sessionId,
    logger: nothing,
    defer: nothing,
    stopChild: nothing,
    emit: nothing,
    actionExecutor: nothing,
  }

  const play: Player['play'] = (snapshot, event, given) => {
    answers = given
    asked.clear()
    edges.length = 0
    try {
      const next = machine.transition(snapshot as never, event, scope as never)
      return { snapshot: next, edges: [...edges] }
    } catch (error) {
      return { snapshot, edges: [...edges], failure: messageOf(error) }
    }
  }

  return {
    machine,
    play,
    answersFor: (snapshot, event) => {
      // A port may be asked only after another one has said yes.
      const names = new Set<string>()
      let combinations: Answers[] = [new Map()]
      for (let known = -1; known < names.size && names.size <= portsMax; ) {
        known = names.size
        for (const one of combinations) {
          play(snapshot, event, one)
          for (const name of asked) names.add(name)
        }
        combinations = combinationsOf([...names].slice(0, portsMax))
      }
      return combinations
    },
  }
}

const combinationsOf = (names: readonly string[]): Answers[] =>
  Array.from({ length: 2 ** names.length }, (_, bits) => new Map(names.map((name, at) => [name, ((bits >> at) & 1) === 1])))

const mapped = (named: object, make: (name: string, one: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(named).map(([name, one]) => [name, make(name, one)]))
