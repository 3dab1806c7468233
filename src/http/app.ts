import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import type { Board } from '../board/board.ts'
import { event } from '../board/frame.ts'
import type { Gate } from '../board/gate.ts'
import type { Hub } from '../board/hub.ts'
import type { Outlet } from '../board/reader.ts'
import type { Stays } from '../board/stays.ts'
import type { Clock } from '../clock.ts'
import type { Wanted } from '../demand/wanted.ts'
import { type Level, type Pair, withLevel } from '../price.ts'
import { permissionOf } from './admin.ts'
import { finish, methods, problem } from './answer.ts'
import { docsPage, docsStyle } from './docs.ts'
import { description } from './openapi.ts'
import { isDocument, type Page, pageHeaders } from './pages.ts'
import { type Press, pressFor } from './press.ts'
import { quoted, readPair, readPairs, readStreamRequest } from './query.ts'
import { openStream, sayAndEnd, streamHeaders } from './stream.ts'

/** What the routes need of the instance they serve. */
export interface Doors {
  readonly clock: Clock
  readonly board: Board
  readonly hub: Hub
  readonly stays: Stays
  readonly gate: Gate
  readonly wanted: Wanted
  readonly resolve: (pair: Pair) => Standing
  readonly search: (text: string, limit: number) => readonly { readonly pair: Pair; readonly symbol: string; readonly status: string }[]
  readonly levelOf: (pair: Pair) => Level
  readonly status: () => Readonly<Record<string, unknown>>
  /** Why this instance should get no traffic; empty: it may. */
  readonly unready: () => readonly string[]
  /** What Prometheus reads, written. */
  readonly metrics: () => string
  /** Gives leadership to another instance; false: this one does not lead. */
  readonly handOver: () => boolean
  /** '' means that nobody may do what needs one. */
  readonly adminToken: string
  readonly readersMax: number
  readonly corsOrigins: readonly string[]
  /** Streams go through it for those who take gzip; undefined: for nobody. */
  readonly press: Press | undefined
  /** Path → page; empty where they were not built. */
  readonly pages: ReadonlyMap<string, Page>
  /** What stands at /machines; undefined: nothing. */
  readonly machines?: Hono | undefined
}

export type Standing =
  | { readonly kind: 'trading'; readonly symbol: string }
  | { readonly kind: 'not-trading'; readonly symbol: string; readonly status: string }
  | { readonly kind: 'unknown' }

interface PairError {
  readonly pair: Pair
  readonly code: 'unknown-pair' | 'not-trading' | 'no-room' | 'no-price-yet'
  readonly detail: string
}

type App = Hono<{ Bindings: HttpBindings }>
type Ctx = Context<{ Bindings: HttpBindings }>

/** Text exposition format. */
const metricsType = 'text/plain; version=0.0.4; charset=utf-8'
/** Who loses the connection comes back after so long: the contract names it. A storm of those who do is let in at a rate. */
const retryMs = 2000
const busyRetryMs = { min: 5000, max: 15_000 }
/** How long a request for a price waits for a pair nobody had. */
const firstPriceMaxMs = 3000
const searchMax = 500

export function createApp(doors: Doors): App {
  const app: App = new Hono()
  // Before any middleware: middleware would rebuild a response that is already being written.
  app.get('/v1/stream', c => stream(c, doors))
  if (doors.corsOrigins.length > 0)
    app.use('/v1/*', cors({ origin: doors.corsOrigins.includes('*') ? '*' : [...doors.corsOrigins], allowMethods: methods }))
  app.use('*', async (c, next) => {
    await next()
    finish(c.res.headers)
  })
  app.get('/v1/prices', c => prices(c, doors))
  app.get('/v1/prices/:pair', c => price(c, doors, c.req.param('pair')))
  app.get('/v1/prices/:base/:quote', c => price(c, doors, `${c.req.param('base')}/${c.req.param('quote')}`))
  app.get('/v1/pairs', c => c.json({ pairs: doors.search(c.req.query('search') ?? '', searchMax) }))
  app.get('/v1/status', c => c.json(doors.status()))
  app.get('/health/live', c => c.json({ status: 'alive' }))
  app.get('/health/ready', c => ready(c, doors))
  app.get('/health', c => ready(c, doors))
  app.get('/metrics', c => c.body(doors.metrics(), 200, { 'Content-Type': metricsType }))
  app.get('/openapi.json', c => c.json(description))
  app.get('/docs', c => c.body(docsPage, 200, { ...pageHeaders, 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' }))
  app.get('/docs.css', c => c.body(docsStyle, 200, { 'Content-Type': 'text/css; charset=utf-8', 'Cache-Control': 'no-cache' }))
  app.post('/admin/hand-over', c => handOver(c, doors))
  for (const [path, page] of doors.pages) app.get(path, c => servePage(c, page))
  if (doors.machines !== undefined) app.route('/machines', doors.machines)
  app.notFound(c =>
    methods.includes(c.req.method)
      ? nothing(c)
      : problem(c, 405, 'Method not allowed', `Everything here is read with GET, not ${c.req.method.slice(0, 20)}.`),
  )
  return app
}

function nothing(c: Ctx): Response {
  return isDocument(c.req.path)
    ? problem(
        c,
        503,
        'Page not built',
        'The pages are not built here; run npm run build and start again. The API at /v1 works without them.',
      )
    : problem(c, 404, 'Not found', `There is nothing at ${quoted(c.req.path)}; the API begins at /v1.`)
}

/** 202: under way; the new leader is told by `/v1/status` of every instance. */
function handOver(c: Ctx, { adminToken, handOver }: Doors): Response {
  const permission = permissionOf(c.req.header('authorization'), adminToken)
  if (permission === 'unset') return problem(c, 403, 'Not allowed here', 'This instance has no TICKCAST_ADMIN_TOKEN, so nobody may.')
  if (permission === 'denied') return problem(c, 401, 'Who are you?', 'Send the header Authorization: Bearer <TICKCAST_ADMIN_TOKEN>.')
  return handOver() ? c.json({ status: 'handing over' }, 202) : problem(c, 409, 'Not the leader', 'Only the leader can hand over.')
}

async function servePage(c: Ctx, page: Page): Promise<Response> {
  const headers = {
    'Content-Type': page.type,
    ...pageHeaders,
    'Cache-Control': page.cacheControl,
    ETag: page.etag,
    Vary: 'Accept-Encoding',
  }
  if (c.req.header('if-none-match')?.includes(page.etag)) return c.body(null, 304, headers)
  if (!/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) return c.body(new Uint8Array(page.content), 200, headers)
  return c.body(new Uint8Array(await page.zipped()), 200, { ...headers, 'Content-Encoding': 'gzip' })
}

function ready(c: Ctx, { unready, status }: Doors): Response {
  const reasons = unready()
  const body = {
    status: reasons.length === 0 ? 'ready' : 'not ready',
    reasons,
    ...(c.req.path === '/health' && { live: true, detail: status() }),
  }
  return c.json(body, reasons.length === 0 ? 200 : 503)
}

/** Sorts the pairs into those that can be served and what is to be said about the others. */
function judge(doors: Doors, pairs: readonly Pair[]): { readonly good: readonly Pair[]; readonly errors: readonly PairError[] } {
  const good: Pair[] = []
  const errors: PairError[] = []
  for (const pair of pairs) {
    const standing = doors.resolve(pair)
    if (standing.kind === 'trading') good.push(pair)
    else if (standing.kind === 'unknown') errors.push({ pair, code: 'unknown-pair', detail: `The exchange lists no ${pair}.` })
    else errors.push({ pair, code: 'not-trading', detail: `The exchange lists ${standing.symbol}, but its status is ${standing.status}.` })
  }
  return { good, errors }
}

function stream(c: Ctx, doors: Doors): Response {
  const answer = answerStream(c, doors)
  if (answer === RESPONSE_ALREADY_SENT) return answer
  for (const [name, value] of Object.entries(allowOrigin(doors.corsOrigins, c.req.header('origin')))) answer.headers.set(name, value)
  finish(answer.headers)
  return answer
}

function answerStream(c: Ctx, doors: Doors): Response {
  const { clock } = doors
  const query = { ...c.req.query(), pairs: c.req.queries('pairs')?.join(',') }
  const asked = readStreamRequest(query, c.req.header('last-event-id') || c.req.query('lastEventId'), clock.wall())
  if (asked.kind === 'malformed') return problem(c, 400, 'Malformed request', asked.detail)
  const { good, errors } = judge(doors, asked.value.pairs)
  if (good.length === 0) return noneLeft(c, errors)
  if (c.req.method === 'HEAD') return c.body(null, 200, streamHeaders)
  const wanted = doors.gate.admit(doors.hub.counts().readers) ? want(doors, good) : undefined
  const { incoming, outgoing } = c.env
  const { headers, through } = pressFor(doors.press, c.req.header('accept-encoding'))
  const open = through(openStream(incoming, outgoing, { ...allowOrigin(doors.corsOrigins, c.req.header('origin')), ...headers }))
  if (wanted === undefined || wanted.pairs.length === 0) {
    if (wanted !== undefined) doors.gate.hadNoRoom()
    const afterMs = between(clock, busyRetryMs)
    sayAndEnd(open, `retry: ${afterMs}\n\n${event('busy', { afterMs })}`)
    return RESPONSE_ALREADY_SENT
  }
  const preface = `retry: ${retryMs}\n\n${[...errors, ...wanted.errors].map(error => event('pair-error', error)).join('')}`
  const seat = doors.stays.join({ ...asked.value, pairs: wanted.pairs, preface }, open.outlet)
  open.on({
    drained: seat.drained,
    closed: () => {
      seat.leave()
      for (const pair of wanted.pairs) doors.wanted.remove(pair)
    },
  })
  return RESPONSE_ALREADY_SENT
}

/** A whole number between the two, by chance. */
const between = ({ random }: Clock, { min, max }: { readonly min: number; readonly max: number }): number =>
  Math.round(min + random() * (max - min))

const noneLeft = (c: Ctx, errors: readonly PairError[]): Response =>
  problem(c, 404, 'No such pair', errors.map(error => error.detail).join(' '), { errors })

/** Counts a reader of these pairs, as far as there is room for them. */
function want(doors: Doors, pairs: readonly Pair[]): { readonly pairs: readonly Pair[]; readonly errors: readonly PairError[] } {
  const wanted: Pair[] = []
  const errors: PairError[] = []
  for (const pair of pairs) {
    if (doors.wanted.add(pair)) wanted.push(pair)
    else errors.push({ pair, code: 'no-room', detail: `This instance already serves as many pairs as it can; ask again for ${pair}.` })
  }
  return { pairs: wanted, errors }
}

/** What the CORS middleware does for the other routes. */
function allowOrigin(allowed: readonly string[], origin: string | undefined): Readonly<Record<string, string>> {
  if (allowed.includes('*')) return { 'Access-Control-Allow-Origin': '*' }
  return origin !== undefined && allowed.includes(origin) ? { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' } : {}
}

/** A price as JSON, at the level it has now. */
function asJson({ board, levelOf }: Doors, pair: Pair): string | undefined {
  const entry = board.get(pair)
  if (entry === undefined) return undefined
  const { epoch, sequence } = entry.at
  return `{"id":"${epoch}-${sequence}",${withLevel(entry.update.body, levelOf(pair))}`
}

async function prices(c: Ctx, doors: Doors): Promise<Response> {
  const text = c.req.queries('pairs')?.join(',')
  const asked = text === undefined ? { kind: 'asked' as const, value: [...doors.wanted.here()] } : readPairs(text)
  if (asked.kind === 'malformed') return problem(c, 400, 'Malformed request', asked.detail)
  const { good, errors } = judge(doors, asked.value)
  if (text !== undefined && good.length === 0) return noneLeft(c, errors)
  if (text !== undefined) await firstPrices(doors, good)
  const known = good.map(pair => asJson(doors, pair)).filter(text => text !== undefined)
  const missing = good.filter(pair => doors.board.get(pair) === undefined).map(noPriceYet)
  return c.body(`{"prices":[${known.join(',')}],"errors":${JSON.stringify([...errors, ...missing])}}`, 200, {
    'Content-Type': 'application/json',
  })
}

async function price(c: Ctx, doors: Doors, text: string): Promise<Response> {
  const asked = readPair(text)
  if (asked.kind === 'malformed') return problem(c, 400, 'Malformed request', asked.detail)
  const { good, errors } = judge(doors, [asked.value])
  const [pair] = good
  if (pair === undefined) return noneLeft(c, errors)
  await firstPrices(doors, [pair])
  const body = asJson(doors, pair)
  if (body === undefined) return problem(c, 503, 'No price yet', noPriceYet(pair).detail)
  return c.body(body, 200, { 'Content-Type': 'application/json' })
}

const noPriceYet = (pair: Pair): PairError => ({ pair, code: 'no-price-yet', detail: `No price of ${pair} has arrived yet; ask again.` })

/** Waits, not for long, until pairs nobody had have their first price: their reader is this request. */
function firstPrices(doors: Doors, pairs: readonly Pair[]): Promise<void> {
  const { board, hub, clock, readersMax } = doors
  const missing = pairs.filter(pair => board.get(pair) === undefined)
  if (missing.length === 0 || hub.counts().readers >= readersMax) return Promise.resolve()
  const wanted = want(doors, missing)
  if (wanted.pairs.length === 0) return Promise.resolve()
  return new Promise(resolve => {
    let isDone = false
    const done = (): void => {
      if (isDone) return
      isDone = true
      clock.clearTimeout(timer)
      seat.leave()
      for (const pair of wanted.pairs) doors.wanted.remove(pair)
      resolve()
    }
    const soonDone = (): void => clock.soon(done)
    const timer = clock.setTimeout(done, firstPriceMaxMs)
    const outlet: Outlet = {
      write: () => {
        if (wanted.pairs.every(pair => board.get(pair) !== undefined)) soonDone()
        return true
      },
      end: soonDone,
      cut: soonDone,
      waitingBytes: 0,
    }
    const seat = hub.join({ pairs: wanted.pairs, mode: 'latest', intervalMs: 0, preface: '', after: undefined }, outlet)
  })
}
