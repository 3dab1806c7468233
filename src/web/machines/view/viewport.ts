import type { Box } from '../chart/layout.ts'

/** Where one looks at a chart: pixels of the screen = pixels of the chart × scale + shift. */
export interface Viewport {
  readonly scale: number
  readonly x: number
  readonly y: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

const scaleMin = 0.05
const scaleMax = 3
const margin = 12

/** The whole chart, in the middle, not larger than it was drawn. */
export function fitted(chart: Size, window: Size): Viewport {
  const room = { width: Math.max(1, window.width - 2 * margin), height: Math.max(1, window.height - 2 * margin) }
  const scale = Math.max(scaleMin, Math.min(1.15, room.width / chart.width, room.height / chart.height))
  return { scale, x: (window.width - chart.width * scale) / 2, y: Math.max(margin, (window.height - chart.height * scale) / 2) }
}

/** Smaller than this, labels cannot be read. */
const readable = 0.62

/** The whole chart when it can be read so, otherwise the part around `box` at a size that can. */
export function home(chart: Size, window: Size, box: Box | undefined): Viewport {
  const whole = fitted(chart, window)
  if (whole.scale >= readable || box === undefined) return whole
  return centred({ ...whole, scale: 0.8 }, window, box)
}

export const centred = ({ scale }: Viewport, window: Size, box: Box): Viewport => ({
  scale,
  x: window.width / 2 - (box.x + box.width / 2) * scale,
  y: window.height / 2 - (box.y + box.height / 2) * scale,
})

/** Whether a box of the chart is seen whole. */
export function sees({ scale, x, y }: Viewport, window: Size, box: Box): boolean {
  const left = box.x * scale + x
  const top = box.y * scale + y
  return left >= 0 && top >= 0 && left + box.width * scale <= window.width && top + box.height * scale <= window.height
}

/** Keeps the point of the screen where it is. */
export function zoomed(view: Viewport, factor: number, x: number, y: number): Viewport {
  const scale = Math.min(scaleMax, Math.max(scaleMin, view.scale * factor))
  const share = scale / view.scale
  return { scale, x: x - (x - view.x) * share, y: y - (y - view.y) * share }
}

export const moved = (view: Viewport, dx: number, dy: number): Viewport => ({ ...view, x: view.x + dx, y: view.y + dy })

/** What a key does to the view; undefined: nothing. */
export function keyed(key: string, view: Viewport, window: Size): Viewport | undefined {
  const step = 60
  switch (key) {
    case '+':
    case '=':
      return zoomed(view, 1.25, window.width / 2, window.height / 2)
    case '-':
      return zoomed(view, 0.8, window.width / 2, window.height / 2)
    case 'ArrowLeft':
      return moved(view, step, 0)
    case 'ArrowRight':
      return moved(view, -step, 0)
    case 'ArrowUp':
      return moved(view, 0, step)
    case 'ArrowDown':
      return moved(view, 0, -step)
    default:
      return undefined
  }
}
