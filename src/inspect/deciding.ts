import { enqueueActions } from 'xstate'

/**
 * What an action changes in its own machine and nothing else: for machines that are played without a world. A message to an actor that is
 * not there would be an error, and so would be stopping one.
 */
export function decidingOnly(action: unknown): unknown {
  const type = typeof action === 'function' && 'type' in action ? action.type : undefined
  if (type === 'xstate.assign' || type === 'xstate.raise') return action
  if (type !== 'xstate.enqueueActions') return () => {}
  const { collect } = action as unknown as { collect: Collect }
  return enqueueActions((args, params) => collect({ ...args, enqueue: decidingQueue(args.enqueue) }, params))
}

type Collect = (args: object, params: unknown) => void
type Queue = { readonly assign: (...args: never) => void; readonly raise: (...args: never) => void }

function decidingQueue({ assign, raise }: Queue): object {
  const nothing = (): void => {}
  const others = { cancel: nothing, sendTo: nothing, sendParent: nothing, spawnChild: nothing, stopChild: nothing, emit: nothing }
  return Object.assign(() => {}, { assign, raise, ...others })
}
