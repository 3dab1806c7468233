import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Masthead } from '../../shared/masthead.tsx'
import { foot, side } from '../state/choice.ts'
import { openFile, saveSession } from '../state/files.ts'
import { leaveSandbox, sandbox } from '../state/sandbox.ts'
import { complaint, config, goLive, history, isLive, link, pause, version } from '../state/session.ts'
import { ChartBar, Legend } from './chart-bar.tsx'
import { ChartView, fitAsked } from './chart-view.tsx'
import { Filters } from './filters.tsx'
import { Log } from './log.tsx'
import { NextPanel } from './next-panel.tsx'
import { SequenceView } from './sequence.tsx'
import { StatePanel } from './state-panel.tsx'
import { Tabs } from './tabs.tsx'
import { stepBy, Timeline } from './timeline.tsx'
import { Tree } from './tree.tsx'

export const Page = (): JSX.Element => {
  const isDropping = useSignal(false)
  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    addEventListener('keydown', onKey, { signal })
    addEventListener('dragover', event => hold(event, true), { signal })
    addEventListener('dragleave', event => hold(event, false), { signal })
    addEventListener('drop', event => hold(event, false), { signal })
    const hold = (event: DragEvent, isOver: boolean): void => {
      event.preventDefault()
      isDropping.value = isOver
      const file = event.type === 'drop' ? event.dataTransfer?.files[0] : undefined
      if (file !== undefined) void openFile(file)
    }
    return () => stop.abort()
  }, [])
  useEffect(() => {
    document.title = ['Machines', config.value.title || 'Tickcast'].join(' · ')
  }, [config.value.title])
  return (
    <div class={`desk ${isDropping.value ? 'dropping' : ''}`}>
      <Masthead here="machines" isAlone={config.value.hasPrices !== true}>
        <About />
      </Masthead>
      <main>
        <h1 class="unseen">Machines</h1>
        {complaint.value !== '' && (
          <p class="complaint" role="alert">
            {complaint}
          </p>
        )}
        <Tree />
        <section class="panel stage" aria-label="Statechart">
          <ChartBar />
          <ChartView />
          <Legend />
        </section>
        <section class="panel side" aria-label="Actor">
          <Tabs
            label="Actor"
            chosen={side}
            tabs={[
              { name: 'state', title: 'State', content: () => <StatePanel /> },
              { name: 'next', title: 'Next', content: () => <NextPanel /> },
            ]}
          />
        </section>
        <section class="panel foot" aria-label="History">
          <Timeline />
          <Tabs
            label="History"
            chosen={foot}
            beside={<Filters />}
            tabs={[
              { name: 'log', title: 'Log', content: () => <Log /> },
              { name: 'sequence', title: 'Sequence', content: () => <SequenceView /> },
            ]}
          />
        </section>
      </main>
    </div>
  )
}

const linkText = {
  connecting: 'connecting',
  open: 'live',
  broken: 'lost, trying again',
  busy: 'too many viewers, waiting',
  none: 'recording',
} as const

const About = (): JSX.Element => {
  const chooser = useRef<HTMLInputElement>(null)
  version.value
  const { head } = history.value
  return (
    <>
      <span class={`link ${link.value}`}>
        <i aria-hidden="true" /> {config.value.title || head?.title || 'Machines'} · {linkText[link.value]}
        {head?.from === 'simulation' && ` · simulation${head.seed === undefined ? '' : `, seed ${head.seed}`}`}
      </span>
      <button type="button" class="tool" onClick={() => chooser.current?.click()}>
        Open …
      </button>
      <input
        ref={chooser}
        class="unseen"
        type="file"
        tabIndex={-1}
        aria-label="Recording, trace or coverage file"
        accept=".jsonl,.json,.ndjson,.txt"
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? []
          if (file !== undefined) void openFile(file)
          currentTarget.value = ''
        }}
      />
      <button type="button" class="tool" onClick={saveSession}>
        Save
      </button>
    </>
  )
}

/** `[` and `]` step, Space pauses and goes on, End is the newest, `f` fits, `s` and `n` turn the side, Escape leaves the sandbox. */
function onKey(event: KeyboardEvent): void {
  const { target } = event
  const isTyping =
    target instanceof HTMLElement && (target.matches('input:not([type=range]), select, textarea') || target.isContentEditable)
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
  const act = keys[event.key]
  const isPressing = event.key === ' ' && target instanceof HTMLElement && target.matches('button, summary, input')
  if (act === undefined || isPressing) return
  event.preventDefault()
  act()
}

const keys: Readonly<Record<string, () => void>> = {
  '[': () => stepBy(-1),
  ']': () => stepBy(1),
  ' ': () => (isLive.value ? pause() : goLive()),
  End: goLive,
  f: () => {
    fitAsked.value += 1
  },
  s: () => {
    side.value = 'state'
  },
  n: () => {
    side.value = 'next'
  },
  Escape: () => {
    if (sandbox.value !== undefined) leaveSandbox()
  },
}
