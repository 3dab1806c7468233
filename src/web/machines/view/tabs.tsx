import type { Signal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'

export interface TabsProps<T extends string> {
  readonly label: string
  readonly chosen: Signal<T>
  readonly tabs: readonly { readonly name: T; readonly title: string; readonly content: () => ComponentChildren }[]
  /** To the right of the tabs. */
  readonly beside?: ComponentChildren
}

/** Tabs as keyboards and screen readers know them: arrows move, one is in the tab order. */
export function Tabs<T extends string>({ label, chosen, tabs, beside }: TabsProps<T>): JSX.Element {
  const id = label.toLowerCase()
  const at = tabs.findIndex(({ name }) => name === chosen.value)
  const turn = (by: number): void => {
    const next = tabs[(at + by + tabs.length) % tabs.length]
    if (next === undefined) return
    chosen.value = next.name
    document.getElementById(`${id}-${next.name}`)?.focus()
  }
  return (
    <>
      <div class="tabs">
        <div role="tablist" aria-label={label}>
          {tabs.map(({ name, title }) => (
            <button
              key={name}
              id={`${id}-${name}`}
              type="button"
              role="tab"
              aria-selected={name === chosen.value}
              aria-controls={`${id}-panel`}
              tabIndex={name === chosen.value ? 0 : -1}
              onClick={() => {
                chosen.value = name
              }}
              onKeyDown={event => {
                if (event.key === 'ArrowRight') turn(1)
                if (event.key === 'ArrowLeft') turn(-1)
              }}
            >
              {title}
            </button>
          ))}
        </div>
        {beside}
      </div>
      <div id={`${id}-panel`} class="tab-panel" role="tabpanel" aria-labelledby={`${id}-${chosen.value}`} tabIndex={-1}>
        {tabs[at]?.content()}
      </div>
    </>
  )
}
