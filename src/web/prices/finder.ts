import { batch, type Signal } from '@preact/signals'
import { announce } from '../shared/announce.tsx'
import { lookUp } from './lookup.ts'
import { isWatched, pairsMax, watch } from './watchlist.ts'
import { asPair, isPair, type Listing } from './wire.ts'

/** What the search does: looks up while one types, and decides what Enter means. */
export interface Finder {
  readonly text: Signal<string>
  readonly found: Signal<readonly Listing[]>
  readonly active: Signal<number>
  readonly isOpen: Signal<boolean>
  readonly isLooking: Signal<boolean>
  readonly wrong: Signal<string>
  type(text: string): void
  press(event: KeyboardEvent): void
  choose(pair: string): void
  close(): void
}

const restMs = 80

export function createFinder(state: Pick<Finder, 'text' | 'found' | 'active' | 'isOpen' | 'isLooking' | 'wrong'>): Finder {
  const { text, found, active, isOpen, isLooking, wrong } = state
  let asking = new AbortController()
  /** Somebody went through the list: Enter means what is marked, not what is typed. */
  let hasMoved = false
  /** Enter was pressed before the answer came. */
  let isHurried = false

  const look = async ({ signal }: AbortController): Promise<void> => {
    await new Promise(resolve => setTimeout(resolve, restMs))
    if (signal.aborted) return
    const listings = await lookUp(text.value, signal).catch(() => [])
    if (signal.aborted) return
    batch(() => {
      found.value = listings
      active.value = 0
      isLooking.value = false
    })
    if (isHurried) enter()
  }

  const type = (typed: string): void => {
    asking.abort()
    asking = new AbortController()
    hasMoved = false
    isHurried = false
    batch(() => {
      text.value = typed
      wrong.value = ''
      isOpen.value = true
      isLooking.value = typed.trim() !== ''
      if (typed.trim() === '') found.value = []
    })
    if (typed.trim() !== '') void look(asking)
  }

  const choose = (pair: string): void => {
    if (isWatched(pair)) wrong.value = `${pair} is shown already.`
    else if (!watch(pair)) wrong.value = `There is room for ${pairsMax} pairs; remove one first.`
    else {
      type('')
      isOpen.value = false
      announce(`${pair} added.`)
    }
  }

  const enter = (): void => {
    const typed = asPair(text.value)
    const marked = found.value[active.value]
    if (typed === '') return
    if (isPair(typed) && !hasMoved) choose(typed)
    else if (marked !== undefined && !isLooking.value) choose(marked.pair)
    else if (isLooking.value) isHurried = true
    else wrong.value = `“${text.value.trim()}” is no pair; one looks like BTC/USD.`
  }

  const move = (by: number): void => {
    const { length } = found.value
    isOpen.value = true
    if (length === 0) return
    // The first one is marked already, before anybody moved.
    active.value = (active.value + by + length) % length
    hasMoved = true
  }

  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: enter,
    Escape: () => {
      if (isOpen.value && text.value !== '') isOpen.value = false
      else type('')
    },
  }

  return {
    ...state,
    type,
    choose,
    press: event => {
      const act = event.isComposing ? undefined : keys[event.key]
      if (act === undefined) return
      event.preventDefault()
      act()
    },
    close: () => {
      isOpen.value = false
    },
  }
}
