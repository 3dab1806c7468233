import { type Context, Hono } from 'hono'
import type { AnyActorRef } from 'xstate'
import type { InspectClock } from './beat.ts'
import { createFeed } from './feed.ts'
import type { Inspection } from './inspection.ts'
import { messageOf } from './safe.ts'

/**
 * Whether who shows this header `Authorization` may send events. `unset`: nobody may here; `granted` to who shows none: everybody may who
 * reaches this port.
 */
export type SendCheck = (authorization: string | undefined) => 'granted' | 'denied' | 'unset'

/** What the page is given: a running system, or a recording. */
export type Shown =
  | {
      readonly mode: 'live'
      readonly clock: InspectClock
      readonly inspection: Inspection
      readonly maySend: SendCheck
      /** Beside it, at /, is the page of prices. */
      readonly hasPrices?: boolean
      readonly viewersMax?: number
    }
  | { readonly mode: 'recording'; readonly recording: Uint8Array; readonly title: string }

export interface Asset {
  readonly type: string
  readonly content: Uint8Array
}

/** The page and what it loads: `index.html` by that name, the rest by their file names. */
export type Assets = ReadonlyMap<string, Asset>

type Ctx = Context

const csp =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const busyRetryMs = 10_000
const bodyMax = 64 * 1024

/** The visualizer's page and what it reads, to be mounted on a path of its own: `app.route('/machines', inspectApp(…).app)`. */
export interface InspectApp {
  readonly app: Hono
  /** Ends every view. */
  stop(): void
}

export function inspectApp(shown: Shown, assets: () => Assets): InspectApp {
  const app = new Hono()
  const stop = shown.mode === 'live' ? serveLive(app, shown) : serveRecording(app, shown)
  app.get('/assets/:file', c => {
    const file = assets().get(c.req.param('file'))
    if (file === undefined) return problem(c, 404, 'Not found', 'The page has no such file.')
    // Their names change with their content.
    return c.body(new Uint8Array(file.content), 200, { 'Content-Type': file.type, 'Cache-Control': 'public, max-age=31536000, immutable' })
  })
  app.get('/', c => page(c, assets()))
  // With a slash at the end, and nothing else.
  app.get('/*', (c, next) => (c.req.path.endsWith('/') ? page(c, assets()) : next()))
  return { app, stop }
}

function serveRecording(app: Hono, { recording, title }: Extract<Shown, { mode: 'recording' }>): () => void {
  app.get('/config', c => c.json({ mode: 'recording', title, maySend: false }))
  app.get('/recording', c =>
    c.body(new Uint8Array(recording), 200, { 'Content-Type': 'application/jsonl; charset=utf-8', 'Cache-Control': 'no-store' }),
  )
  for (const path of ['/feed', '/send']) app.all(path, c => problem(c, 404, 'Nothing runs here', 'This is a recording: GET recording.'))
  return () => {}
}

function serveLive(app: Hono, live: Extract<Shown, { mode: 'live' }>): () => void {
  const { clock, inspection, maySend, viewersMax, hasPrices = false } = live
  const { timeline } = inspection
  const feed = createFeed({ clock, timeline, look: inspection.look, ...(viewersMax !== undefined && { viewersMax }) })
  const open = maySend(undefined)
  const { instance } = inspection
  const { title } = timeline.head
  const config = { mode: 'live', title, instance, maySend: open !== 'unset', needsToken: open === 'denied', hasPrices }
  app.get('/config', c => c.json(config))
  app.get('/recording', c => problem(c, 404, 'No recording', 'This instance is live: GET feed.'))
  app.get('/feed', c => {
    const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform', 'X-Accel-Buffering': 'no' }
    // Hono asks a GET for the headers of a HEAD; a stream nobody reads would be a viewer.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers)
    const stream = feed.open(c.req.header('last-event-id') || c.req.query('from'), c.req.query('as') === 'brief')
    // A browser's EventSource gives up for ever on an error.
    if (stream === undefined) return c.body(`retry: ${busyRetryMs}\n\nevent: busy\ndata: {"viewers":${feed.viewers}}\n\n`, 200, headers)
    return c.body(stream, 200, headers)
  })
  app.post('/send', c => send(c, live))
  return feed.stop
}

async function send(c: Ctx, { inspection, maySend }: Extract<Shown, { mode: 'live' }>): Promise<Response> {
  const permission = maySend(c.req.header('authorization'))
  if (permission === 'unset') return problem(c, 403, 'Not allowed', 'This instance takes no events from here.')
  if (permission === 'denied')
    return problem(c, 401, 'Not allowed', 'Authorization: Bearer, with the admin token, is needed.', { 'WWW-Authenticate': 'Bearer' })
  // From a page of another origin a browser sends this type only after asking, and nobody here answers that.
  if (!/^application\/json\b/i.test(c.req.header('content-type') ?? ''))
    return problem(c, 400, 'Malformed request', 'Content-Type: application/json is needed.')
  const asked = readSending(await textOf(c))
  if (asked === undefined) return problem(c, 400, 'Malformed request', 'A body of the form {"actor":"…","event":{"type":"…"}} is needed.')
  const actor = inspection.find(asked.actor)
  if (actor === undefined) return problem(c, 404, 'No such actor', `This instance runs no actor ${asked.actor.slice(0, 200)}.`)
  return deliver(c, actor, asked.event)
}

function deliver(c: Ctx, actor: AnyActorRef, event: Sending['event']): Response {
  try {
    actor.send(event)
    return c.json({ sent: event.type }, 202)
  } catch (error) {
    return problem(c, 400, 'Not taken', messageOf(error))
  }
}

interface Sending {
  readonly actor: string
  readonly event: { readonly type: string; readonly [field: string]: unknown }
}

async function textOf(c: Ctx): Promise<string> {
  if (Number(c.req.header('content-length') ?? 0) > bodyMax) return ''
  const text = await c.req.text()
  return text.length > bodyMax ? '' : text
}

function readSending(text: string): Sending | undefined {
  try {
    const asked: unknown = JSON.parse(text)
    if (typeof asked !== 'object' || asked === null || !('actor' in asked) || !('event' in asked)) return undefined
    const { actor, event } = asked
    if (typeof actor !== 'string' || typeof event !== 'object' || event === null || !('type' in event)) return undefined
    const { type } = event
    // What XState says to itself is nobody else's to say; `*` it refuses by dying.
    if (typeof type !== 'string' || type === '' || type === '*' || type.startsWith('xstate.')) return undefined
    return { actor, event: { ...event, type } }
  } catch {
    return undefined
  }
}

function page(c: Ctx, assets: Assets): Response {
  const file = assets.get('index.html')
  if (file === undefined) return problem(c, 404, 'Not built', 'The page of the visualizer is not there; npm run build makes it.')
  // The page stands at a path without a slash at the end, so what stands beside it is named from the path's last word.
  const beside = c.req.path.endsWith('/') ? '' : `${c.req.path.split('/').at(-1)}/`
  const html = new TextDecoder().decode(file.content).replace(/((?:src|href)=")(?:[./]*\/)?assets\//g, `$1${beside}assets/`)
  return c.body(html, 200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': csp,
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  })
}

function problem(
  c: Ctx,
  status: 400 | 401 | 403 | 404,
  title: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return c.body(JSON.stringify({ type: 'about:blank', title, status, detail }), status, {
    'Content-Type': 'application/problem+json',
    ...headers,
  })
}
