import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import type { PlayEvent } from '../play/play.ts'
import { sendLive } from '../state/feed.ts'
import { config, isLive } from '../state/session.ts'

/** In memory only: a reload forgets it. */
let token: string | undefined
const waiting = signal<{ readonly actor: string; readonly event: PlayEvent } | undefined>(undefined)
const outcome = signal<{ readonly isGood: boolean; readonly text: string } | undefined>(undefined)

/** Sends to the running actor; asks for the token when none was given yet. */
export function send(actor: string, event: PlayEvent): void {
  if (token === undefined && config.value.needsToken === true) waiting.value = { actor, event }
  else void deliver(actor, event)
}

/** Why an actor can be sent nothing from here, in a sentence; empty: it can. */
export function refusalFor(actor: string): string {
  const { mode, maySend, instance } = config.value
  const [runsOn = ''] = actor.split('/')
  if (mode !== 'live') return 'This is a recording: nothing runs that could take an event.'
  if (!isLive.value) return 'You look back: go to the newest moment to send to the live actor.'
  if (!maySend) return 'Events to live actors are not allowed here.'
  return runsOn === instance ? '' : `This actor runs on ${runsOn}, and events are taken only there: open /machines of ${runsOn}.`
}

async function deliver(actor: string, event: PlayEvent): Promise<void> {
  try {
    await sendLive(actor, event, token ?? '')
    outcome.value = { isGood: true, text: `${event.type} was sent to ${actor}.` }
  } catch (error) {
    token = undefined
    outcome.value = { isGood: false, text: error instanceof Error ? error.message : String(error) }
  }
}

export const Token = (): JSX.Element => {
  const { value: asked } = waiting
  return (
    <section aria-live="polite">
      {outcome.value !== undefined && <p class={outcome.value.isGood ? 'good' : 'bad'}>{outcome.value.text}</p>}
      {asked !== undefined && (
        <form
          class="payload"
          onSubmit={submit => {
            submit.preventDefault()
            const field = submit.currentTarget.elements.namedItem('token')
            token = field instanceof HTMLInputElement ? field.value : ''
            waiting.value = undefined
            void deliver(asked.actor, asked.event)
          }}
        >
          <label>
            Admin token, to send {asked.event.type} to a live actor
            <input name="token" type="password" autocomplete="off" />
          </label>
          <p class="row">
            <button type="submit" class="tool strong">
              Send
            </button>
            <button
              type="button"
              class="tool"
              onClick={() => {
                waiting.value = undefined
              }}
            >
              Do not
            </button>
          </p>
        </form>
      )}
    </section>
  )
}
