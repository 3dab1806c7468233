import type { JSX } from 'preact'
import type { Drawing, Piece, Shape } from '../chart/drawing.ts'

/** A drawing as elements that never change; view/lamps.ts lights them. */
export const Pieces = ({ drawing }: { readonly drawing: Drawing }): JSX.Element => (
  <>
    {drawing.pieces.map(piece => (
      <PieceView key={`${piece.kind} ${piece.id}`} piece={piece} />
    ))}
  </>
)

const PieceView = ({ piece }: { readonly piece: Piece }): JSX.Element => {
  const [body] = piece.shapes
  const corner = piece.kind === 'state' && body?.kind === 'box' ? body.box : undefined
  return (
    <g data-piece={piece.kind} data-id={piece.id} class={piece.look}>
      {piece.shapes.map((shape, at) => (
        <ShapeView key={at} shape={shape} />
      ))}
      {corner !== undefined && <text class="badge" x={corner.x + corner.width - 6} y={corner.y + 3} text-anchor="end" />}
    </g>
  )
}

const ShapeView = ({ shape }: { readonly shape: Shape }): JSX.Element => {
  switch (shape.kind) {
    case 'box':
      return <rect class={shape.look} {...shape.box} rx={shape.radius} />
    case 'path':
      return <path class={shape.look} d={shape.d} />
    case 'disc':
      return <circle class={shape.look} cx={shape.x} cy={shape.y} r={shape.radius} />
    case 'text':
      return (
        <text class={shape.look} data-look={shape.look} data-edge={shape.edge} x={shape.x} y={shape.y}>
          {shape.text}
        </text>
      )
  }
}
