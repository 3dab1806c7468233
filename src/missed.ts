import { z } from 'zod'
import type { Hub } from './board/hub.ts'
import type { Found, Missing } from './board/missing.ts'
import type { Bus } from './bus/bus.ts'
import type { Clock } from './clock.ts'
import type { Ledger } from './demand/ledger.ts'
import type { Diary } from './diary.ts'
import { findTrades } from './exchange/missed-trades.ts'
import type { Rest } from './exchange/rest.ts'
import type { Upstream } from './upstream.ts'

/**
 * Trades that readers of every one lack. Whoever misses some asks: the leader, which asks the exchange and tells all instances what it
 * found, so that trades missed by all are asked for once; an instance on its own asks the exchange itself.
 *
 * Bounded: so many trades at a time, so long, so many asked for at once, and of the exchange's weight what prices leave.
 */
export interface Missed {
  /** Until when to wait (monotonic clock) for what is missing; undefined: it cannot be had. */
  ask(missing: Missing): number | undefined
  /** Another instance said this on the channel of demands. */
  heard(text: string): void
  /** The leader told this. */
  told(payload: Buffer): void
  counts(): { readonly asked: number; readonly found: number }
}

export interface MissedOptions {
  readonly clock: Clock
  readonly rest: Rest
  readonly bus: Bus
  readonly ledger: Ledger
  readonly upstream: Pick<Upstream, 'resolve'>
  readonly diary: () => Pick<Diary, 'role' | 'term'>
  readonly hub: () => Pick<Hub, 'found'>
  readonly garbled: () => void
}

/** More trades than these at a time are told as a gap, not asked for: some seconds of the busiest minutes. */
export const tradesMax = 4000
/** How long readers wait. */
export const waitMs = 2000
/** How long the exchange is asked: what it says has a way to go. */
const askMs = 1600
const waitingMax = 128
const atOnceMax = 4
/** What was found is told again to who asks so soon after; then it is asked for again. */
const rememberedMax = 16

const range = { pair: z.string().max(60), from: z.number().int().nonnegative(), to: z.number().int().nonnegative() }
const question = z.object({ missed: z.object(range) })
const answer = z.object({
  ...range,
  symbol: z.string().regex(/^[\p{L}\p{N}]{1,60}$/u),
  receivedAt: z.number().int(),
  trades: z
    .array(z.tuple([z.number().int(), z.number().int(), z.string().regex(/^\d{1,20}(\.\d{1,20})?$/), z.number().int()]))
    .max(tradesMax),
})
const answerBytesMax = 512 * 1024

const isSane = ({ from, to }: Missing): boolean => from <= to && to - from < tradesMax
const keyOf = ({ pair, from, to }: Missing): string => `${pair} ${from}-${to}`

export function createMissed(options: MissedOptions): Missed {
  const { clock, rest, bus, ledger, upstream, diary, hub, garbled } = options
  /** Asked for here, and until when it is waited for. */
  const waiting = new Map<string, number>()
  /** To be asked of the exchange, and being asked. */
  const queue: { readonly missing: Missing; readonly until: number }[] = []
  const asking = new Set<string>()
  const remembered = new Map<string, { readonly text: string; readonly until: number }>()
  const counts = { asked: 0, found: 0 }

  const tell = (text: string): void => {
    if (diary().role() === 'leader') void bus.tellMissed(diary().term().epoch, text)
  }

  const askExchange = async ({ missing, until }: (typeof queue)[number]): Promise<void> => {
    const resolved = upstream.resolve(missing.pair)
    const symbol = resolved.kind === 'trading' ? resolved.symbol : undefined
    const { from, to } = missing
    const trades = symbol === undefined ? [] : await findTrades(clock, rest.aggregates, { symbol, from, to, until })
    const all: Found = { ...missing, symbol: symbol ?? '', receivedAt: clock.wall(), trades }
    waiting.delete(keyOf(missing))
    hub().found(all)
    if (symbol === undefined) return
    for (const { tradeId, firstTradeId = tradeId } of trades) counts.found += Math.min(to, tradeId) - Math.max(from, firstTradeId) + 1
    const text = writeFound(all)
    tell(text)
    const [oldest] = remembered.keys()
    if (oldest !== undefined && remembered.size >= rememberedMax) remembered.delete(oldest)
    remembered.set(keyOf(missing), { text, until: clock.now() + waitMs })
  }

  const work = (): void => {
    while (queue.length > 0 && asking.size < atOnceMax) {
      const next = queue.shift()
      if (next === undefined) return
      const key = keyOf(next.missing)
      asking.add(key)
      void askExchange(next).finally(() => {
        asking.delete(key)
        work()
      })
    }
  }

  const enqueue = (missing: Missing): boolean => {
    const key = keyOf(missing)
    if (asking.has(key) || queue.some(({ missing: other }) => keyOf(other) === key)) return true
    if (queue.length >= waitingMax) return false
    counts.asked += 1
    queue.push({ missing, until: clock.now() + askMs })
    work()
    return true
  }

  const forgetOld = (): void => {
    for (const [key, until] of waiting) if (until <= clock.now()) waiting.delete(key)
  }

  return {
    ask: missing => {
      if (!isSane(missing)) return undefined
      forgetOld()
      const key = keyOf(missing)
      const known = waiting.get(key)
      if (known !== undefined) return known
      if (waiting.size >= waitingMax) return undefined
      if (diary().role() === 'follower') void ledger.ask(JSON.stringify({ missed: missing }))
      else if (!enqueue(missing)) return undefined
      const until = clock.now() + waitMs
      waiting.set(key, until)
      return until
    },
    heard: text => {
      if (diary().role() !== 'leader' || !text.startsWith('{')) return
      const missing = parse(question, text)?.missed
      if (missing === undefined || !isSane(missing) || upstream.resolve(missing.pair).kind !== 'trading') return
      const known = remembered.get(keyOf(missing))
      if (known !== undefined && known.until > clock.now()) tell(known.text)
      else enqueue(missing)
    },
    told: payload => {
      const read = payload.length > answerBytesMax ? undefined : parse(answer, payload.toString())
      if (read === undefined) return garbled()
      const { trades, ...all } = read
      waiting.delete(keyOf(all))
      hub().found({
        ...all,
        trades: trades.map(([firstTradeId, tradeId, price, exchangeTime]) => ({ firstTradeId, tradeId, price, exchangeTime })),
      })
    },
    counts: () => ({ ...counts }),
  }
}

/** Compact: a thousand trades are 45 kB. */
const writeFound = ({ pair, from, to, symbol, receivedAt, trades }: Found): string => {
  const told = trades.map(({ tradeId, firstTradeId = tradeId, price, exchangeTime }) => [firstTradeId, tradeId, price, exchangeTime])
  return JSON.stringify({ pair, from, to, symbol, receivedAt: Math.round(receivedAt), trades: told })
}

function parse<T>(shape: z.ZodType<T>, text: string): T | undefined {
  try {
    return shape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
