import { effect } from '@preact/signals'
import { actor, aim, filter, foot, isCrowd, side } from './choice.ts'
import { complaint, cursor, goTo, history, version } from './session.ts'

/**
 * The address bar leads back here: actor, moment and filter stand behind the `#`, where no server sees them. The moment is the record's
 * own number `q`, so a link into a file keeps its meaning.
 */
export function hashFor(): string {
  const { type, text, machine, actor: within, muted, hasMessages } = filter.value
  const at = cursor.value === undefined ? undefined : history.value.at(cursor.value)?.q
  const parts: [string, string][] = [
    ['actor', actor.value ?? ''],
    ['at', at === undefined ? '' : String(at)],
    ['within', within],
    ['machine', machine],
    ['type', type],
    ['text', text],
    ['mute', [...muted].join(' ')],
    ['messages', hasMessages ? 'yes' : ''],
    ['crowd', isCrowd.value ? 'yes' : ''],
    ['side', side.value === 'state' ? '' : side.value],
    ['foot', foot.value === 'log' ? '' : foot.value],
  ]
  return new URLSearchParams(parts.filter(([, value]) => value !== '')).toString()
}

/** A moment asked for before its record came. */
let awaited: number | undefined

function follow(hash: string): void {
  const asked = new URLSearchParams(hash.replace(/^#/, ''))
  const text = (name: string): string => asked.get(name) ?? ''
  if (text('actor') !== '') actor.value = text('actor')
  aim({
    actor: text('within'),
    machine: text('machine'),
    type: text('type'),
    text: text('text'),
    muted: new Set(text('mute').split(' ').filter(Boolean)),
    hasMessages: text('messages') === 'yes',
  })
  isCrowd.value = text('crowd') === 'yes'
  side.value = text('side') === 'next' ? 'next' : 'state'
  foot.value = text('foot') === 'sequence' ? 'sequence' : 'log'
  awaited = asked.has('at') ? Number(asked.get('at')) : undefined
  arrive()
}

/** Goes to the moment asked for as soon as it is there. */
function arrive(): void {
  const { first, next } = history.peek()
  const newest = history.peek().at(next - 1)
  if (awaited === undefined || Number.isNaN(awaited) || newest === undefined || (newest.q < awaited && next - first < 2)) return
  const oldest = history.peek().at(first)?.q ?? 0
  if (oldest > awaited) complaint.value = 'The moment of the link is not kept any more; this is now.'
  else goTo(history.peek().serialOf(awaited))
  awaited = undefined
}

/** Reads the address, then keeps it true. */
export function keepLink(): void {
  follow(location.hash)
  addEventListener('hashchange', () => {
    if (location.hash.slice(1) !== hashFor()) follow(location.hash)
  })
  effect(() => {
    version.value
    arrive()
  })
  let isDue = false
  effect(() => {
    hashFor()
    if (isDue) return
    isDue = true
    // Browsers refuse more than some hundred changes of the address in half a minute.
    setTimeout(() => {
      isDue = false
      if (awaited === undefined) window.history.replaceState(undefined, '', `#${hashFor()}`)
    }, 400)
  })
}
