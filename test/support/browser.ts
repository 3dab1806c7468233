import { existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** The Chromium of this machine, looking at pages of ours. Nothing is downloaded. */

export const noBrowser = 'no Chromium found: apt-get install chromium (or set CHROME_PATH)'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

function findBrowser(): string | undefined {
  const { CHROME_PATH, PATH = '' } = process.env
  if (CHROME_PATH !== undefined && CHROME_PATH !== '') return existsSync(CHROME_PATH) ? CHROME_PATH : undefined
  const folders = PATH.split(delimiter)
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(existsSync)
}

const program = findBrowser()

/** With CI=true its absence is an error instead: nothing may be skipped there. */
export const browserAvailable = program !== undefined
if (!browserAvailable) {
  if (process.env.CI === 'true') throw new Error(noBrowser)
  console.warn(noBrowser)
}

export function startBrowser(): Promise<Browser> {
  if (program === undefined) throw new Error(noBrowser)
  const quiet = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  // Chromium's sandbox does not start as root, which is what a container usually is.
  const isRoot = process.getuid?.() === 0
  return chromium.launch({ executablePath: program, args: isRoot ? [...quiet, '--no-sandbox'] : quiet })
}

/** A page that is watched: whatever goes wrong in it, and wherever it turns to. */
export interface Visit {
  readonly page: Page
  /** Errors in the console, uncaught ones, and what the policy forbade. */
  readonly complaints: string[]
  /** Hosts asked for anything. */
  readonly hosts: Set<string>
  /** Requests so far, as `GET /v1/stream?pairs=…`. */
  readonly requests: string[]
  close(): Promise<void>
}

export interface VisitOptions extends BrowserContextOptions {
  /** Done to the page before it is loaded. */
  readonly before?: (page: Page) => Promise<unknown>
}

export async function visit(browser: Browser, url: string, { before, ...options }: VisitOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  const hosts = new Set<string>()
  const requests: string[] = []
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    const { protocol, hostname, pathname, search } = new URL(request.url())
    if (protocol.startsWith('http')) hosts.add(hostname)
    requests.push(`${request.method()} ${pathname}${decodeURIComponent(search)}`)
  })
  await page.exposeFunction('complain', (what: string) => complaints.push(what))
  await page.addInitScript(() => {
    const { complain } = globalThis as unknown as { complain: (what: string) => void }
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      complain(`${violatedDirective} forbade ${blockedURI}`),
    )
  })
  await before?.(page)
  await page.goto(url)
  return { page, complaints, hosts, requests, close: () => context.close() }
}

/** What Chromium itself writes into the console when a server is gone. */
export const isOfChromium = (complaint: string): boolean => /^Failed to load resource: net::ERR_|ERR_INCOMPLETE_CHUNKED/.test(complaint)

const folder = fileURLToPath(new URL('../../.cache/screenshots/', import.meta.url))

/** Keeps a picture for people to look at, in .cache/screenshots. */
export async function picture({ page }: Visit, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
