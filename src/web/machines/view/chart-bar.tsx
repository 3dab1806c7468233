import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { theme } from '../../shared/theme.ts'
import { darkInk, lightInk, svgOf } from '../chart/svg.ts'
import { mermaidOf } from '../export/mermaid.ts'
import { pngOf } from '../export/png.ts'
import { scxmlOf } from '../export/scxml.ts'
import { actor, chart, foreignHeat, isHot } from '../state/choice.ts'
import { offer } from '../state/files.ts'
import { hashFor } from '../state/hash-link.ts'
import { countsNow, lampsNow, untaken } from '../state/lit.ts'
import { sandbox } from '../state/sandbox.ts'
import { drawn, fitAsked, isFollowing, zoomAsked } from './chart-view.tsx'
import { CrowdSwitch } from './tree.tsx'

const zoom = (factor: number): void => {
  zoomAsked.value = { factor, count: zoomAsked.value.count + 1 }
}

/** What is shown, how much of it, and how to take it along. */
export const ChartBar = (): JSX.Element => (
  <div class="bar">
    <h2>
      {sandbox.value === undefined ? (chart.value?.machine ?? 'No machine') : `${sandbox.value.chart.machine} · sandbox`}
      <small>{sandbox.value === undefined ? actor.value : ''}</small>
    </h2>
    <CrowdSwitch />
    <HeatSwitch />
    <button
      type="button"
      class="tool"
      aria-pressed={isFollowing.value}
      title="The view goes where the actor goes"
      onClick={() => {
        isFollowing.value = !isFollowing.value
      }}
    >
      Follow
    </button>
    <span class="tools">
      <button type="button" class="tool" aria-label="Smaller" onClick={() => zoom(0.8)}>
        −
      </button>
      <button
        type="button"
        class="tool"
        onClick={() => {
          fitAsked.value += 1
        }}
      >
        Fit
      </button>
      <button type="button" class="tool" aria-label="Larger" onClick={() => zoom(1.25)}>
        +
      </button>
    </span>
    <Exports />
  </div>
)

const HeatSwitch = (): JSX.Element => (
  <button
    type="button"
    class="tool"
    aria-pressed={isHot.value}
    onClick={() => {
      isHot.value = !isHot.value
      // What was never taken may be anywhere.
      if (isHot.value) fitAsked.value += 1
    }}
  >
    Heat map
  </button>
)

/** What the colours of the heat map mean, and how much is missing. */
export const Legend = (): JSX.Element | null => {
  if (!isHot.value) return null
  const { states, edges } = untaken.value
  const total = [...countsNow.value.edges.values()].reduce((sum, times) => sum + times, 0)
  return (
    <p class="legend" data-untaken={edges}>
      <span class="scale" aria-hidden="true" /> seldom to often, {total.toLocaleString('en')} edges taken
      {foreignHeat.value === undefined ? ' in this session' : ' in the file'} · <span class="never">dotted</span> never: {states} states,{' '}
      {edges} edges
      {foreignHeat.value !== undefined && (
        <button
          type="button"
          class="tool"
          onClick={() => {
            foreignHeat.value = undefined
          }}
        >
          This session instead
        </button>
      )}
    </p>
  )
}

const Exports = (): JSX.Element => {
  const note = useSignal('')
  const { value: shown } = drawn
  const name = shown?.chart.machine ?? 'chart'
  const text = (content: string, type: string, ending: string): void => offer(`${name}.${ending}`, new Blob([content], { type }))
  const ink = theme.value === 'dark' ? darkInk : lightInk
  const ways: readonly (readonly [string, () => void])[] =
    shown === undefined
      ? []
      : [
          ['SVG', () => text(svgOf(shown.drawing, lampsNow.value.states, ink), 'image/svg+xml', 'svg')],
          ['PNG', () => void pngOf(shown.drawing, lampsNow.value.states, ink).then(blob => offer(`${name}.png`, blob))],
          ['Mermaid', () => text(mermaidOf(shown.chart), 'text/plain', 'mmd')],
          ['SCXML', () => text(scxmlOf(shown.chart), 'application/scxml+xml', 'scxml')],
          ['JSON', () => text(`${JSON.stringify(shown.chart, undefined, 2)}\n`, 'application/json', 'json')],
        ]
  const copyLink = async (): Promise<void> => {
    const address = `${location.href.split('#')[0]}#${hashFor()}`
    window.history.replaceState(undefined, '', `#${hashFor()}`)
    try {
      await navigator.clipboard.writeText(address)
      note.value = 'Link copied'
    } catch {
      note.value = 'The link is in the address bar'
    }
  }
  return (
    <details class="menu">
      <summary class="tool">Export</summary>
      <div class="sheet">
        {ways.map(([title, save]) => (
          <button key={title} type="button" class="tool" onClick={save}>
            {title}
          </button>
        ))}
        <button type="button" class="tool" onClick={() => void copyLink()}>
          Copy link
        </button>
        {note.value !== '' && <small role="status">{note.value}</small>}
      </div>
    </details>
  )
}
