import { expect } from 'vitest'
import { comparePositions, type Reader } from './reader.ts'
import { until } from './until.ts'

/** Per pair no price stands at or before the one shown before it; one without an id keeps the place of the last. */
export function expectNoneOlder(reader: Reader): void {
  const last = new Map<string, string>()
  for (const { id, data } of reader.prices()) {
    const before = last.get(data.pair)
    if (before !== undefined && id !== '') expect(comparePositions(id, before), `${data.pair} ${id} after ${before}`).toBeGreaterThan(0)
    if (id !== '') last.set(data.pair, id)
  }
}

/** Waits for prices that are made from now on. */
export function flows(reader: Reader, { source = 'websocket', more = 2, withinMs = 8000, pair = '' } = {}): Promise<unknown> {
  const had = reader.prices().length
  const fresh = (): number =>
    reader
      .prices()
      .slice(had)
      .filter(({ data }) => data.source === source && !data.cached && (pair === '' || data.pair === pair)).length
  return until(`${more} more prices ${pair} over ${source}`, () => fresh() >= more, withinMs)
}
