import { useComputed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { eventTypeOf } from '../chart/edges.ts'
import { exampleFor } from '../play/payload.ts'
import type { PlayEvent, Possibility } from '../play/play.ts'
import { actor, chart } from '../state/choice.ts'
import {
  answer,
  answers,
  beginAnew,
  copyActor,
  leaveSandbox,
  playOf,
  sandbox,
  sandboxFault,
  sendToCopy,
  shownMoment,
  undo,
} from '../state/sandbox.ts'
import { config, history } from '../state/session.ts'
import { PayloadForm } from './payload-form.tsx'
import { refusalFor, send, Token } from './send.tsx'

/** What could happen next, and a copy to try it on. */
export const NextPanel = (): JSX.Element => {
  const fault = useSignal('')
  const found = useComputed((): readonly Possibility[] => {
    const of = sandbox.value?.chart ?? chart.value
    const { value: moment } = shownMoment
    if (of === undefined || moment === undefined || moment.status !== 'active') return []
    try {
      fault.value = ''
      return playOf(of).possibilities(moment, answers.value, edge => exampleFor(edge, history.value))
    } catch (error) {
      fault.value = `The machine could not be asked: ${error instanceof Error ? error.message : String(error)}`
      return []
    }
  })
  if (chart.value === undefined && sandbox.value === undefined)
    return <p class="empty">Choose an actor of a machine to see what could happen next.</p>
  const at = shownMoment.value?.active.join(' ') ?? ''
  return (
    <div class="facts">
      <CopyBar />
      {sandboxFault.value !== '' && <p class="bad">{sandboxFault}</p>}
      {fault.value !== '' && <p class="bad">{fault}</p>}
      <section>
        <h3>Possible now</h3>
        {found.value.length === 0 && <p class="quiet">Nothing: this is an end.</p>}
        <ul class="possible">
          {found.value.map(one => (
            <Possible key={`${sandbox.value?.steps.length ?? 0} ${at} ${one.edge.id}`} {...one} />
          ))}
        </ul>
      </section>
      <Token />
    </div>
  )
}

const CopyBar = (): JSX.Element => {
  const { value: copy } = sandbox
  if (copy === undefined)
    return (
      <p class="row">
        <button type="button" class="tool" onClick={() => copyActor(actor.value ?? '')}>
          Make a sandbox copy
        </button>
        <button type="button" class="tool" onClick={beginAnew}>
          Begin anew
        </button>
      </p>
    )
  return (
    <div class="copy">
      <p>
        <strong>Sandbox</strong> {copy.from === '' ? 'begun anew' : `copy of ${copy.from}`}, {copy.steps.length - 1} steps. Nothing here
        reaches the actor.
      </p>
      <p class="row">
        <button type="button" class="tool" disabled={copy.steps.length < 2} onClick={undo}>
          Undo
        </button>
        <button type="button" class="tool" onClick={beginAnew}>
          Begin anew
        </button>
        <button type="button" class="tool" onClick={leaveSandbox}>
          Leave
        </button>
      </p>
      <ol>
        {copy.steps.slice(-6).map(({ event, moment, edges }, at) => (
          <li key={at}>
            {event === undefined ? 'start' : event.type} → {moment.active.map(id => id.split('.').slice(1).join('.')).join(', ')}
            {event !== undefined && edges.length === 0 && ' (ignored)'}
          </li>
        ))}
      </ol>
    </div>
  )
}

const Possible = ({ edge, verdict, isAsked }: Possibility): JSX.Element => {
  const isOpened = useSignal(false)
  const tryIt = (event: PlayEvent): void => {
    if (sandbox.value === undefined) copyActor(actor.value ?? '')
    sendToCopy(event)
  }
  const targets = edge.targets.map(id => id.split('.').slice(1).join('.')).join(', ')
  const refusal = refusalFor(actor.value ?? '')
  const live = { text: 'Send to the live actor', send: (event: PlayEvent) => send(actor.value ?? '', event), refusal }
  const isSendable = sandbox.value === undefined && edge.kind === 'event' && config.value.mode === 'live'
  return (
    <li class={verdict} data-edge-id={edge.id}>
      <button
        type="button"
        class="move"
        aria-expanded={isOpened.value}
        onClick={() => {
          isOpened.value = !isOpened.value
        }}
      >
        <span class={`kind ${edge.kind}`}>{edge.label}</span>
        {edge.guard !== undefined && <span class="guard">[{edge.guard}]</span>}
        <span class="target">{targets === '' ? 'stays' : `→ ${targets}`}</span>
        <span class="verdict">{verdictText[verdict]}</span>
      </button>
      {isAsked && edge.guard !== undefined && <Answer guard={edge.guard} />}
      {isOpened.value && edge.kind !== 'always' && (
        <PayloadForm
          example={exampleFor(edge, history.value)}
          isTypeFree={eventTypeOf(edge).endsWith('*')}
          sends={[{ text: 'Send to a copy', send: tryIt }, ...(isSendable ? [live] : [])]}
        />
      )}
    </li>
  )
}

const verdictText = { open: 'would be taken', closed: 'guard says no', covered: 'another comes first' } as const

const Answer = ({ guard }: { readonly guard: string }): JSX.Element => (
  <label class="answer">
    <input
      type="checkbox"
      checked={answers.value.get(guard) === true}
      onChange={({ currentTarget }) => answer(guard, currentTarget.checked)}
    />
    {guard} is true
  </label>
)
