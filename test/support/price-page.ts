import type { Locator } from 'playwright-core'
import type { Visit } from './browser.ts'
import { until } from './until.ts'

/** The price page as somebody who looks at it would speak of it. */

export const row = ({ page }: Visit, pair: string): Locator =>
  page.locator('tbody tr').filter({ has: page.getByRole('button', { name: `Remove ${pair}` }) })
export const cell = (seen: Visit, pair: string, name: string): Locator => row(seen, pair).locator(`.c-${name}`)
export const search = ({ page }: Visit): Locator => page.getByRole('combobox', { name: 'Add a pair' })
export const pill = ({ page }: Visit): Locator => page.locator('.masthead .level')
export const banner = ({ page }: Visit): Locator => page.getByRole('region', { name: 'What is wrong' })

/** Pairs shown, in order. */
export const shown = async ({ page }: Visit): Promise<readonly string[]> => page.locator('tbody .c-pair').allInnerTexts()

export const addressOf = ({ page }: Visit): string => new URL(page.url()).search

/** Waits until something on the page reads so. */
export const reads = (what: Locator, text: string | RegExp, withinMs?: number): Promise<unknown> =>
  until(
    `${what} reads ${text}`,
    async () => {
      const now = (await what.count()) === 1 ? (await what.innerText()).trim() : ''
      return typeof text === 'string' ? now === text : text.test(now)
    },
    withinMs,
  )

/** Waits until the price of a pair has changed so many times, and returns what was shown. */
export async function ticks(seen: Visit, pair: string, times = 3, withinMs = 15_000): Promise<readonly string[]> {
  const prices: string[] = []
  await until(
    `${pair} ticks`,
    async () => {
      const price = (await cell(seen, pair, 'price').locator('.amount').allInnerTexts())[0]
      if (price !== undefined && price !== prices.at(-1)) prices.push(price)
      return prices.length > times
    },
    withinMs,
  )
  return prices
}
