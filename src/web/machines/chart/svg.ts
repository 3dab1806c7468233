import type { Drawing, Piece, Shape } from './drawing.ts'

/** Colours of an exported picture; it must look the same wherever it is opened, so it carries them. */
export interface Ink {
  readonly paper: string
  readonly ink: string
  readonly quiet: string
  readonly line: string
  readonly box: string
  readonly around: string
  readonly lit: string
  readonly litPaper: string
}

export const lightInk: Ink = {
  paper: '#fbfcfb',
  ink: '#17211c',
  quiet: '#5d6b64',
  line: '#8d9a93',
  box: '#ffffff',
  around: '#f4f7f5',
  lit: '#0b7a4b',
  litPaper: '#ddf3e7',
}

export const darkInk: Ink = {
  paper: '#0d1210',
  ink: '#e7eeea',
  quiet: '#9dada5',
  line: '#65736c',
  box: '#141b18',
  around: '#111815',
  lit: '#58d6a0',
  litPaper: '#133d2c',
}

export const fonts = "ui-monospace, Menlo, 'DejaVu Sans Mono', Consolas, monospace"

const escaped = (text: string): string =>
  text.replace(/[<>&"]/g, letter => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' })[letter] ?? letter)

/** How a shape is painted. `dash` in pixels, empty: a whole line. */
export interface Paint {
  readonly fill: string
  readonly stroke: string
  readonly width: number
  readonly dash: readonly number[]
  readonly isBold: boolean
}

export function paintOf(piece: Piece, shape: Shape, ink: Ink, isLit: boolean): Paint {
  const plain = { fill: 'none', stroke: 'none', width: 1, dash: [], isBold: false }
  const accent = isLit ? ink.lit : undefined
  if (shape.kind === 'text') {
    const isLoud = shape.look === 'title' || shape.look === 'label'
    return { ...plain, fill: isLoud ? (accent ?? ink.ink) : ink.quiet, isBold: shape.look === 'title' }
  }
  if (shape.look === 'head' || shape.look === 'dot') return { ...plain, fill: accent ?? (shape.look === 'dot' ? ink.ink : ink.line) }
  if (shape.look === 'plate') return { ...plain, fill: ink.paper }
  if (shape.look === 'line') {
    const dash = piece.look.includes('after') ? [5, 3] : piece.look.includes('always') ? [1.5, 3] : []
    return { ...plain, stroke: accent ?? ink.line, width: isLit ? 2 : 1.2, dash }
  }
  if (shape.look === 'rule') return { ...plain, stroke: accent ?? ink.line, width: 0.6 }
  const fill = shape.look === 'ring' ? 'none' : isLit ? ink.litPaper : piece.look.includes('around') ? ink.around : ink.box
  return { ...plain, fill, stroke: accent ?? ink.line, width: isLit ? 2 : 1.2, dash: piece.look.includes('region') ? [6, 4] : [] }
}

function markup(shape: Shape, { fill, stroke, width, dash, isBold }: Paint): string {
  const line =
    stroke === 'none' ? '' : ` stroke="${stroke}" stroke-width="${width}"${dash.length > 0 ? ` stroke-dasharray="${dash.join(' ')}"` : ''}`
  const paint = `fill="${fill}"${line}`
  switch (shape.kind) {
    case 'box':
      return `<rect x="${shape.box.x}" y="${shape.box.y}" width="${shape.box.width}" height="${shape.box.height}" rx="${shape.radius}" ${paint}/>`
    case 'path':
      return `<path d="${shape.d}" ${paint}/>`
    case 'disc':
      return `<circle cx="${shape.x}" cy="${shape.y}" r="${shape.radius}" ${paint}/>`
    case 'text':
      return `<text x="${shape.x}" y="${shape.y}" font-size="${shape.size}"${isBold ? ' font-weight="700"' : ''} fill="${fill}" xml:space="preserve">${escaped(shape.text)}</text>`
  }
}

/** A file that any viewer shows: no style sheet, no script, no font of its own. `lit`: ids of states. */
export function svgOf(drawing: Drawing, lit: ReadonlySet<string> = new Set(), ink: Ink = lightInk): string {
  const { width, height, pieces } = drawing
  const body = pieces.map(piece => {
    const isLit = lit.has(piece.id)
    const inside = piece.shapes.map(shape => markup(shape, paintOf(piece, shape, ink, isLit))).join('')
    return `<g data-${piece.kind}="${escaped(piece.id)}">${inside}</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${Math.ceil(height)}" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" font-family="${escaped(fonts)}">`,
    `<rect width="100%" height="100%" fill="${ink.paper}"/>`,
    ...body,
    '</svg>',
  ].join('\n')
}
