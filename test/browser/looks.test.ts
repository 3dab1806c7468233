import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { objections } from '../support/axe.ts'
import { browserAvailable, picture, startBrowser, type VisitOptions, visit } from '../support/browser.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import type { Process } from '../support/instance.ts'
import { banner, cell, reads, row, search, ticks } from '../support/price-page.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

const phone = { viewport: { width: 375, height: 812 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }
const six = '?pairs=BTC/USD,ETH/USD,SOL/USD,XRP/USD,DOGE/USD,NO/USD'

describe.skipIf(!browserAvailable || !redisAvailable)('how the price page looks', () => {
  let browser: Browser
  let fleet: Fleet
  let instance: Process
  beforeAll(async () => {
    fleet = await startFleet({ rate: 6 })
    instance = await fleet.start({ TICKCAST_INSTANCE_ID: 'one' })
    await fleet.leader([instance])
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await fleet?.end()
  })

  const looks: readonly { readonly name: string; readonly options: VisitOptions }[] = [
    { name: 'light', options: { colorScheme: 'light' } },
    { name: 'dark', options: { colorScheme: 'dark' } },
    { name: 'phone-light', options: { colorScheme: 'light', ...phone } },
    { name: 'phone-dark', options: { colorScheme: 'dark', ...phone } },
    { name: 'tablet', options: { colorScheme: 'light', viewport: { width: 800, height: 1000 } } },
  ]
  for (const { name, options } of looks)
    it(`${name}: axe has no objection, and nothing is wider than the window`, async () => {
      const seen = await visit(browser, `${instance.url}/${six}`, options)
      await ticks(seen, 'BTC/USD', 20)
      await reads(cell(seen, 'NO/USD', 'problem'), /lists no/)
      await until('all changes are there', async () => (await seen.page.locator('.c-change span:not(:empty)').count()) === 5)
      await picture(seen, `prices-${name}`)
      expect(await seen.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
      expect(await objections(seen)).toEqual([])
      await search(seen).fill('bt')
      await until('something was found', async () => (await seen.page.getByRole('option').count()) > 3)
      await seen.page.keyboard.press('ArrowDown')
      await picture(seen, `search-${name}`)
      expect(await objections(seen)).toEqual([])
      expect(seen.complaints).toEqual([])
      await seen.close()
    }, 60_000)

  for (const colorScheme of ['light', 'dark'] as const)
    it(`${colorScheme}: axe has no objection to a page that waits, one without pairs, and one with a banner`, async () => {
      const waiting = await visit(browser, `${instance.url}/?pairs=BTC/USD,ETH/USD,SOL/USD`, {
        colorScheme,
        before: page => page.route('**/v1/stream*', () => {}),
      })
      await until('rows wait', async () => (await waiting.page.locator('.bone').count()) === 3)
      await picture(waiting, `waiting-${colorScheme}`)
      expect(await objections(waiting)).toEqual([])
      await waiting.close()
      const empty = await visit(browser, `${instance.url}/?pairs=`, { colorScheme })
      await empty.page.getByRole('heading', { name: 'No pairs yet' }).waitFor()
      await picture(empty, `empty-${colorScheme}`)
      expect(await objections(empty)).toEqual([])
      await empty.close()
      const lost = await visit(browser, `${instance.url}/?pairs=BTC/USD,ETH/USD`, {
        colorScheme,
        before: page => page.route('**/v1/stream*', route => route.fulfill({ contentType: 'text/event-stream', body: ':\n\n' })),
      })
      await reads(banner(lost), /^Connection lost/)
      expect(await objections(lost)).toEqual([])
      await lost.close()
    }, 60_000)

  it('flashes nothing for those who asked for less motion, and still says the way', async () => {
    const seen = await visit(browser, `${instance.url}/?pairs=BTC/USD`, { reducedMotion: 'reduce' })
    await ticks(seen, 'BTC/USD', 2)
    expect(await seen.page.evaluate(() => document.getAnimations().length)).toBe(0)
    await reads(row(seen, 'BTC/USD').locator('.arrow'), /^[▲▼]$/)
    await seen.close()
  })

  it('weighs less than 30 kB of script, and asks for nothing but its own files and the API', async () => {
    const sizes = new Map<string, number>()
    const seen = await visit(browser, `${instance.url}/?pairs=BTC/USD`, {
      before: async page =>
        page.on('response', async response => {
          if (response.request().resourceType() === 'script') sizes.set(response.url(), gzipSync(await response.body()).length)
        }),
    })
    await ticks(seen, 'BTC/USD', 1)
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    expect(total).toBeGreaterThan(5000)
    expect(total).toBeLessThan(30_000)
    for (const request of seen.requests) expect(request).toMatch(/^GET \/(\?pairs=|assets\/[\w.-]+$|v1\/(stream|status|pairs))/)
    expect([...seen.hosts]).toEqual(['localhost'])
    await seen.close()
  })
})
