import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { createActor, createMachine } from 'xstate'
import { permissionOf } from '../../src/http/admin.ts'
import { createInspection } from '../../src/inspect/inspection.ts'
import { inspectApp } from '../../src/inspect/routes.ts'
import { visualizer } from '../../src/visualizer.ts'
import { fakeClock } from '../support/fake-clock.ts'

const toggle = createMachine({ id: 'toggle', initial: 'off', states: { off: { on: { flip: 'on' } }, on: { on: { flip: 'off' } } } })
const html = '<link href="../assets/a.css"><script src="/assets/a.js"></script><script src="./assets/b.js"></script><a href="/v1/status">'
const assets = new Map([
  ['index.html', { type: 'text/html', content: Buffer.from(html) }],
  ['a.js', { type: 'text/javascript', content: Buffer.from('1') }],
])

function mount(token: string, viewersMax = 8) {
  const clock = fakeClock()
  const root = createActor(toggle).start()
  const inspection = createInspection({ clock, instance: 'one', title: 'my one', roots: [{ name: 'toggle', actor: root }] })
  const maySend = (authorization: string | undefined) => permissionOf(authorization, token)
  const app = new Hono()
  app.route('/deep/machines', inspectApp({ mode: 'live', clock, inspection, maySend, viewersMax }, () => assets).app)
  const send = (body: unknown, headers: Record<string, string> = {}) =>
    app.request('/deep/machines/send', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return { app, clock, root, inspection, send, get: (path: string) => app.request(`/deep/machines${path}`) }
}

const flip = { actor: 'one/toggle', event: { type: 'flip', by: 'hand' } }
const right = { Authorization: 'Bearer sesame' }

describe('the page', () => {
  it('stands at the path it is mounted on, with what it loads beside it, under a policy without inline code', async () => {
    const { get } = mount('')
    const page = await get('')
    expect(page.status).toBe(200)
    expect(await page.text()).toBe(
      '<link href="machines/assets/a.css"><script src="machines/assets/a.js"></script><script src="machines/assets/b.js"></script><a href="/v1/status">',
    )
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'self'/)
    expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(await (await get('/')).text()).toContain('src="assets/a.js"')
    const file = await get('/assets/a.js')
    expect([file.status, file.headers.get('content-type'), await file.text()]).toEqual([200, 'text/javascript', '1'])
    for (const path of ['/assets/none.js', '/assets/..%2f..%2fpackage.json', '/nothing']) expect((await get(path)).status).toBe(404)
  })

  it('is told what it shows, and that nothing is recorded', async () => {
    const live = { mode: 'live', title: 'my one', instance: 'one' }
    expect(await (await mount('').get('/config')).json()).toEqual({ ...live, maySend: false, needsToken: false, hasPrices: false })
    expect(await (await mount('sesame').get('/config')).json()).toEqual({ ...live, maySend: true, needsToken: true, hasPrices: false })
    expect((await mount('').get('/recording')).status).toBe(404)
  })
})

describe('the feed', () => {
  it('is an event stream; one viewer too many is told to come back', async () => {
    const { get, app } = mount('', 1)
    const first = await get('/feed')
    expect(first.headers.get('content-type')).toBe('text/event-stream')
    const busy = await get('/feed')
    expect(busy.status).toBe(200)
    expect(await busy.text()).toMatch(/^retry: \d+\n\nevent: busy\ndata: \{"viewers":1\}\n\n$/)
    await first.body?.cancel()
    const head = await app.request('/deep/machines/feed', { method: 'HEAD' })
    expect(head.status).toBe(200)
    const again = await get('/feed')
    const { value } = (await again.body?.getReader().read()) ?? {}
    expect(new TextDecoder().decode(value as Uint8Array)).toBe('retry: 1000\n\n')
  })
})

describe('the feed as the page asks for it', () => {
  it.each([
    ['/feed', 'records'],
    ['/feed?as=brief', 'brief'],
  ])('%s tells what happens in events named %s', async (path, name) => {
    const { get, clock, root } = mount('')
    const reader = (await get(path)).body?.getReader()
    root.send({ type: 'flip' })
    clock.advance(50)
    const chunks: string[] = []
    while (chunks.length < 3) chunks.push(new TextDecoder().decode((await reader?.read())?.value as Uint8Array))
    expect(chunks.map(chunk => /^event: (.*)$/m.exec(chunk)?.[1])).toEqual([undefined, 'records', name])
    await reader?.cancel()
  })
})

describe('sending', () => {
  it('takes an event from who knows the token', async () => {
    const { root, send, inspection } = mount('sesame')
    const answer = await send(flip, right)
    expect([answer.status, await answer.json()]).toEqual([202, { sent: 'flip' }])
    expect(root.getSnapshot().value).toBe('on')
    expect(inspection.isAttached).toBe(false)
  })

  it.each([
    ['no token is set', '', flip, right, 403],
    ['no token is given', 'sesame', flip, {}, 401],
    ['another token is given', 'sesame', flip, { Authorization: 'Bearer sesam' }, 401],
    ['the token is given without a word', 'sesame', flip, { Authorization: 'sesame' }, 401],
    ['there is no such actor', 'sesame', { ...flip, actor: 'one/other' }, right, 404],
    ['it is no JSON', 'sesame', '{', right, 400],
    ['it has no actor', 'sesame', { event: flip.event }, right, 400],
    ['it has no event type', 'sesame', { actor: 'one/toggle', event: {} }, right, 400],
    ['the event is one of XState itself', 'sesame', { actor: 'one/toggle', event: { type: 'xstate.stop' } }, right, 400],
    ['the event is a wildcard', 'sesame', { actor: 'one/toggle', event: { type: '*' } }, right, 400],
    ['it is too long', 'sesame', { ...flip, more: 'x'.repeat(70_000) }, right, 400],
    ['a page elsewhere could have sent it', 'sesame', flip, { ...right, 'Content-Type': 'text/plain' }, 400],
  ])('is refused when %s', async (_, token, body, headers, status) => {
    const { root, send } = mount(token)
    const answer = await send(body, headers as Record<string, string>)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(root.getSnapshot()).toMatchObject({ value: 'off', status: 'active' })
  })
})

describe('a recording', () => {
  it('is served as it is, and nothing can be done to it', async () => {
    const { app } = inspectApp({ mode: 'recording', recording: Buffer.from('{"kind":"head"}\n'), title: 'a.jsonl' }, () => assets)
    expect(await (await app.request('/recording')).text()).toBe('{"kind":"head"}\n')
    expect(await (await app.request('/config')).json()).toEqual({ mode: 'recording', title: 'a.jsonl', maySend: false })
    expect((await app.request('/feed')).status).toBe(404)
    expect((await app.request('/send', { method: 'POST' })).status).toBe(404)
  })
})

describe('the library', () => {
  it.each([
    [false, 403, 'off'],
    [true, 202, 'on'],
    ['sesame', 401, 'off'],
  ])('shows several roots, and takes events as it is told: %s', async (maySend, status, value) => {
    const roots = [createActor(toggle).start(), createActor(toggle), createActor(toggle, { id: 'a/b' }).start()]
    const app = new Hono().route('/m', visualizer(roots, { title: 'a system', maySend }))
    const feed = await app.request('/m/feed')
    const reader = feed.body?.getReader()
    let text = ''
    while (!text.includes('"actor"')) text += new TextDecoder().decode((await reader?.read())?.value as Uint8Array)
    expect([...text.matchAll(/"actor":"([^"]*)"/g)].map(([, path]) => path)).toEqual([
      'a system/toggle',
      'a system/toggle~2',
      'a system/a%2Fb',
    ])
    const answer = await app.request('/m/send', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ actor: 'a system/toggle', event: { type: 'flip' } }),
    })
    expect([answer.status, roots[0]?.getSnapshot().value]).toEqual([status, value])
    await reader?.cancel()
  })
})
