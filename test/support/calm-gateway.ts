import { type AnyActorRef, type AnyStateMachine, createActor, createMachine, fromCallback } from 'xstate'
import { gatewayMachine } from '../../machines/gateway.ts'

/** An instance's machines without a world: nothing happens in them but what a test sends. */
export interface CalmGateway {
  readonly root: AnyActorRef
  /** To the gateway, or to one of its machines. */
  tell(
    whom: 'gateway' | 'connection' | 'fallback' | 'relay' | 'leadership',
    event: { readonly type: string; readonly [field: string]: unknown },
  ): void
}

const endless = 2_000_000_000

/** Ports that say nothing, timers that never end, and the same for every machine inside. */
function calmed(machine: AnyStateMachine): AnyStateMachine {
  const { actors, delays, guards } = machine.implementations
  const calmActor = (actor: unknown): unknown => (isMachine(actor) ? calmed(actor) : fromCallback(() => {}))
  return machine.provide({
    actors: Object.fromEntries(Object.entries(actors).map(([name, actor]) => [name, calmActor(actor)])),
    delays: Object.fromEntries(Object.keys(delays).map(name => [name, endless])),
    guards: 'isStillGood' in guards ? { isStillGood: () => true } : {},
  } as never)
}

const isMachine = (actor: unknown): actor is AnyStateMachine => typeof actor === 'object' && actor !== null && 'root' in actor

export function startCalmGateway(): CalmGateway {
  const root = createActor(calmed(gatewayMachine), { id: 'gateway', input: { eligible: true, onLoss: 'solo' } })
  root.subscribe({ error: () => {} })
  root.start()
  return {
    root,
    tell: (whom, event) => {
      const actor: AnyActorRef | undefined = whom === 'gateway' ? root : root.system.get(whom)
      actor?.send(event)
    },
  }
}

const worker = createMachine({
  id: 'worker',
  initial: 'idle',
  states: { idle: { on: { work: 'busy' } }, busy: { on: { rest: 'idle' } } },
})

/** So many actors of one machine, in a root each. */
export function startWorkers(count: number): Readonly<Record<string, AnyActorRef>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => {
      const name = `worker-${String(at).padStart(3, '0')}`
      return [name, createActor(worker, { id: name }).start()]
    }),
  )
}
