import {
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  fromCallback,
  setup,
} from 'xstate'

export interface SubjectOptions {
  readonly machine: AnyStateMachine
  readonly clock: { setTimeout(then: () => void, ms: number): unknown; clearTimeout(timer: unknown): void }
  readonly delays: Readonly<Record<string, number | ((args: { context: AnyMachineSnapshot['context'] }) => number)>>
  readonly guards?: Readonly<Record<string, (args: { context: AnyMachineSnapshot['context']; event: AnyEventObject }) => boolean>>
  readonly input?: unknown
  /** Looks at the system before it starts. */
  readonly inspect?: (system: AnyActorRef['system']) => void
}

/** A child that does nothing by itself; the test speaks for it. */
export interface Child {
  readonly id: string
  isAlive: boolean
  /** What the child would say; said after its end, it must fall on deaf ears. */
  tell(event: AnyEventObject): void
}

/** A running machine with a parent that notes what it is told and ports that only remember that they run. */
export interface Subject {
  send(event: AnyEventObject): void
  snapshot(): AnyMachineSnapshot
  /** In the order of their start. */
  alive(): Child[]
  readonly children: readonly Child[]
  readonly told: readonly string[]
  /** Errors, and children started under a name in use. There should be none. */
  readonly faults: readonly unknown[]
  stop(): void
}

export function runSubject(options: SubjectOptions): Subject {
  const { machine, clock, delays, guards = {}, input } = options
  const children: Child[] = []
  const told: string[] = []
  const faults: unknown[] = []
  const alive = (): Child[] => children.filter(({ isAlive }) => isAlive)
  const port = fromCallback<AnyEventObject>(({ self, sendBack }) => {
    if (alive().some(({ id }) => id === self.id)) faults.push(`${self.id} was started twice`)
    const child: Child = { id: self.id, isAlive: true, tell: sendBack }
    children.push(child)
    return () => {
      child.isAlive = false
    }
  })
  const actors = Object.fromEntries(Object.keys(machine.implementations.actors ?? {}).map(name => [name, port]))
  const provided = machine.provide({ actors, delays: delays as never, guards: guards as never })
  const parent = setup({ actors: { subject: provided } }).createMachine({
    invoke: { id: 'subject', src: 'subject', input },
    on: {
      '*': {
        actions: ({ event }) => {
          const { type, error } = event as AnyEventObject
          if (type.startsWith('xstate.error')) faults.push(error)
          else if (!type.startsWith('xstate.done')) told.push(type)
        },
      },
    },
  })
  const root = createActor(parent, { clock })
  root.subscribe({ error: error => void faults.push(error) })
  options.inspect?.(root.system)
  root.start()
  const subject = root.getSnapshot().children.subject as AnyActorRef
  return {
    send: event => subject.send(event),
    snapshot: () => subject.getSnapshot(),
    alive,
    children,
    told,
    faults,
    stop: () => void root.stop(),
  }
}

/** A clock without time: timers wait until they are called by their length. */
export function calledClock(): SubjectOptions['clock'] & { call(ms: number): void; readonly waiting: readonly number[] } {
  const timers = new Map<number, { then: () => void; ms: number }>()
  let last = 0
  return {
    setTimeout: (then, ms) => {
      last += 1
      timers.set(last, { then, ms })
      return last
    },
    clearTimeout: timer => void timers.delete(timer as number),
    call: ms => {
      const [found, another] = [...timers].filter(([, timer]) => timer.ms === ms)
      if (found === undefined || another !== undefined) throw new Error(`not exactly one timer of ${ms} ms waits`)
      timers.delete(found[0])
      found[1].then()
    },
    get waiting() {
      return [...timers.values()].map(({ ms }) => ms).sort()
    },
  }
}
