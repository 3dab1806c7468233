import type { Chart, ChartEdge } from './record.ts'

/**
 * Coverage files name an edge `from|event|guard|to`, states without the machine's name, as the headers of the machines do. Here such a
 * name finds its edge, so that a file counted anywhere colours the same chart.
 */

/** Undefined: this chart has no such edge; it is another version, or another machine. */
export function edgeIdOfCoverage(chart: Chart, name: string): string | undefined {
  const [from = '', event = '', guard = '', to = ''] = name.split('|')
  const candidates = chart.edges.filter(
    edge => stateName(chart, edge.source) === from && eventName(edge) === event && targetNames(chart, edge) === to,
  )
  // Coverage knows a guard by its name alone, and one without a name as `inline`.
  const same = candidates.filter(edge => plain(edge.guard) === guard)
  return (same[0] ?? (candidates.length === 1 && guard === 'inline' ? candidates[0] : undefined))?.id
}

const stateName = ({ machine }: Chart, id: string): string => (id.startsWith(`${machine}.`) ? id.slice(machine.length + 1) : id)

const targetNames = (chart: Chart, { targets }: ChartEdge): string => targets.map(id => stateName(chart, id)).join(' ')

const plain = (guard = ''): string => guard.replace(/\(.*\)$/, '')

function eventName({ id, source, kind, label }: ChartEdge): string {
  return kind === 'after' ? label.replace(/ ms$/, '') : id.slice(source.length + 1, id.lastIndexOf('|'))
}
