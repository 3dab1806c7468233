import type { Chart } from '../../../inspect/record.ts'
import { cablesOf } from './cables.ts'
import { familyOf } from './family.ts'
import type { Box, Layout, Point } from './layout.ts'
import { heightOf, stateRows, widthOf } from './rows.ts'

/** Rounding of the layout engine. */
const slack = 1

const isClear = (a: Box, b: Box): boolean =>
  a.x + a.width <= b.x + slack || b.x + b.width <= a.x + slack || a.y + a.height <= b.y + slack || b.y + b.height <= a.y + slack

const isInside = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x - slack &&
  inner.y >= outer.y - slack &&
  inner.x + inner.width <= outer.x + outer.width + slack &&
  inner.y + inner.height <= outer.y + outer.height + slack

const isOnBorder = ({ x, y }: Point, box: Box): boolean => {
  const near = (a: number, b: number): boolean => Math.abs(a - b) <= slack
  const isAcross = y >= box.y - slack && y <= box.y + box.height + slack
  const isAlong = x >= box.x - slack && x <= box.x + box.width + slack
  return (isAcross && (near(x, box.x) || near(x, box.x + box.width))) || (isAlong && (near(y, box.y) || near(y, box.y + box.height)))
}

/** The part of a box that its children and labels may use. */
export function bodyOf(chart: Chart, id: string, box: Box): Box {
  const head = stateRows(chart, id).reduce((sum, row) => sum + heightOf(row), 0) + 6
  return { ...box, y: box.y + head, height: Math.max(0, box.height - head) }
}

/** Sentences about what is wrong with a layout; none when it can be read. */
export function faultsOf(chart: Chart, layout: Layout): string[] {
  return [...boxFaults(chart, layout), ...labelFaults(chart, layout), ...routeFaults(chart, layout)]
}

function boxFaults(chart: Chart, { boxes }: Layout): string[] {
  const family = familyOf(chart)
  return chart.states.flatMap(({ id }) => {
    const box = boxes[id]
    if (box === undefined) return [`${id} has no box`]
    const children = family.children(id)
    const body = bodyOf(chart, id, box)
    const outside = children.filter(child => boxes[child] !== undefined && !isInside(boxes[child], body))
    const clashes = children.flatMap((child, at) =>
      children.slice(at + 1).filter(other => {
        const [one, two] = [boxes[child], boxes[other]]
        return one !== undefined && two !== undefined && !isClear(one, two)
      }),
    )
    const widest = Math.max(0, ...stateRows(chart, id).map(widthOf))
    const spilled = family.state(id).type !== 'history' && widest + 12 > box.width ? [`the text of ${id} is wider than its box`] : []
    return [...spilled, ...outside.map(child => `${child} leaves ${id}`), ...clashes.map(child => `${child} overlaps a sibling`)]
  })
}

function labelFaults(chart: Chart, { boxes, routes }: Layout): string[] {
  const labels = routes.flatMap(({ id, label }) => (label === undefined ? [] : [{ id, label }]))
  const onLabels = labels.flatMap(({ id, label }, at) =>
    labels.slice(at + 1).flatMap(other => (isClear(label, other.label) ? [] : [`the labels of ${id} and ${other.id} overlap`])),
  )
  const onBoxes = labels.flatMap(({ id, label }) =>
    chart.states.flatMap(state => {
      const box = boxes[state.id]
      if (box === undefined || isClear(label, box)) return []
      const isAround = familyOf(chart).children(state.id).length > 0 && isInside(label, bodyOf(chart, state.id, box))
      return isAround ? [] : [`the label of ${id} lies on ${state.id}`]
    }),
  )
  return [...onLabels, ...onBoxes]
}

function routeFaults(chart: Chart, { boxes, routes }: Layout): string[] {
  const routeOf = new Map(routes.map(route => [route.id, route]))
  return cablesOf(chart).flatMap(cable => {
    const points = routeOf.get(cable.id)?.points ?? []
    const [first] = points
    const last = points.at(-1)
    const source = boxes[cable.source]
    const target = boxes[cable.target]
    if (first === undefined || last === undefined || source === undefined || target === undefined) return [`${cable.id} is not drawn`]
    const isSlanted = points.some((point, at) => {
      const next = points[at + 1] ?? point
      return Math.abs(point.x - next.x) > slack && Math.abs(point.y - next.y) > slack
    })
    return [
      ...(isSlanted ? [`${cable.id} is not orthogonal`] : []),
      ...(isOnBorder(first, source) ? [] : [`${cable.id} does not start at ${cable.source}`]),
      ...(isOnBorder(last, target) ? [] : [`${cable.id} does not end at ${cable.target}`]),
    ]
  })
}
