import { useComputed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { grouped } from '../chart/grouped.ts'
import { lifeAt, livesAt, momentAt, type Track } from '../record/track.ts'
import { actor, chart, crowdOf, isCrowd } from '../state/choice.ts'
import { leaveSandbox } from '../state/sandbox.ts'
import { history, now, version } from '../state/session.ts'
import { Virtual } from './virtual.tsx'

interface Leaf {
  readonly track: Track
  readonly depth: number
  readonly name: string
}

const nameOf = (path: string): string => path.split('/').at(-1) ?? path

/** Children after their parents, in the order they came; an instance without an actor of its own is a heading. */
function leavesOf(tracks: readonly Track[], at: number, sought: string): readonly (Leaf | string)[] {
  const there = tracks.filter(one => (one.lives[0]?.from ?? Number.POSITIVE_INFINITY) <= at)
  const paths = new Set(there.map(({ path }) => path))
  const parentOf = ({ path, parent }: Track): string => {
    const around = parent ?? path.slice(0, Math.max(0, path.lastIndexOf('/')))
    return paths.has(around) ? around : ''
  }
  const inside = grouped(there, parentOf)
  const leaves: Leaf[] = []
  const gather = (path: string, depth: number): void => {
    for (const track of inside.get(path) ?? []) {
      leaves.push({ track, depth, name: nameOf(track.path) })
      gather(track.path, depth + 1)
    }
  }
  gather('', 0)
  const found = sought === '' ? leaves : leaves.filter(({ track }) => track.path.includes(sought))
  const groups = grouped(found, ({ track }) => track.path.split('/')[0] ?? '')
  return [...groups].flatMap(([instance, inGroup]) => [instance, ...inGroup])
}

export const Tree = (): JSX.Element => {
  const sought = useSignal('')
  const rows = useComputed(() => {
    version.value
    return leavesOf([...history.value.tracks.values()], now.value, sought.value)
  })
  return (
    <section class="panel tree" aria-label="Actors">
      <header>
        <h2>Actors</h2>
        <input
          type="search"
          placeholder="Find"
          aria-label="Find actors by path"
          value={sought.value}
          onInput={event => {
            sought.value = event.currentTarget.value
          }}
        />
      </header>
      <Virtual
        label="Actors"
        rows={rows.value}
        rowHeight={24}
        row={row => (typeof row === 'string' ? <p class="instance">{row}</p> : <Leafing {...row} />)}
      />
    </section>
  )
}

const Leafing = ({ track, depth, name }: Leaf): JSX.Element => {
  const at = now.value
  const isThere = livesAt(track, at)
  const life = lifeAt(track, at)
  const status = isThere ? (momentAt(track, at)?.status ?? 'active') : (life?.status ?? 'stopped')
  const states = (momentAt(track, at)?.active ?? []).map(id => id.split('.').at(-1)).join(' · ')
  const label = track.machine === undefined ? (track.src ?? '') : states
  return (
    <button
      type="button"
      class={`leaf ${isThere ? '' : 'gone'} ${track.machine === undefined ? 'plain' : ''}`}
      aria-pressed={actor.value === track.path}
      data-actor={track.path}
      title={`${track.path}${life?.error === undefined ? '' : ` — ${life.error}`}`}
      style={{ paddingLeft: `${0.5 + depth * 0.9}rem` }}
      onClick={() => {
        leaveSandbox()
        actor.value = track.path
      }}
    >
      <span class={`dot ${status}`} aria-hidden="true" />
      <span class="name">{name}</span>
      <span class="where">{isThere ? label : status}</span>
    </button>
  )
}

/** One actor, or all of its machine. */
export const CrowdSwitch = (): JSX.Element | null => {
  const { value: of } = chart
  if (of === undefined) return null
  const count = crowdOf(of.machine, now.value).length
  return (
    <button
      type="button"
      class="tool"
      aria-pressed={isCrowd.value}
      onClick={() => {
        isCrowd.value = !isCrowd.value
      }}
    >
      All {count} of {of.machine}
    </button>
  )
}
