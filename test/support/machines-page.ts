import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { Locator } from 'playwright-core'
import type { AnyActorRef } from 'xstate'
import { systemClock } from '../../src/clock.ts'
import { permissionOf } from '../../src/http/admin.ts'
import { createInspection, type Inspection } from '../../src/inspect/inspection.ts'
import { type Asset, inspectApp, type Shown } from '../../src/inspect/routes.ts'
import type { Visit } from './browser.ts'
import { until } from './until.ts'

/** The machines' page, served over any actors of this process, and as somebody who looks at it would speak of it. */

const built = new URL('../../dist/src/web/', import.meta.url)
const types: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

/** What `npm run build` left. */
function assets(): ReadonlyMap<string, Asset> {
  const read = (path: string, type: string): Asset => ({ type, content: readFileSync(new URL(path, built)) })
  const beside = readdirSync(new URL('assets/', built)).map((name): [string, Asset] => [
    name,
    read(`assets/${name}`, types[extname(name)] ?? 'application/octet-stream'),
  ])
  return new Map([['index.html', read('machines/index.html', 'text/html')], ...beside])
}

export interface Served {
  /** Of the page. */
  readonly url: string
  close(): Promise<void>
}

function start(shown: Shown): Promise<Served> {
  const files = assets()
  const inspected = inspectApp(shown, () => files)
  const app = new Hono().route('/machines', inspected.app)
  return new Promise(resolve => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: 'localhost' }, ({ port }) =>
      resolve({
        url: `http://localhost:${port}/machines`,
        close: () =>
          new Promise(closed => {
            inspected.stop()
            server.close(() => closed())
            if ('closeAllConnections' in server) server.closeAllConnections()
          }),
      }),
    )
  })
}

export interface Inspected extends Served {
  readonly inspection: Inspection
}

export async function serveActors(actors: Readonly<Record<string, AnyActorRef>>, token: string): Promise<Inspected> {
  const roots = Object.entries(actors).map(([name, actor]) => ({ name, actor }))
  const inspection = createInspection({ clock: systemClock, instance: 'one', title: 'Test system', roots })
  const maySend = (authorization: string | undefined) => permissionOf(authorization, token)
  const served = await start({ mode: 'live', clock: systemClock, inspection, maySend })
  return { ...served, inspection }
}

export const serveRecording = (text: string, title: string): Promise<Served> =>
  start({ mode: 'recording', recording: new TextEncoder().encode(text), title })

export const leaf = ({ page }: Visit, path: string): Locator => page.locator(`[data-actor="${path}"]`)
export const state = ({ page }: Visit, id: string): Locator => page.locator(`.chart [data-piece="state"][data-id="${id}"]`)
export const isLit = async (seen: Visit, id: string): Promise<boolean> => {
  const look = await state(seen, id).getAttribute('class', { timeout: 20_000 })
  return (look ?? '').split(' ').includes('lit')
}
export const lit = (seen: Visit, id: string, withinMs?: number): Promise<unknown> => until(`${id} is lit`, () => isLit(seen, id), withinMs)

/** Opens a chart of an actor and waits until it is drawn. */
export async function choose(seen: Visit, path: string): Promise<void> {
  await leaf(seen, path).click()
  await seen.page.locator('.chart [data-piece]').first().waitFor()
}

/** Lines of the log that are drawn, each as one text. */
export const lines = async ({ page }: Visit): Promise<readonly string[]> =>
  (await page.locator('.log-line').allInnerTexts()).map(text => text.replace(/\s+/g, ' '))

export const moment = ({ page }: Visit): Promise<string> => page.locator('.moment').innerText()

/** Number of the record looked at. */
export const heldBy = async (seen: Visit): Promise<number> => Number(/record (\d+)/.exec(await moment(seen))?.[1] ?? 0)

/** Chooses a file, as with the button Open. */
export const open = ({ page }: Visit, name: string, content: string): Promise<void> =>
  page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) })
