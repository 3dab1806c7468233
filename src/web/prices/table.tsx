import { computed } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { announce } from '../shared/announce.tsx'
import type { Quote } from './quote.ts'
import { quotes } from './quotes.ts'
import { Sparkline } from './sparkline.tsx'
import { connection } from './stream.ts'
import { unwatch } from './watchlist.ts'
import { levelWords } from './words.ts'

/** Roles are said once more because the style sheet makes grids of the rows, and some browsers take that for no table. */
export const Table = (): JSX.Element => (
  <div class="panel">
    <table role="table" class="prices" data-connection={connection.value.kind}>
      <caption class="unseen">Prices of the pairs you chose, kept up to date</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col" class="c-pair">
            Pair
          </th>
          <th role="columnheader" scope="col" class="c-price">
            Price
          </th>
          <th role="columnheader" scope="col" class="c-change">
            24 h
          </th>
          <th role="columnheader" scope="col" class="c-bid">
            Bid
          </th>
          <th role="columnheader" scope="col" class="c-ask">
            Ask
          </th>
          <th role="columnheader" scope="col" class="c-session">
            Session
          </th>
          <th role="columnheader" scope="col" class="c-age">
            Age
          </th>
          <th role="columnheader" scope="col" class="c-level">
            Level
          </th>
          <th role="columnheader" scope="col" class="c-remove">
            <span class="unseen">Remove</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {quotes.value.map(quote => (
          <Row key={quote.pair} quote={quote} />
        ))}
      </tbody>
    </table>
  </div>
)

interface Of {
  readonly quote: Quote
}

/** Rendered once: what ticks are signals in its cells. */
const Row = ({ quote }: Of): JSX.Element => {
  const row = useInView(quote)
  const className = useMemo(() => computed(() => (quote.price.value === '' ? 'quote waiting' : 'quote')), [quote])
  return quote.problem.value === '' ? (
    <tr role="row" ref={row} class={className}>
      <PairCell quote={quote} />
      <PriceCell quote={quote} />
      <td role="cell" class="c-change">
        <span class={quote.changeTone}>{quote.change}</span>
      </td>
      <td role="cell" class="c-bid">
        {quote.bid}
      </td>
      <td role="cell" class="c-ask">
        {quote.ask}
      </td>
      <td role="cell" class="c-session">
        <Sparkline quote={quote} />
      </td>
      <td role="cell" class="c-age">
        {quote.age}
      </td>
      <LevelCell quote={quote} />
      <RemoveCell quote={quote} />
    </tr>
  ) : (
    <tr role="row" ref={row} class="quote wrong">
      <PairCell quote={quote} />
      <td role="cell" class="c-problem">
        {quote.problem}
      </td>
      <RemoveCell quote={quote} />
    </tr>
  )
}

const PairCell = ({ quote }: Of): JSX.Element => {
  const [base, quoted] = quote.pair.split('/')
  return (
    <th role="rowheader" scope="row" class="c-pair">
      <span class="pair" title={quote.pair}>
        {base}
        {quoted !== undefined && <span class="quoted">/{quoted}</span>}
      </span>
    </th>
  )
}

const arrows = { up: '▲', down: '▼' }

const PriceCell = ({ quote }: Of): JSX.Element => {
  const { tone, arrow, hasPrice } = useMemo(
    () => ({
      tone: computed(() => `c-price ${quote.tick.value}`),
      arrow: computed(() => (quote.tick.value.startsWith('up') ? arrows.up : quote.tick.value === '' ? '' : arrows.down)),
      hasPrice: computed(() => quote.price.value !== ''),
    }),
    [quote],
  )
  return (
    <td role="cell" class={tone}>
      {hasPrice.value ? (
        <>
          <span class="amount">{quote.price}</span>
          <span class="arrow" aria-hidden="true">
            {arrow}
          </span>
        </>
      ) : (
        <span class="bone">
          <span class="unseen">waiting for the first price</span>
        </span>
      )}
    </td>
  )
}

const LevelCell = ({ quote }: Of): JSX.Element => {
  const shown = useMemo(
    () =>
      computed(() => {
        const { kind } = connection.value
        if (kind !== 'open' && kind !== 'connecting') return { name: 'cut', word: 'not connected' }
        const level = quote.price.value === '' ? undefined : quote.level.value
        return level === undefined ? { name: 'waiting', word: 'waiting' } : { name: level, word: levelWords[level] }
      }),
    [quote],
  )
  return (
    <td role="cell" class="c-level">
      <span class={`level ${shown.value.name}`}>{shown.value.word}</span>
    </td>
  )
}

const RemoveCell = ({ quote: { pair } }: Of): JSX.Element => (
  <td role="cell" class="c-remove">
    <button type="button" class="icon remove" aria-label={`Remove ${pair}`} title={`Remove ${pair}`} onClick={() => remove(pair)}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        <path d="m3.5 3.5 9 9m0-9-9 9" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" />
      </svg>
    </button>
  </td>
)

/** The keyboard stays where it was: at the row that took the place, else at the search. */
function remove(pair: string): void {
  const at = quotes.peek().findIndex(quote => quote.pair === pair)
  unwatch(pair)
  announce(`${pair} removed.`)
  requestAnimationFrame(() => {
    const buttons = [...document.querySelectorAll<HTMLElement>('.remove')]
    const next = buttons[Math.min(at, buttons.length - 1)] ?? document.querySelector<HTMLElement>('[role=combobox]')
    next?.focus()
  })
}

const quoteOfRow = new WeakMap<Element, Quote>()
const sight = new IntersectionObserver(
  entries => {
    for (const { target, isIntersecting } of entries) {
      const quote = quoteOfRow.get(target)
      if (quote !== undefined) quote.isInView = isIntersecting
    }
  },
  { rootMargin: '200px' },
)

function useInView(quote: Quote): { readonly current: HTMLTableRowElement | null } {
  const row = useRef<HTMLTableRowElement>(null)
  const hasProblem = quote.problem.value !== ''
  useEffect(() => {
    const element = row.current
    if (element === null) return
    quoteOfRow.set(element, quote)
    sight.observe(element)
    return () => sight.unobserve(element)
  }, [quote, hasProblem])
  return row
}
