import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { browserAvailable, isOfChromium, picture, startBrowser, type Visit, visit } from '../support/browser.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import type { Process } from '../support/instance.ts'
import { banner, cell, pill, reads, ticks } from '../support/price-page.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

describe.skipIf(!browserAvailable || !redisAvailable)('the price page, when something goes wrong', () => {
  let browser: Browser
  let fleet: Fleet
  let instance: Process
  let seen: Visit
  beforeAll(async () => {
    fleet = await startFleet({ rate: 4 })
    instance = await fleet.start({ TICKCAST_INSTANCE_ID: 'one', TICKCAST_LEASE_TTL_MS: '1000' })
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await fleet?.end()
  })
  afterEach(async () => {
    fleet.exchange.faults.clear()
    const { complaints } = seen
    await seen.close()
    expect(complaints.filter(complaint => !isOfChromium(complaint))).toEqual([])
  })

  it('says that prices are polled, since when and why, while the exchange is silent, and stops saying so when it is healed', async () => {
    seen = await visit(browser, `${instance.url}/?pairs=BTC/USD,ETH/USD`)
    await ticks(seen, 'BTC/USD', 2)
    expect(await banner(seen).count()).toBe(0)
    const before = Date.now()
    fleet.exchange.faults.silent = true
    await reads(pill(seen), 'polling', 30_000)
    await reads(banner(seen), /Prices are polled since \d\d:\d\d:\d\d/)
    await reads(banner(seen), /asked for over REST/)
    await reads(banner(seen).locator('code'), /^connection reconnecting: \w/)
    await reads(cell(seen, 'BTC/USD', 'level'), 'polling')
    await reads(seen.page.getByRole('status'), 'Prices are polled.')
    const [hours = 0, minutes = 0, seconds = 0] = ((await banner(seen).innerText()).match(/\d\d:\d\d:\d\d/)?.[0] ?? '')
      .split(':')
      .map(Number)
    const since = new Date(before).setHours(hours, minutes, seconds, 999)
    expect(since).toBeGreaterThan(before - 1000)
    expect(since).toBeLessThan(Date.now() + 1000)
    await picture(seen, 'prices-polling')
    fleet.exchange.faults.clear()
    await reads(pill(seen), 'live', 60_000)
    await until('the banner is gone', async () => (await banner(seen).count()) === 0)
    await reads(seen.page.getByRole('status'), 'Prices are live.')
    await ticks(seen, 'BTC/USD', 2)
  }, 120_000)

  it('says that the exchange cannot be reached at all', async () => {
    seen = await visit(browser, `${instance.url}/?pairs=BTC/USD,ETH/USD`, { colorScheme: 'dark' })
    await ticks(seen, 'BTC/USD', 2)
    fleet.exchange.faults.refuse = true
    await reads(pill(seen), /shared cache|local cache|stale/, 60_000)
    await reads(banner(seen), /Nothing newer can be had/)
    await reads(banner(seen).locator('code'), /^connection reconnecting: ws:.* refuses the connection$/)
    await reads(cell(seen, 'BTC/USD', 'level'), /shared cache|local cache|stale/)
    await picture(seen, 'prices-cached-dark')
    fleet.exchange.faults.clear()
    await reads(pill(seen), 'live', 60_000)
    await until('the banner is gone', async () => (await banner(seen).count()) === 0)
  }, 150_000)

  it('keeps what it heard while the server is away, says so, and goes on by itself', async () => {
    seen = await visit(browser, `${instance.url}/?pairs=BTC/USD,ETH/USD`)
    await ticks(seen, 'BTC/USD', 2)
    instance.signal('SIGKILL')
    await instance.exited()
    await reads(pill(seen), 'reconnecting')
    await reads(banner(seen), /^Connection lost at \d\d:\d\d:\d\d/)
    await reads(cell(seen, 'BTC/USD', 'level'), 'not connected')
    expect(await cell(seen, 'BTC/USD', 'price').locator('.amount').innerText()).toMatch(/^\d\d,\d{3}\.\d\d$/)
    await reads(seen.page.getByRole('status'), 'Connection lost, trying again.')
    await picture(seen, 'prices-reconnecting')
    instance = await fleet.start({ TICKCAST_INSTANCE_ID: 'one', TICKCAST_LEASE_TTL_MS: '1000', PORT: new URL(instance.url).port })
    await reads(pill(seen), 'live', 60_000)
    await until('the banner is gone', async () => (await banner(seen).count()) === 0)
    await ticks(seen, 'BTC/USD', 2)
  }, 120_000)

  it('tells an instance that goes on purpose from one that was lost', async () => {
    seen = await visit(browser, `${instance.url}/?pairs=BTC/USD`)
    await ticks(seen, 'BTC/USD', 1)
    instance.signal('SIGTERM')
    await reads(banner(seen), /^This instance is going away/)
    await instance.exited()
    instance = await fleet.start({ TICKCAST_INSTANCE_ID: 'one', TICKCAST_LEASE_TTL_MS: '1000', PORT: new URL(instance.url).port })
    await reads(pill(seen), 'live', 60_000)
    await until('the banner is gone', async () => (await banner(seen).count()) === 0)
  }, 120_000)

  it('says that an instance is full, and comes in when there is room', async () => {
    const small = await fleet.start({ TICKCAST_READERS_MAX: '1' })
    const first = await visit(browser, `${small.url}/?pairs=BTC/USD`)
    await ticks(first, 'BTC/USD', 1)
    seen = await visit(browser, `${small.url}/?pairs=BTC/USD`)
    await reads(banner(seen), /^This instance is full\n+Connecting again in \d+ s\./)
    await first.close()
    await ticks(seen, 'BTC/USD', 1, 60_000)
    expect(await banner(seen).count()).toBe(0)
  }, 90_000)

  it('tells of each pair why none can be served', async () => {
    seen = await visit(browser, `${instance.url}/?pairs=NO/USD,NEVER/USD`)
    await reads(cell(seen, 'NO/USD', 'problem'), 'The exchange lists no NO/USD.')
    await reads(cell(seen, 'NEVER/USD', 'problem'), 'The exchange lists no NEVER/USD.')
    await reads(banner(seen), /^The stream was refused/)
    // Chromium notes the refusal of the stream, and of the question why.
    seen.complaints.splice(0, seen.complaints.length, ...seen.complaints.filter(complaint => !complaint.includes('404')))
  })
})
