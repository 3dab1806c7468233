import type { Board } from './board/board.ts'
import type { Publisher } from './bus/publisher.ts'
import type { Tick } from './exchange/exchange.ts'
import { emptyState, fold, isBehind, priceOf, type SymbolState, seedState } from './exchange/fold.ts'
import { type Cause, type Pair, type Update, writeBody } from './price.ts'

/**
 * How one price travels on the instance that has the socket: tick → state of its symbol → a position → our own board, and the bus. All in
 * one call, nothing awaited, no machine involved.
 */
export interface Path {
  symbolOf(pair: Pair): string | undefined
  /** Ticks of these symbols become prices of these pairs; all others are dropped. */
  route(pairsOf: ReadonlyMap<string, readonly Pair[]>): void
  /** `receivedAt`: wall clock, when the message arrived. */
  take(tick: Tick, receivedAt: number): void
  /** From now on ticks wait: somebody else publishes, whom we are about to succeed. So they do when our own term is over. */
  hold(): void
  readonly isHeld: boolean
  /** It is for us to publish. What waited goes its way, as far as it is newer than what the bus told. */
  resume(): void
  /** It will not be for us after all. */
  drop(): void
  /** Somebody else published a price while we have a socket, too: what comes over ours must be newer than that to count. */
  learn(update: Update): void
}

interface Waiting {
  readonly tick: Tick
  readonly receivedAt: number
}

/** Ticks that may wait: some seconds of the busiest minutes. Beyond it the older half goes; readers are told of the gap. */
const waitingMax = 100_000

export function createPath({ board, publisher }: { readonly board: Board; readonly publisher: Publisher }): Path {
  const states = new Map<string, SymbolState>()
  let waiting: Waiting[] | undefined
  let routes: ReadonlyMap<string, readonly Pair[]> = new Map()
  let symbolOf: ReadonlyMap<Pair, string> = new Map()

  /** What the bus knew of a symbol before we had a socket counts, or the first REST answer could be older than what readers have seen. */
  const begin = (symbol: string, pairs: readonly Pair[]): SymbolState => {
    const state = emptyState(symbol)
    for (const pair of pairs) {
      const known = board.get(pair)
      if (known !== undefined) seedState(state, known.update.body)
    }
    states.set(symbol, state)
    return state
  }

  const show = (state: SymbolState, pair: Pair, cause: Cause, receivedAt: number): void => {
    const price = priceOf(state, pair, receivedAt)
    if (price === undefined) return
    const at = publisher.next()
    const before = publisher.link(pair, at)
    // Who is told of no price before this one knows that something is missing.
    const prev = cause === 'trade' && state.isAfterHole ? 0 : before
    const update = { pair, at, prev, cause, body: writeBody(price, cause, cause === 'rest' ? 'polling' : 'live') }
    board.apply(update, receivedAt, { isBehind: isBehind(state) })
    publisher.publish(update)
  }

  const take = (tick: Tick, receivedAt: number): void => {
    const pairs = routes.get(tick.symbol)
    if (pairs === undefined) return
    const state = states.get(tick.symbol) ?? begin(tick.symbol, pairs)
    const cause = fold(state, tick)
    for (const pair of pairs) {
      if (cause !== undefined || board.get(pair) === undefined)
        show(state, pair, cause ?? (state.source === 'rest' ? 'rest' : 'ticker'), receivedAt)
      else if (!isBehind(state)) board.heard(pair)
    }
  }

  return {
    symbolOf: pair => symbolOf.get(pair),
    route: pairsOf => {
      for (const symbol of states.keys()) if (!pairsOf.has(symbol)) states.delete(symbol)
      routes = pairsOf
      symbolOf = new Map([...pairsOf].flatMap(([symbol, pairs]) => pairs.map(pair => [pair, symbol])))
    },
    learn: update => {
      const state = states.get(symbolOf.get(update.pair) ?? '')
      if (state !== undefined) seedState(state, update.body)
    },
    hold: () => {
      waiting ??= []
    },
    get isHeld() {
      return waiting !== undefined
    },
    resume: () => {
      const held = waiting ?? []
      waiting = undefined
      for (const { tick, receivedAt } of held) take(tick, receivedAt)
    },
    drop: () => {
      waiting = undefined
    },
    take: (tick, receivedAt) => {
      // Who stood still past its lease reads what came meanwhile as if it came now, while others were shown what is newer: it waits, too.
      if (waiting === undefined && !publisher.isOver) return take(tick, receivedAt)
      waiting ??= []
      if (waiting.length >= waitingMax) waiting = waiting.slice(waitingMax / 2)
      waiting.push({ tick, receivedAt })
    },
  }
}
