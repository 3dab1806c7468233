import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { systemClock } from '../../src/clock.ts'
import { createApp, type Doors } from '../../src/http/app.ts'
import { endAll, type Process, startProcess } from '../support/instance.ts'
import { openReader } from '../support/reader.ts'
import { until } from '../support/until.ts'

/** The description as it is served, and what is really answered held to it. */

interface Described {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>
}

let instance: Process
let small: Process
// biome-ignore lint/suspicious/noExplicitAny: JSON that is looked at here
let served: any
beforeAll(async () => {
  ;[instance, small] = await Promise.all([
    startProcess(['demo'], { TICKCAST_ADMIN_TOKEN: 'sesame' }),
    startProcess(['demo'], { TICKCAST_READERS_MAX: '1' }),
  ])
  await until('prices are live', async () => {
    const { level, exchange } = await instance.status()
    return level === 'live' && exchange.symbols > 0
  })
  served = await (await fetch(`${instance.url}/openapi.json`)).json()
})
afterAll(endAll)

/** What is wrong with a value by a schema of the description; undefined: nothing. */
function objection(schema: object, value: unknown): string | undefined {
  const whole = JSON.stringify({ ...schema, $defs: served.components.schemas }).replaceAll('#/components/schemas/', '#/$defs/')
  const read = z.fromJSONSchema(JSON.parse(whole)).safeParse(value)
  return read.success ? undefined : z.prettifyError(read.error)
}

/** Asks, and holds status, type and body to the description of the path. */
async function expectDescribed(path: string, target: string, status: number, init: RequestInit = {}): Promise<void> {
  const method = (init.method ?? 'GET').toLowerCase()
  const described: Described = served.paths[path][method]
  const answer = await fetch(`${instance.url}${target}`, init)
  const type = (answer.headers.get('content-type') ?? '').replace(/;.*/, '')
  expect([answer.status, Object.keys(described.responses)], target).toEqual([status, expect.arrayContaining([String(status)])])
  const content = described.responses[status]?.content ?? {}
  expect(Object.keys(content), target).toContain(type)
  const body = type.endsWith('json') ? JSON.parse(await answer.text()) : await answer.text()
  expect([target, objection(content[type]?.schema ?? {}, body)]).toEqual([target, undefined])
}

describe('the description of the API', () => {
  it('is of every route and of no other', () => {
    const app = createApp({ clock: systemClock, pages: new Map(), corsOrigins: [], adminToken: '' } as Partial<Doors> as Doors)
    const routes = app.routes.filter(({ method, path }) => method !== 'ALL' && path !== '/docs.css')
    const told = Object.entries(served.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map(method => `${method.toUpperCase()} ${path}`),
    )
    expect(told.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`).sort())
  })

  it('says what is answered, and nothing else is', async () => {
    const wrong = { headers: { Authorization: 'Bearer no' }, method: 'POST' }
    for (const [path, target, status, init] of [
      ['/v1/prices', '/v1/prices', 200],
      ['/v1/prices', '/v1/prices?pairs=BTC/USD,ETH/USD,NO/USD', 200],
      ['/v1/prices', '/v1/prices?pairs=', 400],
      ['/v1/prices', '/v1/prices?pairs=NO/USD', 404],
      ['/v1/prices/{base}/{quote}', '/v1/prices/BTC/USD', 200],
      ['/v1/prices/{base}/{quote}', '/v1/prices/%00/USD', 400],
      ['/v1/prices/{pair}', '/v1/prices/btc-usd', 200],
      ['/v1/prices/{pair}', '/v1/prices/no-usd', 404],
      ['/v1/pairs', '/v1/pairs?search=bt', 200],
      ['/v1/status', '/v1/status', 200],
      ['/health/live', '/health/live', 200],
      ['/health/ready', '/health/ready', 200],
      ['/health', '/health', 200],
      ['/metrics', '/metrics', 200],
      ['/openapi.json', '/openapi.json', 200],
      ['/docs', '/docs', 200],
      ['/v1/stream', '/v1/stream', 400],
      ['/v1/stream', '/v1/stream?pairs=NO/USD', 404],
      ['/admin/hand-over', '/admin/hand-over', 401, wrong],
      ['/admin/hand-over', '/admin/hand-over', 202, { ...wrong, headers: { Authorization: 'Bearer sesame' } }],
    ] as const)
      await expectDescribed(path, target, status, init)
  })

  it('says what is on a stream, and nothing else is', async () => {
    const full = await openReader(`${small.url}/v1/stream?pairs=BTC/USD`)
    const [stream, busy] = await Promise.all([
      openReader(`${instance.url}/v1/stream?pairs=BTC/USD,NO/USD`),
      openReader(`${small.url}/v1/stream?pairs=BTC/USD`),
    ])
    await until('prices came', () => stream.prices().length > 20)
    instance.signal('SIGTERM')
    await until('the streams are over', () => stream.isOver && busy.isOver)
    full.close()
    const told = [...stream.events, ...busy.events].filter(({ name }) => name !== 'retry')
    expect(new Set(told.map(({ name }) => name))).toEqual(new Set(['status', 'price', 'pair-error', 'reconnect', 'busy']))
    for (const { name, data } of told)
      expect([name, objection(served.components.schemas[`event-${name}`], data)]).toEqual([name, undefined])
  })

  it('refuses what is not so', () => {
    const { Price, Status } = served.components.schemas
    expect(objection(Price, { pair: 'BTC/USD' })).toMatch(/Invalid input/)
    expect(objection(Status, { instance: 1 })).toMatch(/Invalid input/)
    const event = { level: 'live', role: 'leader', since: 1, pairs: { 'BTC/USD': 'live' } }
    expect(objection(served.components.schemas['event-status'], event)).toBeUndefined()
    expect(objection(served.components.schemas['event-status'], { ...event, more: 1 })).toMatch(/more/)
    expect(objection(served.components.schemas['event-status'], { ...event, pairs: { 'BTC/USD': 'good' } })).toMatch(/pairs/)
  })
})

it('the page of the description lets in nothing from elsewhere, names every route and loads only its style', async () => {
  const page = await fetch(`${small.url}/docs`)
  expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')
  const text = await page.text()
  for (const path of Object.keys(served.paths)) expect(text).toContain(path)
  for (const name of Object.keys(served.components.schemas)) expect(text).toContain(name.replace('event-', 'event: '))
  expect(text).not.toMatch(/<script|style=|\[object|undefined|https?:/)
  expect([...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(match => match[1]).filter(at => !served.paths[at ?? ''])).toEqual([
    'data:,',
    '/docs.css',
  ])
  expect((await fetch(`${small.url}/docs.css`)).headers.get('content-type')).toBe('text/css; charset=utf-8')
})
