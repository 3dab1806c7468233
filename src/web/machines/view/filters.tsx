import type { JSX } from 'preact'
import { everything, typeOf } from '../record/filter.ts'
import { actor, aim, filter, lines } from '../state/choice.ts'
import { history, isLive, now, version } from '../state/session.ts'

/** What of the log is wanted. */
export const Filters = (): JSX.Element => {
  version.value
  const { actor: within, machine, type, text, hasMessages, muted } = filter.value
  const record = history.value.at(now.value)
  const current = record?.kind === 'step' || record?.kind === 'event' ? typeOf(record) : undefined
  const isAny = filter.value !== everything && (within !== '' || machine !== '' || type !== '' || text !== '' || muted.size > 0)
  return (
    <div class="filters">
      <select aria-label="Machine" value={machine} onChange={({ currentTarget }) => aim({ machine: currentTarget.value })}>
        <option value="">all machines</option>
        {[...history.value.charts.keys()].map(name => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <input
        aria-label="Event type"
        placeholder="event type"
        value={type}
        onInput={({ currentTarget }) => aim({ type: currentTarget.value })}
      />
      <input
        type="search"
        aria-label="Text"
        placeholder="text"
        value={text}
        onInput={({ currentTarget }) => aim({ text: currentTarget.value })}
      />
      <button
        type="button"
        class="tool"
        aria-pressed={within !== ''}
        onClick={() => aim({ actor: within === '' ? (actor.value ?? '') : '' })}
      >
        {within === '' ? 'This actor only' : `Only ${within.split('/').at(-1)}`}
      </button>
      <button type="button" class="tool" aria-pressed={hasMessages} onClick={() => aim({ hasMessages: !hasMessages })}>
        Messages
      </button>
      {current !== undefined && !isLive.value && (
        <button type="button" class="tool" onClick={() => aim({ muted: new Set([...muted, current]) })}>
          Hide {current}
        </button>
      )}
      {[...muted].map(one => (
        <button
          key={one}
          type="button"
          class="tool muted"
          title={`Show ${one} again`}
          onClick={() => aim({ muted: new Set([...muted].filter(other => other !== one)) })}
        >
          <s>{one}</s> ×
        </button>
      ))}
      {isAny && (
        <button
          type="button"
          class="tool"
          onClick={() => {
            filter.value = everything
          }}
        >
          Clear
        </button>
      )}
      <span class="count" data-lines={lines.value.length}>
        {lines.value.length.toLocaleString('en')} {lines.value.length === 1 ? 'line' : 'lines'}
      </span>
    </div>
  )
}
