import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { browserAvailable, startBrowser, type Visit, visit } from '../support/browser.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import type { Process } from '../support/instance.ts'
import { addressOf, banner, cell, pill, reads, row, search, shown, ticks } from '../support/price-page.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

describe.skipIf(!browserAvailable || !redisAvailable)('the price page, served by a follower', () => {
  let browser: Browser
  let fleet: Fleet
  let follower: Process
  let seen: Visit
  beforeAll(async () => {
    fleet = await startFleet({ rate: 4 })
    const leader = await fleet.start({ TICKCAST_INSTANCE_ID: 'one', TICKCAST_PAIRS: 'BTC/USD' })
    await fleet.leader([leader])
    follower = await fleet.start({ TICKCAST_INSTANCE_ID: 'two', TICKCAST_PAIRS: 'BTC/USD' })
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await fleet?.end()
  })
  afterEach(async () => {
    const { complaints, hosts } = seen
    await seen.close()
    expect(complaints).toEqual([])
    expect([...hosts]).toEqual(['localhost'])
  })
  const open = async (query = '', options = {}): Promise<Visit> => {
    seen = await visit(browser, `${follower.url}/${query}`, options)
    return seen
  }

  it('ticks, and says which instance serves it and how good the prices are', async () => {
    await open('?pairs=BTC/USD')
    const prices = await ticks(seen, 'BTC/USD', 6)
    for (const price of prices) expect(price).toMatch(/^\d{1,3}(,\d{3})*\.\d{2}$/)
    await reads(seen.page.locator('.instance'), /^two\s*follower$/)
    await reads(pill(seen), 'live')
    await reads(cell(seen, 'BTC/USD', 'level'), 'live')
    await reads(cell(seen, 'BTC/USD', 'change'), /^[+−]\d+\.\d\d %$/)
    await reads(cell(seen, 'BTC/USD', 'bid'), /^\d\d,\d{3}\.\d\d$/)
    await reads(cell(seen, 'BTC/USD', 'ask'), /^\d\d,\d{3}\.\d\d$/)
    await reads(cell(seen, 'BTC/USD', 'age'), /^(now|1 s)$/)
  })

  it('shows the very digits the stream sent, and the way each price went by a sign', async () => {
    await open('?pairs=BTC/USD')
    const seenAt = await seen.page.evaluate(
      () =>
        new Promise<{ sent: string[]; shown: { text: string; arrow: string; tone: string }[] }>(resolve => {
          const sent: string[] = []
          const shown: { text: string; arrow: string; tone: string }[] = []
          const source = new EventSource('/v1/stream?pairs=BTC/USD')
          source.addEventListener('price', ({ data }) => sent.push(JSON.parse(data).price))
          const cell = document.querySelector('tbody .c-price')
          const look = (): void => {
            const text = cell?.querySelector('.amount')?.textContent ?? ''
            const arrow = cell?.querySelector('.arrow')?.textContent ?? ''
            if (text !== '' && text !== shown.at(-1)?.text)
              shown.push({ text, arrow, tone: cell?.classList.contains('up') ? 'up' : 'down' })
            if (shown.length < 12) return void requestAnimationFrame(look)
            source.close()
            resolve({ sent, shown })
          }
          look()
        }),
    )
    const sent = new Set(seenAt.sent.map(price => price.replace(/0{6}$/, '')))
    // The first ones may be older than this second stream, the last ones newer.
    for (const { text } of seenAt.shown.slice(2, -2)) expect(sent).toContain(text.replaceAll(',', ''))
    const value = (text: string): number => Number(text.replaceAll(',', ''))
    seenAt.shown.slice(2).forEach(({ text, arrow, tone }, at) => {
      const way = value(text) > value(seenAt.shown[at + 1]?.text ?? '') ? 'up' : 'down'
      expect([text, arrow, tone]).toEqual([text, way === 'up' ? '▲' : '▼', way])
    })
  })

  it('streams a pair nobody had, found and added by keyboard, and remembers it', async () => {
    await open()
    await ticks(seen, 'BTC/USD', 1)
    await seen.page.keyboard.press('/')
    expect(await search(seen).evaluate(element => element === document.activeElement)).toBe(true)
    await seen.page.keyboard.type('sol')
    const options = seen.page.getByRole('option')
    await until('something was found', async () => (await options.count()) > 1)
    expect(await options.first().innerText()).toBe('SOL/USD')
    const active = (): Promise<string | null> => search(seen).getAttribute('aria-activedescendant')
    expect(await active()).toBe('found-0')
    await seen.page.keyboard.press('ArrowDown')
    expect(await active()).toBe('found-1')
    await seen.page.keyboard.press('ArrowUp')
    expect(await active()).toBe('found-0')
    expect(await search(seen).getAttribute('aria-expanded')).toBe('true')
    await seen.page.keyboard.press('Enter')
    expect(await search(seen).getAttribute('aria-expanded')).toBe('false')
    await ticks(seen, 'SOL/USD', 2)
    await reads(cell(seen, 'SOL/USD', 'level'), 'live')
    expect(addressOf(seen)).toBe('?pairs=BTC/USD,ETH/USD,SOL/USD')
    await reads(seen.page.getByRole('status'), 'SOL/USD added.')
    expect(fleet.exchange.stats().connections).toMatchObject({ now: 1, ever: 1 })
    await seen.page.goto(follower.url)
    await ticks(seen, 'SOL/USD', 1)
    expect(await shown(seen)).toEqual(['BTC/USD', 'ETH/USD', 'SOL/USD'])
  })

  it('closes the list with Escape, and says what is no pair', async () => {
    await open('?pairs=BTC/USD')
    await search(seen).fill('eth')
    await until('something was found', async () => (await seen.page.getByRole('option').count()) > 1)
    await seen.page.keyboard.press('Escape')
    expect(await seen.page.getByRole('listbox').isVisible()).toBe(false)
    expect(await search(seen).inputValue()).toBe('eth')
    await seen.page.keyboard.press('Escape')
    expect(await search(seen).inputValue()).toBe('')
    await search(seen).fill('no such thing')
    await seen.page.keyboard.press('Enter')
    await reads(seen.page.getByRole('alert'), '“no such thing” is no pair; one looks like BTC/USD.')
    await search(seen).fill('btc-usd')
    await seen.page.keyboard.press('Enter')
    await reads(seen.page.getByRole('alert'), 'BTC/USD is shown already.')
    expect(await shown(seen)).toEqual(['BTC/USD'])
  })

  it('adds what was typed when Enter came before the answer', async () => {
    await open('?pairs=BTC/USD')
    await search(seen).fill('doge')
    await seen.page.keyboard.press('Enter')
    await ticks(seen, 'DOGE/USD', 1)
  })

  it('removes a pair and leaves the keyboard where it was; the last one gives way to a beginning', async () => {
    await open('?pairs=BTC/USD,ETH/USD,SOL/USD')
    await ticks(seen, 'ETH/USD', 1)
    await row(seen, 'ETH/USD').getByRole('button').press('Enter')
    expect(await shown(seen)).toEqual(['BTC/USD', 'SOL/USD'])
    expect(addressOf(seen)).toBe('?pairs=BTC/USD,SOL/USD')
    await until('the next row has the focus', async () => {
      const label = await seen.page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
      return label === 'Remove SOL/USD'
    })
    await until('it is no longer asked for', () => seen.requests.includes('GET /v1/stream?pairs=BTC/USD,SOL/USD'))
    await row(seen, 'SOL/USD').getByRole('button').click()
    await row(seen, 'BTC/USD').getByRole('button').click()
    await reads(pill(seen), 'no pairs')
    await until('nobody reads', async () => (await follower.status()).readers === 0)
    await seen.page.getByRole('button', { name: 'XRP/USD' }).click()
    await ticks(seen, 'XRP/USD', 1)
    expect(addressOf(seen)).toBe('?pairs=XRP/USD')
  })

  it('says at its row what is wrong with a pair, and serves the others', async () => {
    await open('?pairs=BTC/USD,NO/USD,nonsense')
    await ticks(seen, 'BTC/USD', 2)
    await reads(cell(seen, 'NO/USD', 'problem'), 'The exchange lists no NO/USD.')
    await reads(cell(seen, 'NONSENSE', 'problem'), '“NONSENSE” is no pair; one looks like BTC/USD.')
    await row(seen, 'NO/USD').getByRole('button').click()
    expect(await shown(seen)).toEqual(['BTC/USD', 'NONSENSE'])
    await ticks(seen, 'BTC/USD', 1)
  })

  it('does not let a number move another over two hundred updates', async () => {
    await open('?pairs=BTC/USD,ETH/USD,SOL/USD,XRP/USD,DOGE/USD')
    for (const pair of await shown(seen)) await ticks(seen, pair, 1)
    await until('all is there', async () => (await seen.page.locator('.c-ask:not(:empty), .c-change:not(:empty)').count()) >= 10)
    const moved = await seen.page.evaluate(
      () =>
        new Promise<readonly string[]>(resolve => {
          const moved: string[] = []
          const boxes = new Map<Element, string>()
          let updates = 0
          const look = (): void => {
            for (const element of document.querySelectorAll('.prices th, .prices td')) {
              const { left, top, width, height } = element.getBoundingClientRect()
              const box = [left, top, width, height].map(length => length.toFixed(2)).join(' ')
              const before = boxes.get(element)
              if (before !== undefined && before !== box) moved.push(`${element.className}: ${before} → ${box}`)
              boxes.set(element, box)
            }
            for (const amount of document.querySelectorAll('.amount')) {
              // The digits end at the same place, whatever they are.
              const end = amount.getBoundingClientRect().right.toFixed(2)
              if (boxes.has(amount) && boxes.get(amount) !== end) moved.push(`${amount.textContent} ends at ${end}`)
              boxes.set(amount, end)
            }
          }
          look()
          const observer = new MutationObserver(changes => {
            updates += changes.filter(({ target }) => target.parentElement?.classList.contains('amount')).length
            look()
            if (updates < 200) return
            observer.disconnect()
            resolve(moved)
          })
          observer.observe(document.querySelector('tbody') ?? document, { subtree: true, characterData: true, childList: true })
        }),
    )
    expect(moved).toEqual([])
  }, 60_000)

  it('wears the colours of the system until somebody chooses, and remembers the choice', async () => {
    await open('?pairs=BTC/USD', { colorScheme: 'dark' })
    const paper = (): Promise<string> => seen.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const button = seen.page.getByRole('button', { name: 'Dark colours' })
    await until('it is drawn', () => button.isVisible())
    const dark = await paper()
    expect(await button.getAttribute('aria-pressed')).toBe('true')
    await button.click()
    const light = await paper()
    expect(light).not.toBe(dark)
    await seen.page.reload()
    await until('it is light again', async () => (await paper()) === light)
    expect(await button.getAttribute('aria-pressed')).toBe('false')
    await button.click()
    await seen.page.emulateMedia({ colorScheme: 'light' })
    await until('it follows the system again', async () => (await paper()) === light)
  })
  it('says of prices that are not live what went wrong at the leader, from whom they come', async () => {
    await open('?pairs=BTC/USD')
    await ticks(seen, 'BTC/USD', 2)
    fleet.exchange.faults.silent = true
    await reads(pill(seen), 'polling', 30_000)
    await reads(banner(seen), /Prices are polled since \d\d:\d\d:\d\d/)
    await reads(banner(seen).locator('code'), /^leader one: connection reconnecting: \w/, 30_000)
    fleet.exchange.faults.clear()
    await reads(pill(seen), 'live', 60_000)
  }, 120_000)
})
