import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { browserAvailable, startBrowser, type Visit, visit } from '../support/browser.ts'
import { type House, openHouse } from '../support/doors.ts'
import { until } from '../support/until.ts'

/** In place of the browser's EventSource: the test says what comes, as fast as it likes. */
function standIn(): void {
  class Source extends EventTarget {
    readyState = 1
    readonly url: string
    constructor(url: string) {
      super()
      this.url = url
      Object.assign(globalThis, { source: this })
    }
    close(): void {
      this.readyState = 2
    }
  }
  Object.assign(Source, { CLOSED: 2 })
  Object.assign(globalThis, {
    EventSource: Source,
    say: (name: string, value: object) => {
      const { source } = globalThis as unknown as { source: EventTarget }
      source.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(value) }))
    },
    priceOf: (pair: string, price: string) => ({ pair, symbol: 'X', price, receivedAt: Date.now(), source: 'websocket', level: 'live' }),
  })
}

interface Stage {
  say(name: string, value: object): void
  priceOf(pair: string, price: string): object
}

describe.skipIf(!browserAvailable)('the price page under load', () => {
  let browser: Browser
  let house: House
  const pairs = Array.from({ length: 200 }, (_, index) => `P${index}/USD`)
  beforeAll(async () => {
    house = await openHouse()
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    house?.close()
  })
  const open = async (shown: readonly string[], before: (page: Page) => Promise<unknown>): Promise<Visit> => {
    const seen = await visit(browser, `${house.url}/?pairs=${shown.join(',')}`, { before })
    await until('all rows stand', async () => (await seen.page.locator('tbody tr').count()) === shown.length)
    await seen.page.evaluate(
      live => {
        const { say } = globalThis as unknown as Stage
        say('status', { level: 'live', role: 'leader', since: Date.now(), pairs: live })
      },
      Object.fromEntries(shown.map(pair => [pair, 'live'])),
    )
    return seen
  }

  it('lets nothing move when a price gains or loses digits', async () => {
    const seen = await open(['A/USD', 'B/USD'], page => page.addInitScript(standIn))
    const boxesAt = (price: string): Promise<readonly string[]> =>
      seen.page.evaluate(async text => {
        const { say, priceOf } = globalThis as unknown as Stage
        say('price', { ...priceOf('A/USD', text), bid: text, ask: text, changePercent24h: text })
        const amount = (): Element | null => document.querySelector('.amount')
        const digits = (shown: string | null | undefined): number => Number(shown?.replaceAll(',', ''))
        while (digits(amount()?.textContent) !== Number(text)) await new Promise(requestAnimationFrame)
        const cells = [...document.querySelectorAll('.prices th, .prices td')].map(cell => {
          const { left, top, width, height } = cell.getBoundingClientRect()
          return `${cell.className.split(' ')[0]} ${[left, top, width, height].map(length => length.toFixed(2)).join(' ')}`
        })
        return [...cells, `digits end at ${amount()?.getBoundingClientRect().right.toFixed(2)}`]
      }, price)
    const before = await boxesAt('1.5')
    expect(before.length).toBe(3 * 9 + 1)
    for (const price of ['9999.99', '10000.00', '123456.78', '8.11111111']) expect(await boxesAt(price), price).toEqual(before)
    const figures = await seen.page.evaluate(() =>
      [...document.querySelectorAll('tbody td')].map(cell => getComputedStyle(cell).fontVariantNumeric),
    )
    expect(new Set(figures)).toEqual(new Set(['tabular-nums']))
    await seen.close()
  })

  it('piles nothing up while no frame is drawn, and then shows the newest', async () => {
    const seen = await open(['A/USD', 'B/USD'], async page => {
      await page.addInitScript(standIn)
      await page.addInitScript(() => {
        const frames: FrameRequestCallback[] = []
        const draw = globalThis.requestAnimationFrame.bind(globalThis)
        const stage = Object.assign(globalThis, { isHeld: false, frames })
        globalThis.requestAnimationFrame = then => (stage.isHeld ? frames.push(then) : draw(then))
      })
    })
    const held = await seen.page.evaluate(() => {
      const { say, priceOf } = globalThis as unknown as Stage
      const all = globalThis as unknown as { isHeld: boolean; frames: FrameRequestCallback[] }
      let parsed = 0
      const parse = JSON.parse
      JSON.parse = text => {
        parsed += 1
        return parse(text)
      }
      all.isHeld = true
      for (let index = 0; index < 5000; index += 1) say('price', priceOf(index % 2 === 0 ? 'A/USD' : 'B/USD', `${1000 + index}.50`))
      const before = { parsed, frames: all.frames.length }
      all.isHeld = false
      for (const frame of all.frames.splice(0)) frame(performance.now())
      return { before, parsed }
    })
    expect(held).toEqual({ before: { parsed: 0, frames: 1 }, parsed: 2 })
    await until('the newest is shown', async () => (await seen.page.locator('.amount').allInnerTexts()).join() === '5,998.50,5,999.50')
    expect(seen.complaints).toEqual([])
    await seen.close()
  })

  it('brings rows in sight up to date in every frame, and those out of sight once a second', async () => {
    const seen = await open(pairs, page => page.addInitScript(standIn))
    const { frames, inSight, outOfSight } = await seen.page.evaluate(
      names =>
        new Promise<{ frames: number; inSight: number; outOfSight: readonly number[] }>(resolve => {
          const { say, priceOf } = globalThis as unknown as Stage
          const [near, far] = [names[1], names[190]]
          const outOfSight: number[] = []
          let inSight = 0
          let frames = 0
          let round = 0
          const tell = (): void => {
            round += 1
            for (const [index, pair] of names.entries()) say('price', priceOf(pair, `${100 + index}.${10 + (round % 80)}`))
          }
          const observer = new MutationObserver(records => {
            const pairs = records
              .filter(({ target }) => target.parentElement?.classList.contains('amount'))
              .map(({ target }) => target.parentElement?.closest('tr')?.querySelector('.c-pair')?.textContent)
            if (pairs.includes(near)) inSight += 1
            if (pairs.includes(far)) outOfSight.push(Number(document.timeline.currentTime))
            if (outOfSight.length < 4) return
            observer.disconnect()
            resolve({ frames, inSight, outOfSight })
          })
          const goOn = (): void => {
            if (outOfSight.length >= 4) return
            // A price a frame, told before the page draws the next.
            if (outOfSight.length > 0) frames += 1
            else inSight = 0
            tell()
            requestAnimationFrame(goOn)
          }
          observer.observe(document.querySelector('tbody') ?? document, { subtree: true, characterData: true })
          goOn()
        }),
      pairs,
    )
    // By the clock of the frames themselves: a machine that draws few of them draws each at its time.
    for (const [at, time] of outOfSight.slice(1).entries()) expect(time - (outOfSight[at] ?? 0)).toBeGreaterThanOrEqual(1000)
    expect(frames).toBeGreaterThan(10)
    expect(inSight).toBeGreaterThanOrEqual(frames - 2)
    await until('the last row is right in the end', async () => {
      // Not innerText: what is not drawn has none.
      const [first, last] = await Promise.all(
        ['P1/USD', 'P199/USD'].map(pair => seen.page.locator('tr', { hasText: pair }).locator('.amount').first().textContent()),
      )
      return first?.split('.')[1] === last?.split('.')[1]
    })
    expect(seen.complaints).toEqual([])
    await seen.close()
  }, 60_000)
})
