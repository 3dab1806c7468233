import type { Clock } from '../clock.ts'
import type { EmbeddedLine, EmbeddedStore } from '../embedded.ts'
import type { Names } from '../names.ts'
import { retryMs, type Telling } from './telling.ts'

export interface MemoryTellingOptions {
  readonly clock: Clock
  readonly store: Pick<EmbeddedStore, 'ask' | 'line'>
  readonly names: Names
}

/** Between the instances of one process. */
export function createMemoryTelling({ clock, store, names }: MemoryTellingOptions): Telling {
  const stops = new Set<() => void>()
  const publish = (channel: string, text: string): void => void store.ask(keys => keys.publish(channel, text))

  const hear: Telling['hear'] = (to, heard) => {
    let line: EmbeddedLine | undefined
    let timer: unknown
    const again = (): void => {
      timer = clock.setTimeout(open, retryMs)
    }
    const open = (): void => {
      const mine = store.line({ message: (_, payload) => heard(payload.toString()), over: again })
      line = mine
      // A line that cannot be opened is over, and says so itself.
      mine
        .open()
        .then(() => mine.subscribe([names.inspectOf(to)]))
        .catch(() => {})
    }
    const stop = (): void => {
      stops.delete(stop)
      clock.clearTimeout(timer)
      line?.close()
    }
    stops.add(stop)
    open()
    return stop
  }

  return {
    call: text => publish(names.inspect, text),
    say: (to, text) => publish(names.inspectOf(to), text),
    hear,
    close: () => {
      for (const stop of stops) stop()
    },
  }
}
