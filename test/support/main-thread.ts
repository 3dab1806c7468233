import type { Browser } from 'playwright-core'
import type { Visit } from './browser.ts'

/**
 * What a page did, by the processor time of its own main thread. Other programs on the machine take turns with it and lengthen every wait;
 * this they do not lengthen, so a bound on it holds on a busy machine too.
 */
export interface MainThread {
  /** Milliseconds of each task, in order: while one runs the page hears nobody. */
  readonly tasks: readonly number[]
}

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Microseconds of processor time. */
  readonly tdur?: number
}

const categories = ['disabled-by-default-devtools.timeline', 'blink.user_timing']
const sign = 'this is the page'

/** One at a time in a browser. */
export async function traced({ page }: Visit, work: () => Promise<unknown>): Promise<MainThread> {
  const browser = page.context().browser()
  if (browser === null) throw new Error('this page has no browser of its own')
  await browser.startTracing(page, { categories })
  await work()
  await page.evaluate(sign => performance.mark(sign), sign)
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { readonly traceEvents: readonly TraceEvent[] }
  const own = traceEvents.find(({ name }) => name === sign)
  const tasks = traceEvents.flatMap(({ name, ph, pid, tid, tdur }) =>
    name === 'RunTask' && ph === 'X' && pid === own?.pid && tid === own.tid && tdur !== undefined ? [tdur / 1000] : [],
  )
  if (tasks.length === 0) throw new Error('this browser tells no processor time of tasks')
  return { tasks }
}

/** How long an empty page of this browser waits for the end of a frame it asks for, milliseconds on the wall, a hundred times. */
export async function frameTimes(browser: Browser): Promise<readonly number[]> {
  const page = await browser.newPage()
  const times = await page.evaluate(async () => {
    const times: number[] = []
    for (let at = 0; at < 100; at += 1) {
      const asked = performance.now()
      await new Promise(requestAnimationFrame)
      document.body.textContent = String(at)
      await new Promise(done => {
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = done
        port2.postMessage(undefined)
      })
      times.push(performance.now() - asked)
    }
    return times
  })
  await page.close()
  return times
}

/** The value that so many of a hundred do not exceed. */
export function percentile(values: readonly number[], of100: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of100) / 100))] ?? Number.NaN
}
