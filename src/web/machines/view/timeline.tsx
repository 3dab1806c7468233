import { useComputed } from '@preact/signals'
import type { JSX } from 'preact'
import { lastAtMost } from '../record/track.ts'
import { lines, track } from '../state/choice.ts'
import { goLive, goTo, history, isLive, now, paintP95, pause, unseen, version } from '../state/session.ts'
import { clock } from './time-text.ts'

/** One line of the log further or back; the nearest, when the moment is not in the log. */
export function stepBy(direction: 1 | -1): void {
  const rows = lines.value
  const at = lastAtMost(rows, now.value, n => n)
  const next = direction === 1 ? rows[at + 1] : rows[at] === now.value ? rows[at - 1] : rows[at]
  if (next !== undefined) goTo(next)
}

const columns = 240

interface Ticks {
  readonly steps: string
  readonly marks: string
  readonly faults: string
}

/** Where the chosen actor moved, and what else is marked, as paths; the whole way is a thousand wide. */
function ticksOf(): Ticks {
  const { first, next, marks } = history.value
  const span = Math.max(1, next - first)
  const xOf = (n: number): number => Math.round(((n - first) / span) * 1000)
  const moments = track.value?.moments ?? []
  const steps = Array.from({ length: columns }, (_, column) => {
    const from = first + (span * column) / columns
    const found = moments[lastAtMost(moments, from + span / columns, one => one.n)]
    return found !== undefined && found.n >= from ? `M${xOf(found.n)} 5v7` : ''
  })
  const marked = (isFault: boolean): string =>
    marks
      .filter(mark => mark.isFault === isFault)
      .map(({ n }) => `M${xOf(n)} 0v12`)
      .join('')
  return { steps: steps.join(''), marks: marked(false), faults: marked(true) }
}

/** The whole session as a line: pull it to any moment, and let it go to be live again. */
export const Timeline = (): JSX.Element => {
  const ticks = useComputed(() => {
    version.value
    return ticksOf()
  })
  version.value
  const { first, next } = history.value
  const record = history.value.at(now.value)
  const text = record === undefined ? 'nothing yet' : `${clock(record.at)}, record ${record.q}`
  return (
    <section class="timeline" aria-label="Time line">
      <div class="row">
        <button type="button" class="tool" aria-label="Step back" title="Step back  [" onClick={() => stepBy(-1)}>
          ◀
        </button>
        <button type="button" class="tool" aria-label="Step forward" title="Step forward  ]" onClick={() => stepBy(1)}>
          ▶
        </button>
        {isLive.value ? (
          <button type="button" class="tool" title="Space" onClick={pause}>
            Pause
          </button>
        ) : (
          <button type="button" class="tool strong" title="End" onClick={goLive}>
            To the newest{unseen.value > 0 ? ` (${unseen.value.toLocaleString('en')} more)` : ''}
          </button>
        )}
      </div>
      <div class="track">
        <svg viewBox="0 0 1000 12" preserveAspectRatio="none" aria-hidden="true">
          <path class="step" d={ticks.value.steps} />
          <path class="mark" d={ticks.value.marks} />
          <path class="fault" d={ticks.value.faults} />
        </svg>
        <input
          type="range"
          aria-label="Moment"
          aria-valuetext={text}
          min={history.value.settled}
          max={Math.max(first, next - 1)}
          value={Math.max(first, now.value)}
          onInput={({ currentTarget }) => goTo(Number(currentTarget.value))}
        />
      </div>
      <output class="moment">
        <b>{isLive.value ? 'Now' : 'Then'}</b> {text}
        {first > 0 && (
          <span title={`${first.toLocaleString('en')} older records were dropped`}> · {first.toLocaleString('en')} dropped</span>
        )}
        {isLive.value && paintP95.value > 0 && <span data-paint={paintP95.value}> · painted in {paintP95} ms</span>}
      </output>
    </section>
  )
}
