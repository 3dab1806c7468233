import { useComputed } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { eventWords } from '../chart/edges.ts'
import { type Message, sequenceOf } from '../record/sequence.ts'
import { filter } from '../state/choice.ts'
import { briefly, goTo, history, now, version } from '../state/session.ts'
import { clock } from './time-text.ts'

const laneWidth = 150
const rowHeight = 24
const head = 8
const left = 86

/** Who told whom what, downward in time, up to the moment looked at. */
export const SequenceView = (): JSX.Element => {
  const box = useRef<HTMLElement>(null)
  const shown = useComputed(() => {
    version.value
    return sequenceOf(history.value, now.value, filter.value.actor, filter.value.muted)
  })
  const { lanes, messages } = shown.value
  useEffect(() => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight
  }, [messages.at(-1)?.n])
  if (messages.length === 0) return <p class="empty">No messages up to this moment.</p>
  const xOf = (path: string | undefined): number =>
    path === undefined ? left - 20 : left + lanes.indexOf(path) * laneWidth + laneWidth / 2
  const width = left + lanes.length * laneWidth
  const height = head + messages.length * rowHeight + 10
  return (
    <section
      ref={box}
      class="sequence"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={`Sequence of ${messages.length} messages between ${lanes.length} actors`}
    >
      <div class="lanes" style={{ width: `${width}px` }}>
        {lanes.map(path => (
          <span key={path} title={path} style={{ left: `${xOf(path) - laneWidth / 2}px`, width: `${laneWidth}px` }}>
            {briefly(path)}
          </span>
        ))}
      </div>
      <svg width={width} height={height} role="presentation">
        {lanes.map(path => (
          <line key={path} class="lane" x1={xOf(path)} x2={xOf(path)} y1={head - 4} y2={height} />
        ))}
        {messages.map((message, at) => (
          <Arrow key={message.n} message={message} y={head + at * rowHeight + 14} from={xOf(message.from)} to={xOf(message.to)} />
        ))}
      </svg>
    </section>
  )
}

interface ArrowProps {
  readonly message: Message
  readonly y: number
  readonly from: number
  readonly to: number
}

const Arrow = ({ message, y, from, to }: ArrowProps): JSX.Element => {
  const isSelf = from === to
  const way = Math.sign(to - from)
  const tip = to - way * 7
  const d = isSelf ? `M${from} ${y - 5}h22v8h-16` : `M${from} ${y}H${tip}`
  const point = isSelf ? `M${from + 2} ${y + 3}l6 -3v6z` : `M${to} ${y}L${tip} ${y - 3.5}V${y + 3.5}Z`
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a short cut; the log goes to the same moments by keyboard
    <g class={`message ${message.n === now.value ? 'now' : ''}`} data-message={message.type} onClick={() => goTo(message.n)}>
      <rect class="hit" x={0} y={y - 14} width="100%" height={rowHeight} />
      <text class="time" x={4} y={y + 3}>
        {clock(message.at)}
      </text>
      <path class="wire" d={d} />
      <path class="tip" d={point} />
      <text x={isSelf ? from + 28 : (from + to) / 2} y={isSelf ? y + 3 : y - 4} text-anchor={isSelf ? 'start' : 'middle'}>
        {eventWords(message.type, history.value.tracks.get(message.to)?.machine)}
      </text>
    </g>
  )
}
