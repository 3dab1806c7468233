import { signal } from '@preact/signals'
import ElkApi from 'elkjs/lib/elk-api.js'
import workerUrl from 'elkjs/lib/elk-worker.min.js?url'
import type { Chart } from '../../../inspect/record.ts'
import { type Engine, type Layout, layOut } from '../chart/layout.ts'

/**
 * Layouts by the hash of their chart. The engine runs in a worker, is loaded when the first chart is unknown, and what it found is kept in
 * the browser, so that a chart seen once is there at once. Bounded: the longest unseen go first.
 */
const version = 'v1'
const keptMax = 24
const prefix = `tickcast.layout.${version}.`
const listKey = `${prefix}list`

const known = new Map<string, Layout>()
const asked = new Set<string>()
/** Goes up when a layout has come. */
const arrivals = signal(0)
export const layoutFault = signal('')

let engine: Engine | undefined

const engineOf = (): Engine => {
  engine ??= new ElkApi({ workerFactory: () => new Worker(workerUrl) })
  return engine
}

/** Undefined: it comes, and whoever read this signal is told. */
export function layoutOf(chart: Chart): Layout | undefined {
  arrivals.value
  const found = known.get(chart.hash) ?? fromStorage(chart.hash)
  if (found !== undefined) {
    known.set(chart.hash, found)
    return found
  }
  if (!asked.has(chart.hash)) void ask(chart)
  return undefined
}

async function ask(chart: Chart): Promise<void> {
  asked.add(chart.hash)
  try {
    const layout = await layOut(engineOf(), chart)
    known.set(chart.hash, layout)
    toStorage(chart.hash, layout)
  } catch (error) {
    layoutFault.value = `The chart of ${chart.machine} could not be laid out: ${error instanceof Error ? error.message : String(error)}`
  }
  arrivals.value += 1
}

function fromStorage(hash: string): Layout | undefined {
  try {
    const text = localStorage.getItem(prefix + hash)
    return text === null ? undefined : (JSON.parse(text) as Layout)
  } catch {
    return undefined
  }
}

function toStorage(hash: string, layout: Layout): void {
  try {
    const list = [hash, ...(JSON.parse(localStorage.getItem(listKey) ?? '[]') as string[]).filter(one => one !== hash)]
    for (const old of list.splice(keptMax)) localStorage.removeItem(prefix + old)
    localStorage.setItem(prefix + hash, JSON.stringify(layout))
    localStorage.setItem(listKey, JSON.stringify(list))
  } catch {
    // A full or forbidden storage: it is laid out anew next time.
  }
}
