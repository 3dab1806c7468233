import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useLayoutEffect, useMemo } from 'preact/hooks'
import type { Drawing, Piece, Shape } from '../chart/drawing.ts'

/** Pieces drawn in one frame: all of most charts, and of a huge one so many that the page still hears its keys. */
const sliceSize = 64

interface PiecesProps {
  readonly drawing: Drawing
  /** So many pieces stand, the first of the drawing. */
  readonly stood: (count: number) => void
}

/** A drawing as elements that never change, some more with each frame; view/lamps.ts lights them. */
export const Pieces = ({ drawing: { pieces }, stood }: PiecesProps): JSX.Element => {
  const shown = useSignal(1)
  const slices = useMemo(
    () =>
      Array.from({ length: Math.ceil(pieces.length / sliceSize) }, (_, at) => (
        <Slice key={at} pieces={pieces.slice(at * sliceSize, (at + 1) * sliceSize)} />
      )),
    [pieces],
  )
  const { value: count } = shown
  useLayoutEffect(() => {
    stood(Math.min(count * sliceSize, pieces.length))
    if (count >= slices.length) return
    const frame = requestAnimationFrame(() => {
      shown.value += 1
    })
    return () => cancelAnimationFrame(frame)
  }, [count, slices])
  return <>{slices.slice(0, count)}</>
}

const Slice = ({ pieces }: { readonly pieces: readonly Piece[] }): JSX.Element => (
  <>
    {pieces.map(piece => (
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
