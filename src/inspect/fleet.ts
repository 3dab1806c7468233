import { every, type InspectClock } from './beat.ts'
import { createListener } from './listener.ts'
import { createTeller, type Teller } from './teller.ts'
import { createTimeline, type Timeline } from './timeline.ts'

/**
 * The other instances of the fleet. While somebody looks at this one, it calls every second; whoever hears the call records itself and
 * tells this one, until it has heard no call for three. So a viewer that dies costs nothing, and nobody has to say goodbye.
 */
export interface Fleet {
  /** Somebody looks here. */
  look(): () => void
  /** A call of another instance. */
  called(text: string): void
  /** Where this instance puts what it records of itself; undefined: nobody else looks at it. */
  readonly own: Timeline | undefined
  stop(): void
}

/** What carries words from instance to instance. Nothing is promised: what is lost is noticed here. */
export interface Telling {
  /** To every instance; they hand it to {@link Fleet.called}. */
  call(text: string): void
  /** To one instance. */
  say(to: string, text: string): void
  /** What is said to this instance, until the returned function is called. */
  hear(to: string, heard: (text: string) => void): () => void
}

export interface FleetOptions {
  readonly clock: InspectClock
  readonly instance: string
  readonly telling: Telling
  /** Of this instance; what others tell is put on it. */
  readonly timeline: Timeline
  readonly now: () => number
  /** Records this instance until the returned function is called. */
  readonly attach: () => () => void
}

export const callEveryMs = 1000
export const forgetAfterMs = 3000
const tellEveryMs = 100
/** Instances that look at this one at the same time; more are not told. */
const tellersMax = 8

/** `fresh`: these must begin anew, something of theirs was lost. */
interface Call {
  readonly from: string
  readonly fresh: readonly string[]
}

export function createFleet({ clock, instance, telling, timeline, now, attach }: FleetOptions): Fleet {
  /** What this instance tells of itself. Short: who falls behind is told what is there now. */
  const own = createTimeline({ head: timeline.head, recordsMax: 4000, bytesMax: 1_000_000 })
  const tellers = new Map<string, Teller>()
  const listener = createListener({ instance, timeline, now })
  let lookers = 0
  let stopLooking = (): void => {}
  let stopTelling: (() => void) | undefined

  const callAll = (): void => telling.call(JSON.stringify({ from: instance, fresh: listener.broken() } satisfies Call))

  const tellAll = (): void => {
    for (const [viewer, teller] of tellers) {
      if (clock.now() - teller.calledAt > forgetAfterMs) tellers.delete(viewer)
      else teller.tell()
    }
    if (tellers.size === 0) endTelling()
  }

  const beginTelling = (): void => {
    if (stopTelling !== undefined) return
    const detach = attach()
    // What this instance is now stands on its time line already, whoever looked first.
    for (const chart of timeline.charts.values()) own.push({ kind: 'chart', chart })
    for (const actor of timeline.actors.values()) if (actor.actor.startsWith(`${instance}/`)) own.push(actor)
    const stopBeat = every(clock, tellEveryMs, tellAll)
    stopTelling = () => {
      stopBeat()
      detach()
      own.clear()
    }
  }

  const endTelling = (): void => {
    tellers.clear()
    stopTelling?.()
    stopTelling = undefined
  }

  return {
    look: () => {
      lookers += 1
      if (lookers === 1) {
        const stopHearing = telling.hear(instance, text => listener.heard(text))
        const stopBeat = every(clock, callEveryMs, () => {
          listener.look(forgetAfterMs)
          callAll()
        })
        callAll()
        stopLooking = () => {
          stopBeat()
          stopHearing()
          listener.forget()
        }
      }
      return () => {
        lookers -= 1
        if (lookers === 0) stopLooking()
      }
    },
    called: text => {
      const call = readCall(text)
      if (call === undefined || call.from === instance) return
      beginTelling()
      const known = tellers.get(call.from)
      if (known === undefined && tellers.size >= tellersMax) return
      const teller = known ?? createTeller({ clock, own, instance, say: said => telling.say(call.from, said) })
      tellers.set(call.from, teller)
      teller.called(call.fresh.includes(instance))
    },
    get own() {
      return stopTelling === undefined ? undefined : own
    },
    stop: () => {
      endTelling()
      if (lookers > 0) stopLooking()
      lookers = 0
    },
  }
}

function readCall(text: string): Call | undefined {
  try {
    const call: unknown = JSON.parse(text.slice(0, 10_000))
    if (typeof call !== 'object' || call === null || !('from' in call) || typeof call.from !== 'string') return undefined
    const fresh = 'fresh' in call && Array.isArray(call.fresh) ? call.fresh : []
    return { from: call.from, fresh }
  } catch {
    return undefined
  }
}
