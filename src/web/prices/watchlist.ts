import { computed, signal } from '@preact/signals'
import { keep, kept } from '../shared/kept.ts'
import { asPair } from './wire.ts'

/** Which pairs are shown, in their order: in the address, so that it can be passed on, and remembered for next time. */

/** The server serves no more to one stream (src/http/query.ts). */
export const pairsMax = 200
const atFirst = ['BTC/USD', 'ETH/USD']

const split = (text: string): readonly string[] => [...new Set(text.split(',').map(asPair))].filter(pair => pair !== '').slice(0, pairsMax)

function read(): readonly string[] {
  const said = new URLSearchParams(location.search).get('pairs') ?? kept('pairs')
  return said === undefined ? atFirst : split(said)
}

const shown = signal<readonly string[]>(read())
export const watchlist = computed(() => shown.value)

function show(pairs: readonly string[]): void {
  shown.value = pairs
  const text = pairs.join(',')
  keep('pairs', text)
  // Slashes and commas may stand in a query as they are, and are read more easily.
  history.replaceState(null, '', `?pairs=${encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%2C', ',')}`)
}

export const isWatched = (pair: string): boolean => shown.peek().includes(pair)

/** False: there is no room for another one. */
export function watch(pair: string): boolean {
  if (isWatched(pair)) return true
  if (shown.peek().length >= pairsMax) return false
  show([...shown.peek(), pair])
  return true
}

export const unwatch = (pair: string): void => show(shown.peek().filter(other => other !== pair))

/** Puts what is shown into the address, and follows the address from now on. */
export function followAddress(): void {
  show(shown.peek())
  addEventListener('popstate', () => {
    shown.value = read()
  })
}
