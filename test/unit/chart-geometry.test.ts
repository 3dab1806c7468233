import Elk from 'elkjs'
import { describe, expect, it } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { connectionMachine } from '../../machines/connection.ts'
import { fallbackMachine } from '../../machines/fallback.ts'
import { gatewayMachine } from '../../machines/gateway.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { relayMachine } from '../../machines/relay.ts'
import { chartOf } from '../../src/inspect/chart.ts'
import type { Chart } from '../../src/inspect/record.ts'
import { dotOf } from '../../src/web/machines/chart/cables.ts'
import { drawingOf } from '../../src/web/machines/chart/drawing.ts'
import { faultsOf } from '../../src/web/machines/chart/geometry.ts'
import { type Engine, type Layout, layOut } from '../../src/web/machines/chart/layout.ts'
import { largeChart } from '../support/large-chart.ts'
import { oddMachine, tortureMachine } from '../support/torture.ts'

const engine = new (Elk as unknown as new () => Engine)()

const machines: readonly AnyStateMachine[] = [
  connectionMachine,
  fallbackMachine,
  gatewayMachine,
  leadershipMachine,
  relayMachine,
  tortureMachine,
  oddMachine,
]

describe('a statechart is drawn so that it can be read', () => {
  it.each(machines.map(machine => [machine.id, machine] as const))('%s: nothing overlaps, every arrow is attached', async (_, machine) => {
    const chart = chartOf(machine)
    const layout = await layOut(engine, chart)
    expect(faultsOf(chart, layout)).toEqual([])
    expect(Object.keys(layout.boxes).length).toBeGreaterThanOrEqual(chart.states.length)
  })

  it('a chart of 156 states too', async () => {
    const chart = largeChart()
    expect(chart.states.length).toBe(156)
    expect(faultsOf(chart, await layOut(engine, chart))).toEqual([])
  })

  it.each(machines.slice(0, 5).map(machine => [machine.id, machine] as const))(
    '%s: the initial state stands on top of its siblings',
    async (_, machine) => {
      const chart = chartOf(machine)
      const { boxes } = await layOut(engine, chart)
      for (const { id, initial } of chart.states) {
        if (initial === undefined) continue
        const top = boxes[initial]?.y ?? Number.NaN
        const others = chart.states
          .filter(({ parent, id: other }) => parent === id && other !== initial)
          .map(({ id: other }) => boxes[other]?.y ?? Number.NaN)
        expect(top, `${initial} in ${id}`).toBeLessThanOrEqual(Math.min(...others))
        expect(boxes[dotOf(id)]?.y).toBeLessThan(top)
      }
    },
  )
})

describe('the geometry test sees', () => {
  const good = async (): Promise<{ chart: Chart; layout: Layout }> => {
    const chart = chartOf(relayMachine)
    return { chart, layout: await layOut(engine, chart) }
  }

  it('two boxes on each other', async () => {
    const { chart, layout } = await good()
    const boxes = { ...layout.boxes, 'relay.joining': layout.boxes['relay.current'] as never }
    expect(faultsOf(chart, { ...layout, boxes }).join()).toMatch(/relay.current overlaps a sibling/)
  })

  it('a label on a box or on another label', async () => {
    const { chart, layout } = await good()
    const [some] = layout.routes.flatMap(({ label }) => label ?? [])
    const onLabel = layout.routes.map(route => (route.label === undefined ? route : { ...route, label: some as never }))
    expect(faultsOf(chart, { ...layout, routes: onLabel }).join()).toMatch(/the labels of .* overlap/)
    const onBox = layout.routes.map(route =>
      route.label === undefined ? route : { ...route, label: layout.boxes['relay.current'] as never },
    )
    expect(faultsOf(chart, { ...layout, routes: onBox }).join()).toMatch(/the label of .* lies on relay.current/)
  })

  it('a slanted arrow, and one that ends in the air', async () => {
    const { chart, layout } = await good()
    const routes = layout.routes.map(route => ({ ...route, points: [...route.points.slice(0, -1), { x: 5, y: 7 }] }))
    expect(faultsOf(chart, { ...layout, routes }).join()).toMatch(/is not orthogonal.*does not end at/)
  })
})

it('every edge is drawn once, as an arrow or as a line in its box, and final and history states as such', async () => {
  const chart = chartOf(tortureMachine)
  const { pieces } = drawingOf(chart, await layOut(engine, chart))
  const drawn = new Set(
    pieces.flatMap(({ edges, shapes }) => [...edges, ...shapes.flatMap(shape => (shape.kind === 'text' ? (shape.edge ?? []) : []))]),
  )
  expect([...drawn].sort()).toEqual(chart.edges.map(({ id }) => id).sort())
  const looks = (id: string): readonly string[] => pieces.find(piece => piece.id === id)?.shapes.map(({ look }) => look) ?? []
  expect(looks('torture.day.over')).toContain('ring')
  expect(looks('torture.day.busy.back')).toContain('history')
  expect(new Set(pieces.filter(({ kind }) => kind === 'cable').map(({ look }) => look))).toEqual(
    new Set(['cable initial', 'cable event', 'cable always', 'cable after', 'cable done', 'cable error']),
  )
})
