import { every, type InspectClock } from './beat.ts'
import { createWords, type Words } from './brief.ts'
import type { Timeline } from './timeline.ts'

/**
 * Viewers of one time line. A viewer is a place on it, not a queue: when its connection takes bytes again it gets what came after its
 * place, or, when that is gone, what is there now.
 */
export interface Feed {
  /** Undefined: there are as many viewers as may be. `from`: what {@link placeOf} wrote, or the bare number. `isBrief`: in {@link Words}. */
  open(from: string | undefined, isBrief?: boolean): ReadableStream<Uint8Array> | undefined
  readonly viewers: number
  stop(): void
}

export interface FeedOptions {
  readonly clock: InspectClock
  readonly timeline: Timeline
  /** Somebody looks, until the returned function is called. */
  readonly look: () => () => void
  readonly viewersMax?: number
}

const batchEveryMs = 50
const heartbeatEveryMs = 15_000
/** Bytes a viewer's connection may hold before it counts as not keeping up. */
const heldMax = 64 * 1024
const batchMax = 128 * 1024
/** A connection that takes nothing for so long is over, whatever it says. */
const stuckMaxMs = 60_000

interface Viewer {
  flush(): void
  end(): void
}

export function createFeed({ clock, timeline, look, viewersMax = 8 }: FeedOptions): Feed {
  const viewers = new Set<Viewer>()
  const encoder = new TextEncoder()
  let stopBeat = (): void => {}

  const enter = (viewer: Viewer): void => {
    if (viewers.size === 0)
      stopBeat = every(clock, batchEveryMs, () => {
        for (const one of viewers) one.flush()
      })
    viewers.add(viewer)
  }
  const leave = (viewer: Viewer): void => {
    if (viewers.delete(viewer) && viewers.size === 0) stopBeat()
  }

  const start = (controller: ReadableStreamDefaultController<Uint8Array>, from: number | undefined, words: Words | undefined): Viewer => {
    const stopLooking = look()
    let place = from
    let wroteAt = clock.now()
    let tookAt = clock.now()
    const write = (text: string): void => {
      controller.enqueue(encoder.encode(text))
      wroteAt = clock.now()
    }
    const writeEvent = (name: string, number: number, data: string): void =>
      write(`event: ${name}\nid: ${placeOf(timeline, number)}\ndata: ${data}\n\n`)
    const writeRecords = (texts: readonly string[], number: number): void => writeEvent('records', number, `[${texts.join(',')}]`)
    const begin = (): number => {
      const bulk = timeline.bulk()
      const first = place === undefined ? JSON.stringify(timeline.head) : timeline.lost(place, clock.wall() - timeline.head.startedAt)
      for (const texts of portions([first, ...bulk.texts])) writeRecords(texts, bulk.number)
      return bulk.number
    }
    const hasRoom = (): boolean => (controller.desiredSize ?? 0) > 0
    const goOn = (): void => {
      while (hasRoom()) {
        const next = place === undefined ? undefined : timeline.after(place, batchMax, words)
        if (next === undefined) place = begin()
        else {
          place = next.number
          if (next.texts.length === 0) break
          if (words === undefined) writeRecords(next.texts, next.number)
          else writeEvent('brief', next.number, words.batch(next.texts))
        }
      }
    }
    const viewer: Viewer = {
      flush: () => {
        const now = clock.now()
        if (hasRoom()) tookAt = now
        else if (now - tookAt > stuckMaxMs) return viewer.end()
        goOn()
        if (hasRoom() && now - wroteAt > heartbeatEveryMs) write(': still here\n\n')
      },
      end: () => {
        leave(viewer)
        stopLooking()
        try {
          controller.close()
        } catch {
          // Over already.
        }
      },
    }
    write('retry: 1000\n\n')
    enter(viewer)
    goOn()
    return viewer
  }

  return {
    get viewers() {
      return viewers.size
    },
    open: (from, isBrief = false) => {
      if (viewers.size >= viewersMax) return undefined
      let viewer: Viewer | undefined
      const place = readPlace(timeline, from)
      return new ReadableStream<Uint8Array>(
        {
          start: controller => {
            viewer = start(controller, place, isBrief ? createWords() : undefined)
          },
          cancel: () => viewer?.end(),
        },
        { highWaterMark: heldMax, size: chunk => chunk.byteLength },
      )
    },
    stop: () => {
      for (const viewer of [...viewers]) viewer.end()
    },
  }
}

/** Numbers begin anew with each start of the process, so a place names that too. */
export const placeOf = ({ head }: Timeline, number: number): string => `${head.startedAt}-${number}`

/** Undefined: it knows nothing yet, or nothing of this time line. */
function readPlace({ head, last }: Timeline, text: string | undefined): number | undefined {
  const match = /^(?:(\d{1,16})-)?(\d{1,15})$/.exec(text ?? '')
  if (match === null || (match[1] !== undefined && Number(match[1]) !== head.startedAt)) return undefined
  return Number(match[2]) <= last ? Number(match[2]) : undefined
}

function* portions(texts: readonly string[]): Generator<readonly string[]> {
  let portion: string[] = []
  let length = 0
  for (const text of texts) {
    portion.push(text)
    length += text.length
    if (length < batchMax) continue
    yield portion
    portion = []
    length = 0
  }
  if (portion.length > 0) yield portion
}
