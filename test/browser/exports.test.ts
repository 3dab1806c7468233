import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { chartOf } from '../../src/inspect/chart.ts'
import type { Chart } from '../../src/inspect/record.ts'
import { mermaidOf } from '../../src/web/machines/export/mermaid.ts'
import { scxmlOf } from '../../src/web/machines/export/scxml.ts'
import { ownMachines } from '../../src/web/machines/play/own.ts'
import { browserAvailable, startBrowser } from '../support/browser.ts'
import { misplacedIn, type XmlElement } from '../support/scxml-schema.ts'
import { oddMachine, tortureMachine } from '../support/torture.ts'

const mermaid = readFileSync(createRequire(import.meta.url).resolve('@mermaid-js/tiny'), 'utf8')

const all: readonly (readonly [string, AnyStateMachine])[] = [
  ...Object.entries(ownMachines),
  ['torture', tortureMachine],
  ['odd', oddMachine],
]

const arrowsOf = ({ edges }: Chart): number => edges.reduce((sum, { targets }) => sum + targets.length, 0)

interface Mermaid {
  readonly mermaidAPI: {
    getDiagramFromText(text: string): Promise<{
      readonly db: {
        getData(): { readonly nodes: readonly { readonly isGroup: boolean }[]; readonly edges: readonly { readonly label?: string }[] }
      }
    }>
  }
  initialize(settings: object): void
  render(id: string, text: string): Promise<{ readonly svg: string }>
}

describe.skipIf(!browserAvailable)('an exported chart, read by a browser', () => {
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    browser = await startBrowser()
    page = await browser.newPage()
    await page.addScriptTag({ content: mermaid })
  })
  afterAll(() => browser?.close())

  it.each(all)('%s is a state diagram to Mermaid itself: each state and each arrow with its words', async (_, machine) => {
    const chart = chartOf(machine)
    const { edges, words } = await page.evaluate(async text => {
      const { mermaid } = globalThis as unknown as { mermaid: Mermaid }
      mermaid.initialize({ startOnLoad: false, htmlLabels: false })
      const { db } = await mermaid.mermaidAPI.getDiagramFromText(text)
      const { svg } = await mermaid.render('drawn', text)
      const drawn = new DOMParser().parseFromString(svg, 'text/html')
      return { edges: db.getData().edges.map(({ label }) => label ?? ''), words: drawn.body.textContent?.replace(/\s+/g, '') ?? '' }
    }, mermaidOf(chart))
    expect(edges.filter(label => label !== '')).toHaveLength(arrowsOf(chart))
    for (const { type, key } of chart.states) if (type !== 'history') expect(words).toContain(key.replace(/\s+/g, ''))
    for (const { label, targets } of chart.edges) if (targets.length > 0) expect(words).toContain(label.replace(/\s+/g, ''))
  })

  it.each(all)('%s is XML in which each element stands where SCXML allows it, with what it must have', async (_, machine) => {
    const chart = chartOf(machine)
    const root = await page.evaluate(text => {
      const read = (element: Element): XmlElement => ({
        name: element.localName,
        space: element.namespaceURI,
        attributes: Object.fromEntries([...element.attributes].map(({ name, value }) => [name, value])),
        children: [...element.children].map(read),
      })
      return read(new DOMParser().parseFromString(text, 'application/xml').documentElement)
    }, scxmlOf(chart))
    expect(misplacedIn(root)).toEqual([])
    const count = ({ name, children }: XmlElement): number =>
      Number(['state', 'parallel', 'final', 'history'].includes(name)) + children.reduce((sum, child) => sum + count(child), 0)
    expect(count(root)).toBe(chart.states.length)
  })
})
