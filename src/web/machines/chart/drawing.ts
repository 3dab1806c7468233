import type { Chart } from '../../../inspect/record.ts'
import { type Cable, cablesOf, dotOf } from './cables.ts'
import { familyOf } from './family.ts'
import type { Box, Layout, Point, Route } from './layout.ts'
import { heightOf, historySign, labelRows, letter, type Row, stateRows } from './rows.ts'

/** What the page, the exported SVG and the PNG paint alike. */
export type Shape =
  | { readonly kind: 'box'; readonly look: string; readonly box: Box; readonly radius: number }
  | { readonly kind: 'path'; readonly look: string; readonly d: string }
  | { readonly kind: 'disc'; readonly look: string; readonly x: number; readonly y: number; readonly radius: number }
  | {
      readonly kind: 'text'
      readonly look: string
      readonly x: number
      /** Of the baseline. */
      readonly y: number
      readonly size: number
      readonly text: string
      /** The edge this line speaks of. */
      readonly edge?: string
    }

/** A state or an arrow, with everything that belongs to it. */
export interface Piece {
  readonly kind: 'state' | 'cable'
  /** Of a state, or of a cable. */
  readonly id: string
  readonly look: string
  /** The edges a cable stands for. */
  readonly edges: readonly string[]
  readonly shapes: readonly Shape[]
}

export interface Drawing {
  readonly width: number
  readonly height: number
  /** In painting order: what is around comes before what is inside, arrows last. */
  readonly pieces: readonly Piece[]
}

export function drawingOf(chart: Chart, layout: Layout): Drawing {
  const routes = new Map(layout.routes.map(route => [route.id, route]))
  const states = chart.states.flatMap(({ id }): Piece[] => {
    const box = layout.boxes[id]
    return box === undefined ? [] : [statePiece(chart, id, box)]
  })
  const cables = cablesOf(chart).flatMap((cable): Piece[] => {
    const route = routes.get(cable.id)
    return route === undefined ? [] : [cablePiece(cable, route, layout.boxes[dotOf(cable.source.split('|')[0] ?? '')])]
  })
  return { width: layout.width, height: layout.height, pieces: [...states, ...cables] }
}

function statePiece(chart: Chart, id: string, box: Box): Piece {
  const family = familyOf(chart)
  const state = family.state(id)
  const rows = stateRows(chart, id)
  const hasChildren = family.children(id).length > 0
  const isRegion = state.parent !== undefined && family.has(state.parent) && family.state(state.parent).type === 'parallel'
  const look = ['state', state.type, ...(hasChildren ? ['around'] : []), ...(isRegion ? ['region'] : [])].join(' ')
  const piece = { kind: 'state', id, look, edges: [] } as const
  if (state.type === 'history') {
    const radius = box.width / 2
    const middle = { x: box.x + radius, y: box.y + radius }
    return {
      ...piece,
      shapes: [
        { kind: 'disc', look: 'history', ...middle, radius },
        {
          kind: 'text',
          look: 'title',
          x: middle.x - (state.isDeep === true ? 7 : 4),
          y: middle.y + 4,
          size: letter.titleSize,
          text: historySign(state),
        },
      ],
    }
  }
  const headHeight = rows.reduce((sum, row) => sum + heightOf(row), 0) + 4
  return {
    ...piece,
    shapes: [
      { kind: 'box', look: 'body', box, radius: 7 },
      ...(state.type === 'final'
        ? [
            {
              kind: 'box',
              look: 'ring',
              box: { x: box.x + 3, y: box.y + 3, width: box.width - 6, height: box.height - 6 },
              radius: 5,
            } as const,
          ]
        : []),
      ...(hasChildren
        ? [{ kind: 'path', look: 'rule', d: `M${round(box.x)} ${round(box.y + headHeight)}h${round(box.width)}` } as const]
        : []),
      ...textShapes(rows, box.x + 12, box.y + 2),
    ],
  }
}

function textShapes(rows: readonly Row[], x: number, top: number): Shape[] {
  let y = top
  return rows.map(row => {
    y += heightOf(row)
    const isTitle = row.kind === 'title'
    return {
      kind: 'text',
      look: row.kind,
      x: round(x),
      y: round(y - (isTitle ? 5 : 3)),
      size: isTitle ? letter.titleSize : letter.smallSize,
      text: row.text,
      ...(row.edge !== undefined && { edge: row.edge }),
    }
  })
}

function cablePiece(cable: Cable, { points, label }: Route, dot: Box | undefined): Piece {
  const rows = cable.edges.flatMap(labelRows)
  const isInitial = cable.kind === 'initial'
  return {
    kind: 'cable',
    id: cable.id,
    look: `cable ${cable.kind}`,
    edges: cable.edges.map(({ id }) => id),
    shapes: [
      ...(isInitial && dot !== undefined
        ? [{ kind: 'disc', look: 'dot', x: round(dot.x + dot.width / 2), y: round(dot.y + dot.height / 2), radius: dot.width / 2 } as const]
        : []),
      { kind: 'path', look: 'line', d: rounded(points) },
      { kind: 'path', look: 'head', d: headAt(points) },
      ...(label === undefined
        ? []
        : [{ kind: 'box', look: 'plate', box: label, radius: 3 } as const, ...textShapes(rows, label.x + 4, label.y + 1)]),
    ],
  }
}

const round = (value: number): number => Math.round(value * 10) / 10

/** The path with its corners rounded by six pixels, or half of the shorter leg. */
function rounded(points: readonly Point[]): string {
  return points
    .map((point, at) => {
      const before = points[at - 1]
      const after = points[at + 1]
      if (before === undefined) return `M${round(point.x)} ${round(point.y)}`
      if (after === undefined) return `L${round(point.x)} ${round(point.y)}`
      const near = toward(point, before)
      const far = toward(point, after)
      return `L${round(near.x)} ${round(near.y)}Q${round(point.x)} ${round(point.y)} ${round(far.x)} ${round(far.y)}`
    })
    .join('')
}

function toward(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const share = length === 0 ? 0 : Math.min(6, length / 2) / length
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
}

function headAt(points: readonly Point[]): string {
  const end = points.at(-1) ?? { x: 0, y: 0 }
  const before = points.at(-2) ?? end
  const [dx, dy] = [Math.sign(round(end.x - before.x)), Math.sign(round(end.y - before.y))]
  const [backX, backY] = [end.x - dx * 7, end.y - dy * 7]
  return `M${round(end.x)} ${round(end.y)}L${round(backX - dy * 3.5)} ${round(backY + dx * 3.5)}L${round(backX + dy * 3.5)} ${round(backY - dx * 3.5)}Z`
}
