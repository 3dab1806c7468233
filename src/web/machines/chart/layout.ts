import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js'
import type { Chart } from '../../../inspect/record.ts'
import { type Cable, cablesOf, dotOf } from './cables.ts'
import { type Family, familyOf } from './family.ts'
import { backwardness } from './ranks.ts'
import { heightOf, labelRows, type Row, stateRows, widthOf } from './rows.ts'

/** Pixels, from the chart's upper left corner. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Route {
  /** Of the {@link Cable}. */
  readonly id: string
  /** From source to target; every second corner is a right angle. */
  readonly points: readonly Point[]
  /** Where its label stands; absent: it has none. */
  readonly label?: Box
}

/** Where everything stands. Plain data: it is kept in the browser's storage under the chart's hash. */
export interface Layout {
  readonly width: number
  readonly height: number
  /** By id of a state, or of an initial dot. */
  readonly boxes: Readonly<Record<string, Box>>
  readonly routes: readonly Route[]
}

export interface Engine {
  layout(graph: ElkNode): Promise<ElkNode>
}

const dotSize = 10
const padding = 14

const options = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.feedbackEdges': 'true',
  'elk.spacing.nodeNode': '28',
  'elk.spacing.edgeNode': '16',
  'elk.spacing.edgeEdge': '12',
  'elk.spacing.labelNode': '8',
  'elk.spacing.edgeLabel': '4',
  'elk.layered.spacing.nodeNodeBetweenLayers': '24',
  'elk.layered.spacing.edgeNodeBetweenLayers': '16',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '12',
  'elk.padding': '[top=12,left=12,bottom=12,right=12]',
}

/** An option of the label itself; on the root it has no effect. */
const inline = { 'elk.edgeLabels.inline': 'true', 'elk.edgeLabels.placement': 'CENTER' }

const sizeOf = (rows: readonly Row[]): { width: number; height: number } => ({
  width: Math.max(...rows.map(widthOf)),
  height: rows.reduce((sum, row) => sum + heightOf(row), 0),
})

const textWidth = ({ width }: { width: number }): number => Math.max(64, width + 2 * padding)

/** Pixels to add to a state around others, by id. */
type Wider = ReadonlyMap<string, number>

function nodeOf(chart: Chart, family: Family, id: string, wider: Wider): ElkNode {
  const { type, initial } = family.state(id)
  const children = family.children(id)
  const text = sizeOf(stateRows(chart, id))
  if (type === 'history') return { id, width: 22, height: 22 }
  const width = textWidth(text)
  const head = text.height + 10
  if (children.length === 0) return { id, width, height: Math.max(30, head) }
  return {
    id,
    children: [
      ...(type === 'compound' && initial !== undefined ? [{ id: dotOf(id), width: dotSize, height: dotSize }] : []),
      ...children.map(child => nodeOf(chart, family, child, wider)),
    ],
    layoutOptions: {
      'elk.padding': `[top=${head + 12},left=18,bottom=18,right=${18 + (wider.get(id) ?? 0)}]`,
    },
  }
}

/** What the layout engine is asked. Backward arrows are turned round; {@link layoutFrom} turns them back. */
export function graphOf(chart: Chart, wider: Wider = new Map()): ElkNode {
  const family = familyOf(chart)
  const cables = cablesOf(chart)
  const isBackward = isTurned(family, cables)
  const edges = cables.map((cable): ElkExtendedEdge => {
    const ends = isBackward(cable) ? [cable.target, cable.source] : [cable.source, cable.target]
    const rows = cable.edges.flatMap(labelRows)
    return {
      id: cable.id,
      sources: ends.slice(0, 1),
      targets: ends.slice(1),
      ...(rows.length > 0 && {
        labels: [{ id: `${cable.id}|label`, text: rows.map(({ text }) => text).join('\n'), ...labelSize(rows), layoutOptions: inline }],
      }),
    }
  })
  return { id: '', layoutOptions: options, children: [nodeOf(chart, family, family.root, wider)], edges }
}

const labelSize = (rows: readonly Row[]): { width: number; height: number } => {
  const { width, height } = sizeOf(rows)
  return { width: width + 8, height: height + 4 }
}

function isTurned(family: Family, cables: readonly Cable[]): (cable: Cable) => boolean {
  const real = cables.filter(({ kind }) => kind !== 'initial')
  const isBackward = backwardness(
    family,
    real.map(({ source, target }) => [source, target]),
  )
  return cable => cable.kind !== 'initial' && isBackward(cable.source, cable.target)
}

export function layoutFrom(chart: Chart, graph: ElkNode): Layout {
  const boxes: Record<string, Box> = {}
  const collect = ({ id, x = 0, y = 0, width = 0, height = 0, children = [] }: ElkNode): void => {
    if (id !== '') boxes[id] = { x, y, width, height }
    for (const child of children) collect(child)
  }
  collect(graph)
  const drawn = new Map((graph.edges ?? []).map(edge => [edge.id, edge]))
  const cables = cablesOf(chart)
  const isBackward = isTurned(familyOf(chart), cables)
  const routes = cables.flatMap((cable): Route[] => {
    const edge = drawn.get(cable.id)
    const section = edge?.sections?.[0]
    if (section === undefined) return []
    const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint]
    const [label] = edge?.labels ?? []
    return [
      {
        id: cable.id,
        points: isBackward(cable) ? points.reverse() : points,
        ...(label !== undefined && { label: { x: label.x ?? 0, y: label.y ?? 0, width: label.width ?? 0, height: label.height ?? 0 } }),
      },
    ]
  })
  return { width: graph.width ?? 0, height: graph.height ?? 0, boxes, routes }
}

/**
 * The engine makes a state as wide as the states in it and keeps no minimum, so where its own text is wider, a second round is run with
 * the difference as padding.
 * @throws what the engine throws.
 */
export async function layOut(engine: Engine, chart: Chart): Promise<Layout> {
  const first = layoutFrom(chart, await engine.layout(graphOf(chart)))
  const family = familyOf(chart)
  const missing = chart.states.flatMap(({ id }): [string, number][] => {
    const lack = textWidth(sizeOf(stateRows(chart, id))) - (first.boxes[id]?.width ?? 0)
    return lack > 0 && family.children(id).length > 0 ? [[id, Math.ceil(lack)]] : []
  })
  return missing.length === 0 ? first : layoutFrom(chart, await engine.layout(graphOf(chart, new Map(missing))))
}
