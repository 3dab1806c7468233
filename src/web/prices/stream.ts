import { signal } from '@preact/signals'
import type { ComeBackEvent, PairErrorEvent, StatusEvent } from './wire.ts'

/** One EventSource for all pairs, reopened when they change, when it was refused, and when the network is back. */

export type Connection =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** Broken off at `since`; the browser or we try again. */
  | { readonly kind: 'reconnecting'; readonly since: number }
  /** The instance said to come back: it goes, or is full. */
  | { readonly kind: 'sent-away'; readonly why: 'leaving' | 'full'; readonly until: number }
  /** The server says no, and why. */
  | { readonly kind: 'refused'; readonly detail: string }

export interface StreamHearing {
  /** Not parsed: most prices are replaced before they are shown. */
  price(raw: string): void
  status(status: StatusEvent): void
  pairError(error: PairErrorEvent): void
}

/** Waits before a refused stream is asked for again, at most; half of it at least. */
const askAgainMs = { first: 2000, most: 30_000 }
/** From so many pairs on the eye cannot follow each: each pair at most ten times a second then. */
const manyPairs = 50
const manyIntervalMs = 100

export const connection = signal<Connection>({ kind: 'connecting' })

export function createStream(hearing: StreamHearing): (pairs: readonly string[]) => void {
  let source: EventSource | undefined
  let pairs: readonly string[] = []
  let waitMs = askAgainMs.first
  let timer: number | undefined

  const close = (): void => {
    clearTimeout(timer)
    timer = undefined
    source?.close()
    source = undefined
  }

  const open = (): void => {
    close()
    if (pairs.length === 0) {
      connection.value = { kind: 'idle' }
      return
    }
    const rate = pairs.length > manyPairs ? `&interval=${manyIntervalMs}` : ''
    const opened = new EventSource(`/v1/stream?pairs=${encodeURIComponent(pairs.join(','))}${rate}`)
    source = opened
    const on = (name: string, hear: (text: string) => void): void =>
      opened.addEventListener(name, event => {
        if (source === opened) hear((event as MessageEvent<string>).data)
      })
    on('price', hearing.price)
    on('status', text => {
      waitMs = askAgainMs.first
      connection.value = { kind: 'open' }
      hearing.status(JSON.parse(text))
    })
    on('pair-error', text => hearing.pairError(JSON.parse(text)))
    on('reconnect', text => sentAway('leaving', JSON.parse(text)))
    on('busy', text => sentAway('full', JSON.parse(text)))
    opened.addEventListener('error', () => {
      if (source === opened) broken(opened.readyState === EventSource.CLOSED)
    })
  }

  const sentAway = (why: 'leaving' | 'full', { afterMs }: ComeBackEvent): void => {
    connection.value = { kind: 'sent-away', why, until: Date.now() + afterMs }
  }

  const broken = (isGivenUp: boolean): void => {
    const { kind } = connection.peek()
    const isExpected = kind === 'sent-away' || kind === 'reconnecting' || kind === 'refused'
    if (!isExpected) connection.value = { kind: 'reconnecting', since: Date.now() }
    if (isGivenUp) void askWhy(source)
  }

  /** An EventSource does not say why it was refused, and never tries again by itself. */
  const askWhy = async (refused: EventSource | undefined): Promise<void> => {
    const detail = await refusal(pairs, hearing.pairError)
    if (source !== refused) return
    if (detail !== undefined) connection.value = { kind: 'refused', detail }
    timer = window.setTimeout(open, waitMs * (0.5 + Math.random() / 2))
    waitMs = Math.min(waitMs * 2, askAgainMs.most)
  }

  addEventListener('online', () => {
    if (connection.peek().kind !== 'open') open()
  })
  addEventListener('pageshow', event => {
    if (event.persisted) open()
  })

  return wanted => {
    if (source !== undefined && wanted.join() === pairs.join()) return
    pairs = wanted
    waitMs = askAgainMs.first
    open()
  }
}

/** What the server says about these pairs when asked plainly; undefined: it says nothing against them, or nothing at all. */
async function refusal(pairs: readonly string[], pairError: StreamHearing['pairError']): Promise<string | undefined> {
  try {
    const answer = await fetch(`/v1/prices?pairs=${encodeURIComponent(pairs.join(','))}`)
    if (answer.ok || answer.status >= 500) return undefined
    const { detail, errors = [] } = await answer.json()
    for (const error of errors) pairError(error)
    return String(detail)
  } catch {
    return undefined
  }
}
