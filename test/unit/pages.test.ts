import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createApp, type Doors } from '../../src/http/app.ts'
import { readPages } from '../../src/http/pages.ts'

const folder = mkdtempSync(join(tmpdir(), 'tickcast-pages-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('without a build the API is served all the same, and the pages say in one sentence what to do', async () => {
  const pages = readPages(pathToFileURL(`${folder}/`))
  expect(pages.size).toBe(0)
  const doors: Partial<Doors> = { clock: systemClock, pages, corsOrigins: [], status: () => ({ level: 'live' }) }
  const app = createApp(doors as Doors)
  for (const path of ['/']) {
    const answer = await app.request(path)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/problem+json'])
    expect((await answer.json()).detail).toMatch(/^The pages are not built here; run npm run build and start again\./)
  }
  expect(await (await app.request('/v1/status')).json()).toEqual({ level: 'live' })
  expect((await app.request('/assets/x.js')).status).toBe(404)
})
