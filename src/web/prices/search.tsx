import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { createFinder, type Finder } from './finder.ts'
import { isWatched } from './watchlist.ts'
import type { Listing } from './wire.ts'

/** Finds a pair and adds it: a combobox with a list (WAI-ARIA Authoring Practices, "Editable Combobox With List Autocomplete"). */
export const Search = (): JSX.Element => {
  const finder = useFinder()
  const { text, found, active, isOpen, wrong } = finder
  const input = useRef<HTMLInputElement>(null)
  useSlash(input)
  const isListed = isOpen.value && text.value.trim() !== ''
  return (
    <div class="search">
      <label for="search" class="unseen">
        Add a pair
      </label>
      <Lens />
      <input
        ref={input}
        id="search"
        role="combobox"
        aria-expanded={isListed}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant={isListed && found.value[active.value] !== undefined ? `found-${active.value}` : undefined}
        aria-describedby="search-wrong"
        aria-invalid={wrong.value !== ''}
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        enterkeyhint="done"
        maxLength={41}
        placeholder="Add a pair, as SOL/USD"
        value={text}
        onInput={event => finder.type(event.currentTarget.value)}
        onKeyDown={event => finder.press(event)}
        onFocus={() => finder.type(text.value)}
        onBlur={finder.close}
      />
      <span class="slash" aria-hidden="true">
        /
      </span>
      <div class="found" hidden={!isListed}>
        <div id="found" class="options" role="listbox" aria-label="Pairs found">
          {found.value.map((listing, index) => (
            <Found key={listing.pair} listing={listing} index={index} isActive={index === active.value} choose={finder.choose} />
          ))}
        </div>
        {found.value.length === 0 && (
          <p class="none">{finder.isLooking.value ? 'Looking…' : `The exchange lists nothing like “${text.value.trim()}”.`}</p>
        )}
      </div>
      <p id="search-wrong" class="search-wrong" role="alert">
        {wrong}
      </p>
    </div>
  )
}

interface FoundProps {
  readonly listing: Listing
  readonly index: number
  readonly isActive: boolean
  readonly choose: (pair: string) => void
}

const Found = ({ listing: { pair, status }, index, isActive, choose }: FoundProps): JSX.Element => {
  const note = isWatched(pair) ? 'shown' : status === 'TRADING' ? '' : status.toLowerCase()
  const element = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isActive) element.current?.scrollIntoView({ block: 'nearest' })
  }, [isActive])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the input, where the focus stays
    <div
      ref={element}
      id={`found-${index}`}
      role="option"
      tabIndex={-1}
      aria-selected={isActive}
      aria-disabled={note !== ''}
      onPointerDown={event => event.preventDefault()}
      onClick={() => choose(pair)}
    >
      <span>{pair}</span>
      <span class="note">{note}</span>
    </div>
  )
}

const Lens = (): JSX.Element => (
  <svg class="lens" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
    <path
      d="M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zm3.7-1.3L14 14"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
    />
  </svg>
)

/** "/" goes to the search from everywhere, as on other pages with one. */
function useSlash(input: { readonly current: HTMLInputElement | null }): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) return
      event.preventDefault()
      input.current?.focus()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [input])
}

function useFinder(): Finder {
  const state = {
    text: useSignal(''),
    found: useSignal<readonly Listing[]>([]),
    active: useSignal(0),
    isOpen: useSignal(false),
    isLooking: useSignal(false),
    wrong: useSignal(''),
  }
  return useMemo(() => createFinder(state), [])
}
