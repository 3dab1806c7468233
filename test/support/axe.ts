import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Visit } from './browser.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Found {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
  }[]
}

/** What axe-core objects to, one line each. A flash is half a second long, and what is looked at is text on its lasting ground. */
export async function objections({ page }: Visit): Promise<readonly string[]> {
  await page.evaluate(axe)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<Found> } }
    const { violations } = await axe.run()
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`))
  })
}
