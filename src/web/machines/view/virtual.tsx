import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

export interface VirtualProps<T> {
  readonly label: string
  readonly rows: readonly T[]
  /** Pixels; all rows are alike. */
  readonly rowHeight: number
  readonly row: (row: T, at: number) => ComponentChildren
  /** Stays at the end while the end is seen. */
  readonly isFollowing?: boolean
  /** Index of a row that should be seen. */
  readonly wanted?: number | undefined
  readonly role?: 'listbox'
  readonly active?: string | undefined
  readonly onKeyDown?: (event: KeyboardEvent) => void
}

const spare = 8

/** A list of which only what is seen is drawn, so that fifty thousand rows cost as much as fifty. */
export function Virtual<T>(props: VirtualProps<T>): JSX.Element {
  const { label, rows, rowHeight, row, isFollowing = false, wanted, role, active, onKeyDown } = props
  const box = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(400)
  useEffect(() => {
    const { current } = box
    if (current === null) return
    const watch = new ResizeObserver(() => {
      height.value = current.clientHeight
    })
    watch.observe(current)
    return () => watch.disconnect()
  }, [])
  useEffect(() => {
    const { current } = box
    if (current === null) return
    if (isFollowing) current.scrollTop = rows.length * rowHeight
    else if (wanted !== undefined && wanted >= 0) {
      const at = wanted * rowHeight
      if (at < current.scrollTop) current.scrollTop = at
      else if (at + rowHeight > current.scrollTop + current.clientHeight) current.scrollTop = at + rowHeight - current.clientHeight
    }
  }, [isFollowing ? rows.at(-1) : undefined, rows.length === 0, isFollowing, wanted])
  const first = Math.max(0, Math.floor(top.value / rowHeight) - spare)
  const last = Math.min(rows.length, Math.ceil((top.value + height.value) / rowHeight) + spare)
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the role is given by whoever uses the list
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: the same
    <div
      ref={box}
      class="virtual"
      role={role ?? 'group'}
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={active}
      onKeyDown={onKeyDown}
      onScroll={event => {
        top.value = event.currentTarget.scrollTop
      }}
    >
      <div class="long" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
        {rows.slice(first, last).map((one, at) => (
          <div key={first + at} role="presentation" class="slot" style={{ top: `${(first + at) * rowHeight}px`, height: `${rowHeight}px` }}>
            {row(one, first + at)}
          </div>
        ))}
      </div>
    </div>
  )
}
