import { useComputed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
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
  const inside = new Map<string, Track[]>()
  for (const one of there) inside.set(parentOf(one), [...(inside.get(parentOf(one)) ?? []), one])
  const below = (path: string, depth: number): Leaf[] =>
    (inside.get(path) ?? []).flatMap(one => [{ track: one, depth, name: nameOf(one.path) }, ...below(one.path, depth + 1)])
  const groups = new Map<string, Leaf[]>()
  for (const leaf of below('', 0)) {
    const instance = leaf.track.path.split('/')[0] ?? ''
    if (sought !== '' && !leaf.track.path.includes(sought)) continue
    groups.set(instance, [...(groups.get(instance) ?? []), leaf])
  }
  return [...groups].flatMap(([instance, leaves]) => [instance, ...leaves])
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
