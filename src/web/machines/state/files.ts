import { edgeIdOfCoverage } from '../../../inspect/coverage.ts'
import { countsFromCoverage, readCoverage } from '../record/heat.ts'
import { linesOf, recordsFrom } from '../record/lines.ts'
import { foreignHeat, isHot } from './choice.ts'
import { disconnect } from './feed.ts'
import { complaint, config, history, openRecording } from './session.ts'

/** Opens what somebody chose or dropped: a recording, a simulation's trace, or a coverage file for the heat map. */
export async function openFile(file: File): Promise<void> {
  try {
    const text = await file.text()
    const coverage = readCoverage(text)
    if (coverage === undefined) {
      const records = recordsFrom(text)
      disconnect()
      openRecording(records, file.name)
      return
    }
    const charts = [...history.value.charts.values()]
    foreignHeat.value = new Map(charts.map(chart => [chart.machine, countsFromCoverage(chart, coverage, edgeIdOfCoverage)]))
    isHot.value = true
    complaint.value = ''
  } catch (error) {
    complaint.value = `${file.name}: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Offers a file for download, made here. */
export function offer(name: string, content: Blob): void {
  const url = URL.createObjectURL(content)
  const anchor = document.createElement('a')
  anchor.href = url
  anchor.download = name
  anchor.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

export const saveSession = (): void => {
  const name = (config.value.title || 'session').replace(/\W+/g, '-')
  offer(`${name.replace(/-jsonl$/, '')}.jsonl`, new Blob([linesOf(history.value)], { type: 'application/jsonl' }))
}
