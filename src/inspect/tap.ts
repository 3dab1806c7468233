import type { AnyActorRef, InspectionEvent } from 'xstate'

/**
 * What a system tells its inspectors, taken where XState tells it: on its way to them XState copies each word, and that alone costs more
 * than all that is done here. What it tells others goes on as before. An XState that has no such place is asked as its manual says.
 */

type System = AnyActorRef['system']
/** Without what XState adds on the way, the root's session id. */
export type Told = InspectionEvent extends infer E ? (E extends InspectionEvent ? Omit<E, 'rootId'> : never) : never
/** Must not throw: XState takes it out on the actor. */
type Hear = (told: Told) => void

interface Place {
  _sendInspectionEvent?: Hear
}

interface Tap {
  hearers: readonly Hear[]
  close(): void
}

const taps = new WeakMap<System, Tap>()

/** Hears everything until the returned function is called. */
export function tap(system: System, hear: Hear): () => void {
  const ours = taps.get(system) ?? open(system)
  if (ours === undefined) return system.inspect(hear).unsubscribe
  ours.hearers = [...ours.hearers, hear]
  return () => {
    ours.hearers = ours.hearers.filter(one => one !== hear)
    if (ours.hearers.length === 0) ours.close()
  }
}

function open(system: System): Tap | undefined {
  const place = system as Place
  const tell = place._sendInspectionEvent
  if (typeof tell !== 'function') return undefined
  const through: Hear = told => {
    for (const hear of ours.hearers) hear(told)
    tell(told)
  }
  const ours: Tap = {
    hearers: [],
    close: () => {
      // Somebody else may have come between: then it stays, and is found again.
      if (place._sendInspectionEvent !== through) return
      place._sendInspectionEvent = tell
      taps.delete(system)
    },
  }
  place._sendInspectionEvent = through
  taps.set(system, ours)
  return ours
}
