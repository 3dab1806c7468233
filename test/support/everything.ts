/** What must hold whatever fails: held against the logs of readers, Redis, exchange and processes after each fault. */
import type { Scene, Subject } from './scene.ts'
import type { SwarmReader } from './swarm.ts'
import type { Watch } from './watch.ts'

/** How many connections to the exchange stood, over time. */
export interface ConnectionLog {
  /** What the simulated exchange says beside its lines. */
  note(fields: object | undefined): void
  readonly turns: readonly { readonly at: number; readonly open: number }[]
  /** From now until the returned function is called so many may stand. Otherwise one. */
  allow(max: number): () => void
  /** Moments in which more stood than were allowed. */
  excess(): readonly string[]
}

export function createConnectionLog(): ConnectionLog {
  const turns: { at: number; open: number }[] = []
  const allowances: { max: number; from: number; to: number }[] = []
  return {
    turns,
    note: fields => {
      if (fields !== undefined && 'connections' in fields) turns.push({ at: performance.now(), open: Number(fields.connections) })
    },
    allow: max => {
      const allowance = { max, from: performance.now(), to: Number.POSITIVE_INFINITY }
      allowances.push(allowance)
      return () => {
        allowance.to = performance.now()
      }
    },
    excess: () =>
      turns.flatMap(({ at, open }, index) => {
        const until = turns[index + 1]?.at ?? performance.now()
        const isAllowed = allowances.some(({ max, from, to }) => open <= max && at >= from && until <= to)
        return open <= 1 || isAllowed ? [] : [`${open} connections to the exchange for ${Math.round(until - at)} ms`]
      }),
  }
}

/** Every sentence is something that may never happen. */
export function checkEverything({
  watch,
  readers,
  subjects,
  connections,
}: Pick<Scene, 'watch' | 'readers' | 'subjects' | 'connections'>): string[] {
  const empty = readers.filter(({ log }) => log.length === 0).map(({ name }) => `${name} never got a price`)
  const deaf = watch.prices.length === 0 ? ['nothing was heard on the bus'] : []
  return [
    ...deaf,
    ...empty,
    ...checkStore(watch),
    ...readers.flatMap(checkReader),
    ...readers.flatMap(checkGaps),
    ...connections.excess(),
    ...subjects.flatMap(checkProcess),
  ]
}

const checkStore = ({ stale }: Watch): readonly string[] => stale

/** Per pair: positions grow, trades never fall. */
export function checkReader({ name, log }: Pick<SwarmReader, 'name' | 'log'>): string[] {
  const wrong: string[] = []
  const last = new Map<string, { epoch: number; sequence: number; tradeId: number }>()
  for (const { pair, epoch, sequence, tradeId, instance, level } of log) {
    const before = last.get(pair)
    const where = `${name} at ${instance} (${level})`
    if (before !== undefined && epoch > 0 && (epoch < before.epoch || (epoch === before.epoch && sequence <= before.sequence)))
      wrong.push(`${where} got ${pair} at ${epoch}-${sequence} after ${before.epoch}-${before.sequence}`)
    if (before !== undefined && tradeId < before.tradeId) wrong.push(`${where} got trade ${tradeId} of ${pair} after ${before.tradeId}`)
    // A price outside the order of terms does not move the position.
    const at = epoch > 0 || before === undefined ? { epoch, sequence } : before
    last.set(pair, { epoch: at.epoch, sequence: at.sequence, tradeId })
  }
  return wrong
}

/** A reader of every trade that lacks some was told which. `event: gap` without `from` begins where the reader left. */
export function checkGaps({ name, mode, log, told }: Pick<SwarmReader, 'name' | 'mode' | 'log' | 'told'>): string[] {
  if (mode !== 'every') return []
  const gaps = told.filter(one => one.name === 'gap').map(({ data }) => data as { pair: string; from?: number; to?: number })
  const wrong: string[] = []
  const last = new Map<string, number>()
  for (const { pair, tradeId, instance } of log) {
    const before = last.get(pair)
    last.set(pair, tradeId)
    if (before === undefined || tradeId <= before + 1) continue
    const isTold = gaps.some(({ pair: of, from = before + 1, to = tradeId - 1 }) => of === pair && from <= before + 1 && to >= tradeId - 1)
    if (!isTold) wrong.push(`${name} at ${instance} was not told that trades ${before + 1} to ${tradeId - 1} of ${pair} are missing`)
  }
  return wrong
}

const mishaps = /unhandled|uncaught|a mistake of ours|error event/i

function checkProcess({ name, process, isEnded }: Subject): string[] {
  const { exitCode, said, lines } = process
  const wrong = said.map(text => `${name} said ${text}`)
  if (!isEnded && exitCode !== undefined) wrong.push(`${name} ended with ${exitCode}`)
  for (const { level, msg } of lines) if (level === 'fatal' || mishaps.test(String(msg))) wrong.push(`${name} logged ${level} ${msg}`)
  return wrong
}
