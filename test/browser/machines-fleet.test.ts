import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { objections } from '../support/axe.ts'
import { browserAvailable, picture, startBrowser, type Visit, visit } from '../support/browser.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import type { Process } from '../support/instance.ts'
import { choose, isLit, leaf, lit } from '../support/machines-page.ts'
import { percentile } from '../support/main-thread.ts'
import { reads } from '../support/price-page.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

const wide = { viewport: { width: 1440, height: 900 } }

describe.skipIf(!browserAvailable || !redisAvailable)('the machines of a running fleet', () => {
  let browser: Browser
  let fleet: Fleet
  let leader: Process
  let seen: Visit
  beforeAll(async () => {
    fleet = await startFleet({ rate: 4 })
    leader = await fleet.start({ TICKCAST_INSTANCE_ID: 'one', TICKCAST_PAIRS: 'BTC/USD', TICKCAST_ADMIN_TOKEN: 'sesame' })
    await fleet.leader([leader])
    await fleet.start({ TICKCAST_INSTANCE_ID: 'two', TICKCAST_PAIRS: 'BTC/USD' })
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await fleet?.end()
  })
  afterEach(async () => {
    fleet.exchange.faults.clear()
    const { complaints, hosts } = seen
    await seen.close()
    expect(complaints).toEqual([])
    expect([...hosts]).toEqual(['localhost'])
  })

  /** Wall clock of the first moment a state is lit, from now on; the page and the test run on one machine. */
  const watch = (id: string): Promise<number> =>
    seen.page.evaluate(
      id =>
        new Promise<number>(resolve => {
          const group = document.querySelector(`.chart [data-piece="state"][data-id="${id}"]`)
          const look = (): void => {
            if (group?.classList.contains('lit')) resolve(performance.timeOrigin + performance.now())
          }
          if (group !== null) new MutationObserver(look).observe(group, { attributes: true })
        }),
      id,
    )

  /** How long the instance takes to answer the page, and the page to draw two frames: the shortest such a thing can take here and now. */
  const echo = (): Promise<number> =>
    seen.page.evaluate(async () => {
      const asked = performance.now()
      await (await fetch('/health/live')).text()
      for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame)
      return Math.round(performance.now() - asked)
    })

  it('light `reconnecting` within 200 ms of the exchange killing the socket', async () => {
    seen = await visit(browser, `${leader.url}/machines`, wide)
    await choose(seen, 'one/gateway/connection')
    const delays: number[] = []
    const echoes: number[] = []
    for (let times = 0; times < 5; times += 1) {
      await lit(seen, 'connection.connected.settled.streaming', 20_000)
      const lighted = watch('connection.reconnecting')
      // Also makes sure that the watch stands before the socket falls.
      echoes.push(await echo())
      const killedAt = Date.now()
      // Also refused: the first retry may come so soon that both steps are painted as one.
      fleet.exchange.faults.refuse = true
      delays.push(Math.round((await lighted) - killedAt))
      fleet.exchange.faults.clear()
    }
    console.log(`reconnecting lit after ${delays.join(', ')} ms; there and back, and two frames: ${echoes.join(', ')} ms`)
    expect(percentile(delays, 50)).toBeLessThanOrEqual(Math.max(200, 5 * percentile(echoes, 50)))
    await picture(seen, 'machines-fleet')
  }, 60_000)

  it('show the other instances too', async () => {
    seen = await visit(browser, `${leader.url}/machines`, wide)
    await choose(seen, 'two/gateway/leadership')
    await lit(seen, 'leadership.follower.watching')
    await seen.page.getByRole('tab', { name: 'Next' }).click()
    await seen.page
      .locator('.possible .move', { has: seen.page.locator('.kind.event') })
      .first()
      .click()
    await reads(seen.page.locator('.refusal'), 'This actor runs on two, and events are taken only there: open /machines of two.')
    expect(await seen.page.getByRole('button', { name: 'Send to the live actor' }).isDisabled()).toBe(true)
    await choose(seen, 'two/gateway/connection')
    await until(
      'it is idle or was stopped',
      async () => (await isLit(seen, 'connection.idle')) || isLit(seen, 'connection.intentionally-disconnected'),
    )
    await seen.page.getByRole('button', { name: /^All 2 of connection/ }).click()
    await lit(seen, 'connection.connected.settled.streaming', 20_000)
  }, 60_000)

  it('light `intentionally-disconnected` when leadership goes away, and the way there can be gone back', async () => {
    seen = await visit(browser, `${leader.url}/machines`, wide)
    await choose(seen, 'one/gateway/connection')
    await lit(seen, 'connection.connected.settled.streaming', 20_000)
    await fleet.redis.command('SET prices:leader somebody-else PX 4000')
    await lit(seen, 'connection.intentionally-disconnected', 20_000)
    await seen.page.getByRole('button', { name: 'This actor only' }).click()
    await until('it streamed before', async () => {
      await seen.page.keyboard.press('[')
      return isLit(seen, 'connection.connected.settled.streaming')
    })
    await seen.page.keyboard.press('End')
    await until('it leads or follows again', async () => !(await isLit(seen, 'connection.connecting')))
  }, 60_000)

  /** Of another page of ours in this browser, milliseconds after it was asked for. */
  const firstPaint = async (url: string): Promise<number> => {
    const other = await visit(browser, url)
    await other.page.locator('tbody tr').first().waitFor()
    const paint = await until('something was painted', () =>
      other.page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime),
    )
    await other.close()
    return Math.round(paint)
  }

  it('are drawn within half a second when the layout is known, and weigh less than 120 kB of script without the engine', async () => {
    const sizes = new Map<string, number>()
    seen = await visit(browser, `${leader.url}/machines`, {
      ...wide,
      before: async page =>
        page.on('response', async response => {
          const { pathname } = new URL(response.url())
          if (pathname.endsWith('.js') && !pathname.includes('elk-worker')) sizes.set(pathname, gzipSync(await response.body()).length)
        }),
    })
    await seen.page.locator('.chart [data-piece]').first().waitFor()
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    expect(total).toBeGreaterThan(20_000)
    expect(total).toBeLessThan(120_000)
    const times: number[] = []
    const others: number[] = []
    for (let at = 0; at < 5; at += 1) {
      others.push(await firstPaint(`${leader.url}/?pairs=BTC/USD`))
      await seen.page.reload()
      await seen.page.locator('.chart [data-piece]').first().waitFor()
      times.push(await seen.page.evaluate(() => Math.round(performance.getEntriesByName('first chart')[0]?.startTime ?? Number.NaN)))
    }
    console.log(
      `first chart after ${times.join(', ')} ms, the price page after ${others.join(', ')} ms; ${Math.round(total / 1000)} kB of script`,
    )
    expect(percentile(times, 50)).toBeLessThan(Math.max(500, 5 * percentile(others, 50)))
    // The engine is not even loaded when the layout is known.
    const afterReload = seen.requests.filter(request => request.includes('elk-worker')).length
    expect(afterReload).toBe(1)
  }, 60_000)

  for (const colorScheme of ['light', 'dark'] as const)
    it(`axe has no objection, ${colorScheme}`, async () => {
      seen = await visit(browser, `${leader.url}/machines`, { ...wide, colorScheme })
      await choose(seen, 'one/gateway/connection')
      // Either of the two may lead by now.
      await lit(seen, 'connection')
      await picture(seen, `machines-${colorScheme}`)
      expect(await objections(seen)).toEqual([])
      await seen.page.getByRole('tab', { name: 'Next' }).click()
      await seen.page.locator('.possible .move').first().click()
      await seen.page.getByRole('button', { name: 'Heat map' }).click()
      await seen.page.getByRole('tab', { name: 'Sequence' }).click()
      await leaf(seen, 'one/gateway').waitFor()
      await seen.page.getByText('Export', { exact: true }).click()
      expect(await objections(seen)).toEqual([])
      await picture(seen, `machines-next-${colorScheme}`)
      await seen.page.getByRole('button', { name: 'Make a sandbox copy' }).click()
      expect(await objections(seen)).toEqual([])
    }, 60_000)
  for (const colorScheme of ['light', 'dark'] as const)
    it(`fit a phone, ${colorScheme}: nothing is wider than it, axe has no objection`, async () => {
      const phone = { viewport: { width: 375, height: 812 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }
      seen = await visit(browser, `${leader.url}/machines`, { ...phone, colorScheme })
      await choose(seen, 'one/gateway/connection')
      await lit(seen, 'connection')
      expect(await seen.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
      await seen.page.evaluate(() => scrollTo(0, 0))
      await picture(seen, `machines-phone-${colorScheme}`)
      await seen.page.evaluate(() => scrollTo(0, document.body.scrollHeight))
      await picture(seen, `machines-phone-end-${colorScheme}`)
      expect(await objections(seen)).toEqual([])
    }, 60_000)
})
