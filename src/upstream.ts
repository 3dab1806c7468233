import { backoffMs, type Clock, every, type Timer } from './clock.ts'
import { type Rest, symbolsMax } from './exchange/rest.ts'
import type { Shards } from './exchange/shards.ts'
import { assumedSymbols, type QuoteAliases, type Resolution, readSymbols, type SymbolTable } from './exchange/symbols.ts'
import type { Path } from './path.ts'
import type { Pair } from './price.ts'

/** The side of an instance that faces the exchange: what it trades, what we want of it, and its answers over REST. */
export interface Upstream {
  resolve(pair: Pair): Resolution
  search: SymbolTable['search']
  /** Stream exactly these pairs while connected, and get a first price of those that are new. */
  target(pairs: ReadonlySet<Pair>): void
  /** Asks for the last prices of all targeted pairs. Returns whether the exchange answered. */
  poll(): Promise<boolean>
  readonly hasTargets: boolean
  /** The exchange lists this pair no more, or halted it, while somebody wanted it here: whatever price we have is not live. */
  isUnserved(pair: Pair): boolean
  readonly symbolsKnown: number
  stop(): void
}

export interface UpstreamOptions {
  readonly clock: Clock
  readonly feed: Pick<Shards, 'want' | 'broken'>
  readonly rest: Rest
  readonly path: Path
  readonly aliases: QuoteAliases
  /** Nothing is asked before. */
  readonly ready?: Promise<void>
  /** Prices come over the stream; where they do not, all are polled already. */
  readonly isLive: () => boolean
  /** What this instance's readers want, targeted or not. */
  readonly here: () => ReadonlySet<Pair>
  readonly note: (line: string, fields: Readonly<Record<string, unknown>>) => void
  readonly trouble: (line: string, fields: Readonly<Record<string, unknown>>) => void
  /** The exchange's symbols are known, or known anew, or a status is another. */
  readonly learned: () => void
}

const symbolsEveryMs = 3_600_000
/** While somebody wants what the exchange does not list: it may be listed any minute. Weighs 20 of 6,000. */
const symbolsSoonMs = 30_000
/** How often the symbols of wanted pairs are looked at, some hundred at a time: they are halted, delisted and traded again. Weighs 20, too. */
const statusesEveryMs = 30_000
const symbolsRetryMaxMs = 30_000
/** How often pairs are polled whose connection is broken while others stream. */
const mendEveryMs = 1000
/** Pairs asked for within this time share one REST request. */
const gatherMs = 20

export function createUpstream(options: UpstreamOptions): Upstream {
  const { clock, feed, rest, path, aliases, isLive, here, note, trouble, learned } = options
  let table: SymbolTable = assumedSymbols(aliases)
  let targets: ReadonlySet<Pair> = new Set()
  let routes: ReadonlyMap<string, readonly Pair[]> = new Map()
  let fresh: string[] = []
  let gathering: Timer | undefined
  let symbolsTimer: Timer | undefined
  let learnsAt = Number.POSITIVE_INFINITY
  let isStopped = false
  let isMending = false
  let unserved: ReadonlySet<Pair> = new Set()
  let lookedAt = 0
  /** Symbols that do not trade and that somebody asked for since the last look. */
  const doubted = new Set<string>()

  const route = (): void => {
    const next = new Map<string, Pair[]>()
    for (const pair of targets) {
      const found = resolve(pair)
      if (found.kind !== 'trading') continue
      const pairs = next.get(found.symbol)
      if (pairs === undefined) next.set(found.symbol, [pair])
      else pairs.push(pair)
    }
    const added = [...next].filter(([symbol, pairs]) => pairs.length > (routes.get(symbol)?.length ?? 0)).map(([symbol]) => symbol)
    const before = routes
    routes = next
    path.route(next)
    feed.want(new Set(next.keys()))
    if (added.length === 0 && before.size === next.size) return
    note('subscriptions changed', {
      pairs: targets.size,
      symbols: next.size,
      added: added.length,
      removed: Math.max(0, before.size + added.length - next.size),
    })
    if (added.length > 0) gather(added)
  }

  const gather = (symbols: readonly string[]): void => {
    fresh.push(...symbols)
    gathering ??= clock.setTimeout(() => {
      gathering = undefined
      const wanted = fresh.filter(symbol => routes.has(symbol))
      fresh = []
      if (wanted.length > 0) void ask(wanted)
    }, gatherMs)
  }

  const ask = async (symbols: readonly string[]): Promise<boolean> => {
    const answer = await rest.prices(symbols)
    if (answer.kind !== 'answered' || isStopped) return false
    const receivedAt = clock.wall()
    for (const tick of answer.value) path.take(tick, receivedAt)
    return true
  }

  /** Their own level falls, not that of all others; see levels.ts. */
  const mend = async (): Promise<void> => {
    const symbols = isMending || !isLive() ? [] : feed.broken()
    if (symbols.length === 0) return
    isMending = true
    await ask(symbols)
    isMending = false
  }

  const know = (read: SymbolTable): void => {
    table = read
    unserved = new Set([...targets, ...here()].filter(pair => resolve(pair).kind !== 'trading'))
    route()
    learned()
  }

  /** Small and often; the whole list is megabytes. What the answer does not speak of may be gone, which only the whole list can tell. */
  const lookAtStatuses = async (): Promise<void> => {
    const wanted = new Set(
      [...targets, ...here()].map(pair => table.resolve(pair)).flatMap(found => ('symbol' in found ? [found.symbol] : [])),
    )
    for (const symbol of doubted) wanted.add(symbol)
    doubted.clear()
    if (table.size === 0 || wanted.size === 0) return
    if (lookedAt >= wanted.size) lookedAt = 0
    const symbols = [...wanted].slice(lookedAt, lookedAt + symbolsMax)
    lookedAt += symbolsMax
    const answer = await rest.exchangeInfo(symbols)
    if (isStopped || answer.kind === 'refused') return
    const updated = answer.kind === 'answered' ? table.update(answer.value, symbols) : undefined
    if (updated !== undefined) know(updated)
    else if (learnsAt - clock.now() > symbolsRetryMaxMs) learnIn(500, 0)
  }

  const learn = async (attempt: number): Promise<void> => {
    const answer = await rest.exchangeInfo()
    if (isStopped) return
    const read = answer.kind === 'answered' ? readSymbols(answer.value, aliases) : undefined
    if (read !== undefined) {
      if (table.size !== read.size) note('the exchange told its symbols', { pairs: read.size })
      learnIn(symbolsEveryMs, 0)
      return know(read)
    }
    const cause = answer.kind === 'answered' ? 'an answer that lists no symbols' : answer.cause
    if (attempt === 0) trouble('the exchange cannot be reached; still trying. `npm run demo` plays a simulated one', { cause })
    learnIn(500 + backoffMs(clock, attempt, 1000, symbolsRetryMaxMs), attempt + 1)
  }

  const learnIn = (ms: number, attempt: number): void => {
    if (symbolsTimer !== undefined) clock.clearTimeout(symbolsTimer)
    learnsAt = clock.now() + ms
    symbolsTimer = clock.setTimeout(() => void learn(attempt), ms)
  }

  /** Resolves; what is not listed, or does not trade, may be soon, so the next look is not an hour away. */
  const resolve = (pair: Pair): Resolution => {
    const found = table.resolve(pair)
    if (found.kind === 'not-trading' && doubted.size < symbolsMax) doubted.add(found.symbol)
    if (found.kind === 'unknown' && learnsAt - clock.now() > symbolsSoonMs) learnIn(symbolsSoonMs, 0)
    return found
  }

  if (options.ready === undefined) void learn(0)
  else void options.ready.then(() => (isStopped ? undefined : learn(0)))
  const stops = [every(clock, statusesEveryMs, () => void lookAtStatuses()), every(clock, mendEveryMs, () => void mend())]
  return {
    resolve,
    isUnserved: pair => unserved.has(pair),
    search: (text, limit) => table.search(text, limit),
    target: pairs => {
      targets = pairs
      route()
    },
    poll: () => ask([...routes.keys()]),
    get hasTargets() {
      return routes.size > 0
    },
    get symbolsKnown() {
      return table.size
    },
    stop: () => {
      isStopped = true
      for (const stop of stops) stop()
      for (const timer of [gathering, symbolsTimer]) if (timer !== undefined) clock.clearTimeout(timer)
    },
  }
}
