import type { Drawing } from '../chart/drawing.ts'
import type { Ink } from '../chart/svg.ts'
import { fonts, paintOf } from '../chart/svg.ts'

const sharpness = 2
/** Browsers refuse larger canvases. */
const sideMax = 16_000

/** The picture as pixels, painted by the same rules as the SVG. */
export async function pngOf(drawing: Drawing, lit: ReadonlySet<string>, ink: Ink): Promise<Blob> {
  const { width, height, pieces } = drawing
  const scale = Math.min(sharpness, sideMax / Math.max(width, height))
  const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale))
  const pen = canvas.getContext('2d')
  if (pen === null) throw new Error('This browser paints no canvas.')
  pen.scale(scale, scale)
  pen.fillStyle = ink.paper
  pen.fillRect(0, 0, width, height)
  for (const piece of pieces)
    for (const shape of piece.shapes) {
      const paint = paintOf(piece, shape, ink, lit.has(piece.id))
      pen.fillStyle = paint.fill
      pen.strokeStyle = paint.stroke
      pen.lineWidth = paint.width
      pen.setLineDash([...paint.dash])
      if (shape.kind === 'text') {
        pen.font = `${paint.isBold ? 'bold ' : ''}${shape.size}px ${fonts}`
        pen.fillText(shape.text, shape.x, shape.y)
        continue
      }
      const path = new Path2D(shape.kind === 'path' ? shape.d : undefined)
      if (shape.kind === 'box') path.roundRect(shape.box.x, shape.box.y, shape.box.width, shape.box.height, shape.radius)
      if (shape.kind === 'disc') path.arc(shape.x, shape.y, shape.radius, 0, 2 * Math.PI)
      if (paint.fill !== 'none') pen.fill(path)
      if (paint.stroke !== 'none') pen.stroke(path)
    }
  return canvas.convertToBlob({ type: 'image/png' })
}
