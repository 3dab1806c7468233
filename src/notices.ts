import type { Hub } from './board/hub.ts'
import type { Clock } from './clock.ts'
import type { Wanted } from './demand/wanted.ts'
import type { Levels } from './levels.ts'
import type { Pair } from './price.ts'
import type { Upstream } from './upstream.ts'

/** What readers are told about their pairs beside prices: how good they are now, and which are not served at all. */
export interface Notices {
  /** The level of this pair may be another now. */
  lookAt(pair: Pair): void
  /** The level of any pair may be, by the mere passing of time. */
  look(): void
  /** The level of the instance is another now. */
  tellLevels(): void
  /** Tells readers whose pairs the exchange does not trade, or no more, once for each time that is so. */
  tellUnserved(): void
}

export interface NoticesOptions {
  readonly clock: Clock
  readonly hub: Hub
  readonly levels: Pick<Levels, 'of'>
  readonly wanted: Wanted
  readonly resolve: Upstream['resolve']
}

export function createNotices({ clock, hub, levels, wanted, resolve }: NoticesOptions): Notices {
  const shown = new Map<Pair, string>()
  /** What readers were told is wrong with a pair; nothing is wrong any more when empty. */
  const told = new Map<Pair, string>()
  let isTelling = false

  /** What changes in one turn is told once. */
  const tellLevels = (): void => {
    if (isTelling) return
    isTelling = true
    clock.soon(() => {
      isTelling = false
      hub.levelsChanged()
    })
  }

  const lookAt = (pair: Pair): void => {
    const level = levels.of(pair)
    if (shown.get(pair) === level) return
    shown.set(pair, level)
    tellLevels()
  }

  return {
    tellLevels,
    lookAt,
    look: () => {
      for (const pair of shown.keys()) if (!wanted.here().has(pair)) shown.delete(pair)
      for (const pair of wanted.here()) lookAt(pair)
    },
    tellUnserved: () => {
      for (const pair of told.keys()) if (!wanted.here().has(pair)) told.delete(pair)
      for (const pair of wanted.here()) {
        const error = errorOf(pair, resolve(pair))
        const detail = error?.detail ?? ''
        if (detail === (told.get(pair) ?? '')) continue
        told.set(pair, detail)
        lookAt(pair)
        if (error !== undefined) hub.tell(pair, 'pair-error', error)
      }
    },
  }
}

function errorOf(pair: Pair, found: ReturnType<Upstream['resolve']>) {
  if (found.kind === 'trading') return undefined
  if (found.kind === 'unknown') return { pair, code: 'unknown-pair', detail: `The exchange lists no ${pair}.` }
  return { pair, code: 'not-trading', detail: `The exchange lists ${found.symbol}, but its status is ${found.status}.` }
}
