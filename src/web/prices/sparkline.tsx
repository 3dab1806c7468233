import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { theme } from '../shared/theme.ts'
import type { Quote } from './quote.ts'

/** The course of the session on a canvas of its own, painted past the rest of the page and only while it is on the screen. */

const canvases = new Map<Quote, HTMLCanvasElement>()
const width = 112
const height = 32
const inset = 3

export const Sparkline = ({ quote }: { readonly quote: Quote }): JSX.Element => {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (canvas.current === null) return
    canvases.set(quote, canvas.current)
    quote.hasMoved = true
    return () => void canvases.delete(quote)
  }, [quote])
  return (
    <canvas
      ref={canvas}
      class="sparkline"
      role="img"
      aria-label={`Course of ${quote.pair} since this page was opened`}
      width={width}
      height={height}
    />
  )
}

let paintedTheme: string | undefined

export function paintSparklines(): void {
  const isTurned = theme.peek() !== paintedTheme
  paintedTheme = theme.peek()
  const style = getComputedStyle(document.documentElement)
  const ink = { up: style.getPropertyValue('--up'), down: style.getPropertyValue('--down'), line: style.getPropertyValue('--line') }
  for (const [quote, canvas] of canvases) {
    if (!isTurned && !(quote.hasMoved && quote.isInView)) continue
    quote.hasMoved = false
    paint(canvas, quote, ink)
  }
}

interface Ink {
  readonly up: string
  readonly down: string
  readonly line: string
}

function paint(canvas: HTMLCanvasElement, { history }: Quote, ink: Ink): void {
  const context = canvas.getContext('2d')
  const { points } = history
  const [first] = points
  const last = points.at(-1)
  if (context === null || first === undefined || last === undefined) return
  const low = Math.min(...points)
  const high = Math.max(...points)
  const scale = Math.min(3, Math.ceil(devicePixelRatio))
  if (canvas.width !== width * scale) Object.assign(canvas, { width: width * scale, height: height * scale })
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  const x = (index: number): number => inset + (index / Math.max(1, points.length - 1)) * (width - 2 * inset)
  const y = (value: number): number => (high === low ? height / 2 : height - inset - ((value - low) / (high - low)) * (height - 2 * inset))
  const colour = last >= first ? ink.up : ink.down

  context.strokeStyle = ink.line
  context.setLineDash([2, 3])
  stroke(context, 1, [
    [inset, y(first)],
    [width - inset, y(first)],
  ])
  context.setLineDash([])
  context.strokeStyle = colour
  stroke(
    context,
    1.5,
    points.map((value, index) => [x(index), y(value)]),
  )
  context.fillStyle = colour
  context.beginPath()
  context.arc(points.length === 1 ? inset : width - inset, y(last), 2, 0, 2 * Math.PI)
  context.fill()
}

function stroke(context: CanvasRenderingContext2D, lineWidth: number, line: readonly (readonly [number, number])[]): void {
  context.lineWidth = lineWidth
  context.lineJoin = 'round'
  context.beginPath()
  for (const [x, y] of line) context.lineTo(x, y)
  context.stroke()
}
