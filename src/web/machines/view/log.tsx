import type { JSX } from 'preact'
import { eventWords } from '../chart/edges.ts'
import type { Timed } from '../record/history.ts'
import { actor, lines } from '../state/choice.ts'
import { briefly, goTo, history, isLive, now } from '../state/session.ts'
import { clock } from './time-text.ts'
import { Virtual } from './virtual.tsx'

const rowHeight = 22

/** Every transition, newest last. A line chosen is the moment looked at. */
export const Log = (): JSX.Element => {
  const rows = lines.value
  const at = rows.findLastIndex(n => n <= now.value)
  const choose = (index: number): void => {
    const n = rows[Math.max(0, Math.min(rows.length - 1, index))]
    if (n !== undefined) goTo(n)
  }
  return (
    <Virtual
      label="Log of transitions"
      role="listbox"
      rows={rows}
      rowHeight={rowHeight}
      isFollowing={isLive.value}
      wanted={at}
      active={rows[at] === undefined ? undefined : `line-${rows[at]}`}
      onKeyDown={event => {
        const jump = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + 12, PageUp: at - 12, Home: 0 }[event.key]
        if (jump === undefined) return
        event.preventDefault()
        event.stopPropagation()
        choose(jump)
      }}
      row={(n, index) => <Line n={n} isChosen={index === at && !isLive.value} />}
    />
  )
}

const Line = ({ n, isChosen }: { readonly n: number; readonly isChosen: boolean }): JSX.Element | null => {
  const record = history.value.at(n)
  if (record === undefined) return null
  const who = 'actor' in record ? record.actor : record.kind === 'mark' ? record.who : ''
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys, as a listbox does
    <div
      id={`line-${n}`}
      role="option"
      aria-selected={isChosen}
      tabIndex={-1}
      class={`log-line ${record.kind} ${record.kind === 'mark' && record.isFault ? 'fault' : ''} ${who === actor.value ? 'mine' : ''}`}
      data-q={record.q}
      onClick={() => {
        goTo(n)
        if ('actor' in record) actor.value = record.actor
      }}
    >
      <span class="time">{clock(record.at)}</span>
      <span class="who" title={who}>
        {briefly(who)}
      </span>
      <Words record={record} />
    </div>
  )
}

const machineOf = (path: string): string | undefined => history.value.tracks.get(path)?.machine

const short = (id: string): string => id.split('.').slice(1).join('.') || id

const Words = ({ record }: { readonly record: Timed }): JSX.Element => {
  switch (record.kind) {
    case 'step': {
      const { type, ...payload } = record.event
      return (
        <>
          <span class="type" title={type}>
            {eventWords(type, machineOf(record.actor))}
          </span>
          <span class="to">{record.edges.length === 0 ? 'ignored' : `→ ${record.moment.active.map(short).join(' · ')}`}</span>
          <span class="payload-text">{Object.keys(payload).length === 0 ? '' : JSON.stringify(payload)}</span>
          <span class="source">{record.source === undefined ? '' : `from ${record.source.split('/').at(-1)}`}</span>
          <span class="took">{record.took.toFixed(2)} ms</span>
        </>
      )
    }
    case 'event':
      return (
        <>
          <span class="type" title={record.event.type}>
            {eventWords(record.event.type, machineOf(record.actor))}
          </span>
          <span class="to">received</span>
          <span class="source">{record.source === undefined ? 'from outside' : `from ${record.source.split('/').at(-1)}`}</span>
        </>
      )
    case 'actor':
      return (
        <>
          <span class="type">{record.machine ?? record.src ?? 'actor'}</span>
          <span class="to">is there {record.moment.active.map(short).join(' · ')}</span>
        </>
      )
    case 'gone':
      return (
        <>
          <span class="type">{record.status}</span>
          <span class="to">{record.error ?? ''}</span>
        </>
      )
    case 'mark':
      return (
        <>
          <span class="type">{record.isFault ? 'fault' : 'mark'}</span>
          <span class="to">{record.what}</span>
        </>
      )
    case 'lost':
      return (
        <>
          <span class="type">lost</span>
          <span class="to">{record.records} records were not sent, so that this page keeps up; all actors follow.</span>
        </>
      )
  }
}
