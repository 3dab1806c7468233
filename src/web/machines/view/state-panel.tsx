import type { ComponentChildren, JSX } from 'preact'
import type { StepRecord } from '../../../inspect/record.ts'
import { eventWords } from '../chart/edges.ts'
import { type Difference, differencesOf } from '../record/difference.ts'
import { lastAtMost, lifeAt, livesAt } from '../record/track.ts'
import { actor, chart, moment, track, trail } from '../state/choice.ts'
import { check, checked, checkFault, disagreement } from '../state/replay-check.ts'
import { copied } from '../state/sandbox.ts'
import { goTo, history, now } from '../state/session.ts'
import { Value } from './value.tsx'

/** What the chosen actor is at the moment looked at, and what the last step changed. */
export const StatePanel = (): JSX.Element => {
  const { value: here } = track
  const { value: copy } = copied
  if (here === undefined) return <p class="empty">No actor is chosen.</p>
  const shown = copy?.moment ?? moment.value
  const life = lifeAt(here, now.value)
  return (
    <div class="facts">
      <Part title="Actor">
        <p class="path">{actor.value}</p>
        <p class="quiet">
          {here.machine === undefined ? `no machine${here.src === undefined ? '' : `, logic ${here.src}`}` : `machine ${here.machine}`}
          {' · '}
          {livesAt(here, now.value) ? (shown?.status ?? 'active') : (life?.status ?? 'not there yet')}
        </p>
        {life?.error !== undefined && !livesAt(here, now.value) && <p class="bad">{life.error}</p>}
        <Check />
      </Part>
      {shown !== undefined && shown.active.length > 0 && (
        <Part title="Active states">
          <ul class="chips">
            {shown.active.map(id => (
              <li key={id}>{id.slice((chart.value?.machine.length ?? -1) + 1) || id}</li>
            ))}
          </ul>
        </Part>
      )}
      {copy === undefined && trail.value[0] !== undefined && <LastStep step={trail.value[0]} />}
      <Part title="Context">{shown?.context === undefined ? <p class="quiet">It has none.</p> : <Value value={shown.context} />}</Part>
    </div>
  )
}

export const Part = ({ title, children }: { readonly title: string; readonly children: ComponentChildren }): JSX.Element => (
  <section>
    <h3>{title}</h3>
    {children}
  </section>
)

/** Whether the machines themselves would have done what was recorded. */
const Check = (): JSX.Element => {
  const { value: done } = checked
  if (done === undefined)
    return (
      <p class="row">
        <button type="button" class="tool" onClick={check}>
          Check against the machines
        </button>
      </p>
    )
  const here = disagreement.value
  const others = done.wrong.filter(one => one.actor !== actor.value)
  return (
    <div class="check">
      {checkFault.value !== '' && <p class="bad">{checkFault}</p>}
      {done.wrong.length === 0 && done.steps > 0 && <p class="good">The machines agree with all {done.steps} steps checked.</p>}
      {done.wrong.length === 0 && done.steps === 0 && <p class="quiet">There are no steps of machines this page knows.</p>}
      {here !== undefined && (
        <p class="bad">
          {here.text}{' '}
          <button type="button" class="tool" onClick={() => goTo(history.value.serialOf(here.q))}>
            Show
          </button>
        </p>
      )}
      {others.map(one => (
        <p key={one.actor} class="bad">
          <button
            type="button"
            class="tool"
            onClick={() => {
              actor.value = one.actor
            }}
          >
            {one.actor}
          </button>{' '}
          disagrees at record {one.disagreement?.q}.
        </p>
      ))}
    </div>
  )
}

const LastStep = ({ step }: { readonly step: StepRecord }): JSX.Element => {
  const { type, ...payload } = step.event
  return (
    <>
      <Part title="Last step">
        <p class="event">{eventWords(type, track.value?.machine)}</p>
        <p class="quiet">
          {step.source === undefined ? 'from outside' : `from ${step.source}`} · {step.took.toFixed(2)} ms
          {step.actions.length > 0 && ` · ran ${step.actions.join(', ')}`}
        </p>
        {Object.keys(payload).length > 0 && <Value value={payload} name="payload" />}
      </Part>
      <Part title="What it changed">
        <Changes />
      </Part>
    </>
  )
}

/** Context before and after the last step of the actor. */
const Changes = (): JSX.Element => {
  const moments = track.value?.moments ?? []
  const at = lastAtMost(moments, now.value, one => one.n)
  const before = moments[at - 1]?.moment.context
  const record = history.value.at(moments[at]?.n ?? -1)
  const found = record?.kind !== 'step' || at < 1 ? [] : differencesOf(before, moments[at]?.moment.context)
  if (found.length === 0) return <p class="quiet">Nothing in the context.</p>
  return (
    <dl class="diff">
      {found.map(one => (
        <Changed key={one.path} {...one} />
      ))}
    </dl>
  )
}

const Changed = ({ path, kind, before, after }: Difference): JSX.Element => (
  <div class={kind}>
    <dt>{path || 'context'}</dt>
    <dd>
      {kind !== 'added' && <del>{JSON.stringify(before)}</del>} {kind !== 'removed' && <ins>{JSON.stringify(after)}</ins>}
    </dd>
  </div>
)
