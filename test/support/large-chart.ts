import type { Chart, ChartEdge, ChartState } from '../../src/inspect/record.ts'

const plain = { entry: [], exit: [], invoke: [], tags: [] } as const
const groups = 11
const inside = 13

/** A chart as large as machines get: 156 states (the root, 11 groups, 144 in them), each with three ways out. */
export function largeChart(): Chart {
  const keys = Array.from({ length: groups }, (_, group) => ({ id: `large.g${group}`, size: group === 0 ? inside + 1 : inside }))
  const states: ChartState[] = [
    { ...plain, id: 'large', key: 'large', type: 'compound', initial: 'large.g0' },
    ...keys.flatMap(({ id, size }, group): ChartState[] => [
      { ...plain, id, key: `g${group}`, parent: 'large', type: 'compound', initial: `${id}.s0` },
      ...Array.from({ length: size }, (_, at): ChartState => ({ ...plain, id: `${id}.s${at}`, key: `s${at}`, parent: id, type: 'atomic' })),
    ]),
  ]
  const edge = (source: string, type: string, target: string): ChartEdge => ({
    id: `${source}|${type}|0`,
    source,
    targets: [target],
    kind: 'event',
    label: type,
    actions: [],
    reenter: false,
  })
  const edges = keys.flatMap(({ id, size }, group) => [
    ...Array.from({ length: size }, (_, at) => [
      edge(`${id}.s${at}`, 'next', `${id}.s${(at + 1) % size}`),
      edge(`${id}.s${at}`, 'skip', `${id}.s${(at + 3) % size}`),
    ]).flat(),
    edge(id, 'leave', `large.g${(group + 1) % groups}`),
  ])
  return { machine: 'large', hash: 'large', states, edges }
}
