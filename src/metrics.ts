import { performance } from 'node:perf_hooks'
import { cpuUsage, memoryUsage, uptime } from 'node:process'
import type { Board } from './board/board.ts'
import type { Gate } from './board/gate.ts'
import type { Hub } from './board/hub.ts'
import type { Stays } from './board/stays.ts'
import type { Bus } from './bus/bus.ts'
import type { Publisher } from './bus/publisher.ts'
import type { Clock } from './clock.ts'
import type { Wanted } from './demand/wanted.ts'
import type { Diary } from './diary.ts'
import type { Rest } from './exchange/rest.ts'
import type { Shards } from './exchange/shards.ts'
import type { Levels } from './levels.ts'
import { levels as levelWords } from './price.ts'
import type { Status } from './status.ts'
import type { Upstream } from './upstream.ts'

/**
 * What Prometheus reads at `/metrics`. Nothing is counted here: the parts count for themselves, and are asked when somebody scrapes. A price
 * costs nothing more for it, and no label is a pair: there may be five thousand. Seconds and bytes, as Prometheus wants them.
 */

/** All that is told under one name. */
export interface Metric {
  readonly name: string
  /** A counter only grows; it begins anew with the process. */
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Either one number, or one for each value of a label. */
type Numbers = number | { readonly [label: string]: Readonly<Record<string, number>> }

const metric =
  (kind: Metric['kind']) =>
  (name: string, help: string, numbers: Numbers): Metric => ({ name: `tickcast_${name}`, kind, help, samples: samplesOf(numbers) })

function samplesOf(numbers: Numbers): readonly Sample[] {
  if (typeof numbers === 'number') return [{ labels: {}, value: numbers }]
  return Object.entries(numbers).flatMap(([label, byValue]) =>
    Object.entries(byValue).map(([word, value]) => ({ labels: { [label]: word }, value })),
  )
}

/** One sample for each word, 1 for the one that holds. */
const oneOf = (words: readonly string[], word: string): Readonly<Record<string, number>> =>
  Object.fromEntries(words.map(one => [one, one === word ? 1 : 0]))

export const counter = metric('counter')
export const gauge = metric('gauge')

export interface MetricsOptions {
  readonly clock: Clock
  readonly diary: Diary
  readonly levels: Levels
  readonly board: Board
  readonly hub: Hub
  readonly stays: Stays
  readonly gate: Gate
  readonly wanted: Wanted
  readonly bus: Bus
  readonly feed: Shards
  readonly rest: Rest
  readonly publisher: Publisher
  readonly upstream: Upstream
  readonly status: Status
}

export const roles = ['follower', 'leader', 'solo']
export const connections = ['idle', 'connecting', 'connected', 'reconnecting', 'intentionally-disconnected', 'blocked']
export const relays = ['joining', 'catching-up', 'current', 'behind']

/** The numbers of one instance. */
export function createMetrics(parts: MetricsOptions): () => readonly Metric[] {
  return () => [...readerMetrics(parts), ...ofPrices(parts), ...ofControl(parts), ...ofBus(parts), ...ofExchange(parts)]
}

/** The numbers of whoever holds readers, to be added up over all that do. */
export function readerMetrics({ hub, stays, gate }: Pick<MetricsOptions, 'hub' | 'stays' | 'gate'>): readonly Metric[] {
  const { readers, delivered, fellBehind, gapped, slowed, restored, sentAway, cutStuck, cutFull } = hub.counts()
  const { joined, expired, drained } = stays.counts()
  return [
    gauge('readers', 'Streams open now.', readers),
    counter('readers_joined_total', 'Streams let in.', joined),
    counter('readers_refused_total', 'Told to come back later: all seats taken, too many in a second, or no room for their pairs.', {
      reason: gate.counts(),
    }),
    counter('readers_slow_total', 'Steps taken with readers that do not keep up, the mildest first; restored is a step back.', {
      step: { conflated: fellBehind, gapped, slowed, restored },
    }),
    counter(
      'readers_sent_away_total',
      'Streams ended on purpose, by reason: their time was over, the instance stops, or they stayed slow.',
      {
        reason: { expired, drained, slow: sentAway },
      },
    ),
    counter('readers_cut_total', 'Streams cut, by reason: stuck took no bytes for 30 s, full had too many waiting.', {
      reason: { stuck: cutStuck, full: cutFull },
    }),
    counter('prices_delivered_total', 'Prices handed to the connections of readers.', delivered),
  ]
}

function ofPrices({ wanted, levels, board }: MetricsOptions): readonly Metric[] {
  return [
    gauge('pairs', 'Pairs this instance wants, by level.', { level: countLevels([...wanted.here()].map(levels.of)) }),
    gauge('price_newest_age_seconds', 'Age of the newest price of any pair; +Inf while there is none.', board.newestAgeMs() / 1000),
  ]
}

function countLevels(each: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(levelWords.map(level => [level, 0]))
  for (const level of each) counts[level] = (counts[level] ?? 0) + 1
  return counts
}

function ofControl({ clock, diary, publisher, status }: MetricsOptions): readonly Metric[] {
  const role = diary.role()
  return [
    gauge('ready', 'Whether readers should be sent here: 1 or 0.', status.unready().length === 0 ? 1 : 0),
    gauge('role', 'What this instance is: 1 for its role.', { role: oneOf(roles, role) }),
    gauge('epoch', 'Epoch of the newest term known here.', role === 'leader' ? diary.term().epoch : publisher.seen.epoch),
    gauge('level', 'Where prices come from: 1 for the level of the instance.', { level: oneOf(levelWords, diary.level()) }),
    gauge('level_age_seconds', 'For how long that has been the level.', Math.max(0, clock.now() - diary.levelSince()) / 1000),
    gauge('connection', 'The connection to the exchange: 1 for its state.', { state: oneOf(connections, diary.connection()) }),
    gauge('relay', 'The copy of the bus: 1 for its state.', { state: oneOf(relays, diary.relay()) }),
  ]
}

function ofBus({ bus, publisher, status }: MetricsOptions): readonly Metric[] {
  const { published, conflated, lost, uncached, waiting } = publisher.counts()
  const { garbled, holes } = status.counts()
  return [
    gauge('bus', 'What instances share: 1 for its kind.', { kind: { [bus.kind]: 1 } }),
    counter('prices_published_total', 'Prices the bus accepted from this instance.', published),
    counter('prices_conflated_total', 'Prices replaced by a newer one of their pair before they went on, by where.', {
      at: { bus: conflated },
    }),
    counter('prices_lost_total', 'Prices the bus did not take and that a newer one had followed, or that were fenced.', lost),
    counter('prices_uncached_total', 'Prices told but not stored, for want of memory in Redis.', uncached),
    gauge('prices_waiting', 'Prices waiting for the bus.', waiting),
    counter('bus_garbled_total', 'Messages on the bus that could not be read, or could not be right.', garbled),
    counter('bus_holes_total', 'Prices on the bus that followed one which never came.', holes),
  ]
}

function ofExchange({ feed, rest, upstream }: MetricsOptions): readonly Metric[] {
  const { sockets, attempts, opened, refused, streams, confirmed, ticks, garbage, foreign, shards } = feed.counts()
  const asked = rest.counts()
  return [
    gauge('exchange_sockets', 'Sockets to the exchange, be they not open yet.', sockets),
    counter('exchange_attempts_total', 'Connections tried.', attempts),
    counter('exchange_opened_total', 'Connections that opened.', opened),
    counter('exchange_refused_total', 'Connections the exchange refused with a status.', refused),
    gauge('exchange_connections', 'Connections to the exchange side by side.', shards.length),
    gauge('exchange_streams', 'Streams asked for on a socket.', streams),
    gauge('exchange_streams_confirmed', 'Streams something was heard of.', confirmed),
    counter('exchange_ticks_total', 'Messages with a price.', ticks),
    counter('exchange_unread_total', 'Other messages: garbage is no JSON, foreign something we did not ask for.', {
      kind: { garbage, foreign },
    }),
    counter('exchange_requests_total', 'Requests over REST, by how they ended.', {
      outcome: { answered: asked.answered, refused: asked.refused, unreachable: asked.unreachable },
    }),
    gauge('exchange_weight', 'Weight used in this minute, as the exchange last said; it bans above 6000.', asked.weight),
    gauge('exchange_symbols', 'Symbols the exchange is known to list.', upstream.symbolsKnown),
  ]
}

/** One of each: what several tell under the same name and labels is added up. */
export function addUp(metrics: readonly Metric[]): Metric[] {
  const sums = new Map<string, { readonly metric: Metric; readonly samples: Map<string, Sample> }>()
  for (const metric of metrics) {
    const sum = sums.get(metric.name) ?? { metric, samples: new Map<string, Sample>() }
    sums.set(metric.name, sum)
    for (const { labels, value } of metric.samples) {
      const key = JSON.stringify(labels)
      sum.samples.set(key, { labels, value: value + (sum.samples.get(key)?.value ?? 0) })
    }
  }
  return [...sums.values()].map(({ metric, samples }) => ({ ...metric, samples: [...samples.values()] }))
}

/** The numbers of this process, under the names every dashboard knows, and how busy its one thread is. */
export function processMetrics(clock: Clock): readonly Metric[] {
  const { user, system } = cpuUsage()
  const plain = (kind: Metric['kind'], name: string, help: string, value: number): Metric => ({
    name,
    kind,
    help,
    samples: samplesOf(value),
  })
  return [
    plain('counter', 'process_cpu_seconds_total', 'Processor time, user and system.', (user + system) / 1e6),
    plain('gauge', 'process_resident_memory_bytes', 'Resident memory.', memoryUsage.rss()),
    plain('gauge', 'process_start_time_seconds', 'When the process began, since 1970.', clock.wall() / 1000 - uptime()),
    gauge('heap_bytes', 'Memory in use by JavaScript.', memoryUsage().heapUsed),
    counter('event_loop_active_seconds_total', 'Time the event loop was not idle.', performance.eventLoopUtilization().active / 1000),
  ]
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, sign => (sign === '\n' ? '\\n' : `\\${sign}`))

const number = (value: number): string => (Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN')

function line(name: string, { labels, value }: Sample): string {
  const said = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${said.length === 0 ? '' : `{${said.join(',')}}`} ${number(value)}\n`
}

/** Writes metrics as Prometheus reads them (text exposition format 0.0.4). */
export function writeMetrics(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, kind, help, samples }) => {
      const head = `# HELP ${name} ${help.replace(/[\\\n]/g, ' ')}\n# TYPE ${name} ${kind}\n`
      return head + samples.map(sample => line(name, sample)).join('')
    })
    .join('')
}
