import { signal, useComputed, useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import type { Chart } from '../../../inspect/record.ts'
import { type Drawing, drawingOf } from '../chart/drawing.ts'
import { familyOf } from '../chart/family.ts'
import type { Box } from '../chart/layout.ts'
import { chart, isHot } from '../state/choice.ts'
import { layoutFault, layoutOf } from '../state/layouts.ts'
import { lampsNow } from '../state/lit.ts'
import { sandbox } from '../state/sandbox.ts'
import { createSwitchboard } from './lamps.ts'
import { Pieces } from './pieces.tsx'
import { centred, fitted, home, keyed, moved, sees, type Viewport, zoomed } from './viewport.ts'

/** Whether the view goes where the actor goes; moving it by hand ends that. */
export const isFollowing = signal(true)
/** What is drawn now, for the exports. */
export const drawn = signal<{ readonly chart: Chart; readonly drawing: Drawing } | undefined>(undefined)
/** Goes up when the whole chart is to be shown. */
export const fitAsked = signal(0)
export const zoomAsked = signal<{ readonly factor: number; readonly count: number }>({ factor: 1, count: 0 })

/** Pixels at the lower end of the view that the heat map's legend stands on. */
const legendHeight = 56

export const ChartView = (): JSX.Element => {
  const shown = useComputed(() => sandbox.value?.chart ?? chart.value)
  const here = shown.value
  const layout = here === undefined ? undefined : layoutOf(here)
  const drawing = useMemo(() => (here === undefined || layout === undefined ? undefined : drawingOf(here, layout)), [here?.hash, layout])
  useEffect(() => {
    drawn.value = here === undefined || drawing === undefined ? undefined : { chart: here, drawing }
  }, [drawing])
  if (layoutFault.value !== '') return <p class="empty">{layoutFault}</p>
  if (here === undefined) return <p class="empty">No machine is chosen. Choose an actor of a machine in the tree.</p>
  if (drawing === undefined) return <p class="empty">Laying out {here.machine} …</p>
  return <Canvas key={here.hash} chart={here} drawing={drawing} />
}

const Canvas = ({ chart: of, drawing }: { readonly chart: Chart; readonly drawing: Drawing }): JSX.Element => {
  const svg = useRef<SVGSVGElement>(null)
  const view = useSignal<Viewport>({ scale: 1, x: 0, y: 0 })
  const size = (): { width: number; height: number } => svg.current?.getBoundingClientRect() ?? { width: 1, height: 1 }
  const active = (): Box | undefined => litBox(drawing, lampsNow.peek().states)
  const change = (next: Viewport): void => {
    view.value = next
    isFollowing.value = false
  }
  const follow = (): void => {
    const box = active()
    if (box !== undefined && !sees(view.peek(), size(), box)) view.value = centred(view.peek(), size(), box)
  }

  useSignalEffect(() => {
    if (fitAsked.value === 0) return
    const { width, height } = size()
    view.value = fitted(drawing, { width, height: isHot.peek() ? height - legendHeight : height })
  })
  useSignalEffect(() => {
    lampsNow.value
    if (isFollowing.value) follow()
  })
  useSignalEffect(() => {
    const { factor, count } = zoomAsked.value
    if (count > 0) change(zoomed(view.peek(), factor, size().width / 2, size().height / 2))
  })
  const lamps = useMemo(() => createSwitchboard(drawing), [drawing])
  useSignalEffect(() => lamps.light(lampsNow.value))
  const stood = (count: number): void => {
    if (svg.current !== null) lamps.wire(svg.current)
    lamps.light(lampsNow.peek())
    const isWhole = count === drawing.pieces.length
    if (isWhole && performance.getEntriesByName('first chart').length === 0) performance.mark('first chart')
  }
  useEffect(() => {
    const { current } = svg
    if (current === null) return
    const watch = new ResizeObserver(() => {
      if (isFollowing.peek()) view.value = home(drawing, size(), active())
    })
    watch.observe(current)
    // Preact would listen passively.
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault()
      const { left, top } = current.getBoundingClientRect()
      const isZoom = event.ctrlKey || event.metaKey || (event.deltaX === 0 && Math.abs(event.deltaY) >= 50)
      const next = isZoom
        ? zoomed(view.value, 1.0015 ** -event.deltaY, event.clientX - left, event.clientY - top)
        : moved(view.value, -event.deltaX, -event.deltaY)
      change(next)
    }
    current.addEventListener('wheel', onWheel, { passive: false })
    return () => {
      watch.disconnect()
      current.removeEventListener('wheel', onWheel)
    }
  }, [drawing])

  const onPointerMove = (event: PointerEvent): void => {
    if (event.buttons === 1) change(moved(view.value, event.movementX, event.movementY))
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === '0') fitAsked.value += 1
    const next = keyed(event.key, view.value, size())
    if (next === undefined) return
    event.preventDefault()
    event.stopPropagation()
    change(next)
  }
  const family = familyOf(of)
  return (
    <svg
      ref={svg}
      class="chart"
      role="img"
      tabindex={0}
      aria-label={`Statechart of ${of.machine}: ${of.states.length} states, ${of.edges.length} edges. Arrow keys move, plus and minus zoom, 0 shows all.`}
      data-machine={family.state(family.root).key}
      onPointerMove={onPointerMove}
      onPointerDown={event => event.currentTarget.setPointerCapture(event.pointerId)}
      onKeyDown={onKeyDown}
    >
      <Stage view={view}>
        <Pieces drawing={drawing} stood={stood} />
      </Stage>
    </svg>
  )
}

/** Around the innermost lit states. */
function litBox({ pieces }: Drawing, lit: ReadonlySet<string>): Box | undefined {
  const boxes = pieces.flatMap(({ id, kind, look, shapes: [body] }) =>
    kind === 'state' && lit.has(id) && !look.includes('around') && body?.kind === 'box' ? [body.box] : [],
  )
  if (boxes.length === 0) return undefined
  const x = Math.min(...boxes.map(box => box.x))
  const y = Math.min(...boxes.map(box => box.y))
  const right = Math.max(...boxes.map(box => box.x + box.width))
  const bottom = Math.max(...boxes.map(box => box.y + box.height))
  return { x, y, width: right - x, height: bottom - y }
}

/** Moves without drawing anew what stands on it. */
const Stage = ({ view, children }: { readonly view: { readonly value: Viewport }; readonly children: JSX.Element }): JSX.Element => {
  const group = useRef<SVGGElement>(null)
  useSignalEffect(() => {
    const { x, y, scale } = view.value
    group.current?.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`)
  })
  return <g ref={group}>{children}</g>
}
