import type { History } from './history.ts'

/** One arrow of the diagram. `from` absent: it came from outside. */
export interface Message {
  readonly n: number
  readonly at: number
  readonly from?: string
  readonly to: string
  readonly type: string
}

export interface Sequence {
  /** Who takes part, each a line downward, in the order of the tree. */
  readonly lanes: readonly string[]
  readonly messages: readonly Message[]
}

export const messagesMax = 120

/** The last messages up to `until` (a serial, included), newest last. `actor`: only those it sends or receives, or those below it. */
export function sequenceOf(history: History, until: number, actor: string, muted: ReadonlySet<string>): Sequence {
  const messages: Message[] = []
  const isOf = (path: string | undefined): boolean => path !== undefined && (path === actor || path.startsWith(`${actor}/`))
  for (let n = until; n >= history.first && messages.length < messagesMax; n -= 1) {
    const record = history.at(n)
    if (record?.kind !== 'event' || muted.has(record.event.type)) continue
    if (actor !== '' && !isOf(record.actor) && !isOf(record.source)) continue
    messages.unshift({
      n,
      at: record.at,
      to: record.actor,
      type: record.event.type,
      ...(record.source !== undefined && { from: record.source }),
    })
  }
  const met = new Set(messages.flatMap(({ from, to }) => (from === undefined ? [to] : [from, to])))
  const known = [...history.tracks.keys()].filter(path => met.has(path))
  return { lanes: [...known, ...[...met].filter(path => !history.tracks.has(path))], messages }
}
