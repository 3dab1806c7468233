import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { textFrom, valueFrom } from '../play/payload.ts'
import type { PlayEvent } from '../play/play.ts'

export interface PayloadFormProps {
  readonly example: PlayEvent
  readonly sends: readonly Sending[]
  readonly isTypeFree?: boolean
}

/** A button. */
interface Sending {
  readonly text: string
  readonly send: (event: PlayEvent) => void
  /** Why it cannot be pressed, in a sentence; empty: it can. */
  readonly refusal?: string
}

interface Field {
  readonly name: string
  readonly text: string
}

/** Fields of an event, each JSON or plain text. */
export const PayloadForm = ({ example, sends, isTypeFree = false }: PayloadFormProps): JSX.Element => {
  const type = useSignal(example.type)
  const fields = useSignal<readonly Field[]>(
    Object.entries(example)
      .filter(([name]) => name !== 'type')
      .map(([name, value]) => ({ name, text: textFrom(value) })),
  )
  const change = (at: number, part: Partial<Field>): void => {
    fields.value = fields.value.map((field, index) => (index === at ? { ...field, ...part } : field))
  }
  const event = (): PlayEvent => ({
    ...Object.fromEntries(fields.value.filter(({ name }) => name !== '').map(({ name, text }) => [name, valueFrom(text)])),
    type: type.value,
  })
  return (
    <form
      class="payload"
      onSubmit={submit => {
        submit.preventDefault()
        sends[0]?.send(event())
      }}
    >
      {isTypeFree && (
        <label>
          type
          <input
            value={type.value}
            onInput={({ currentTarget }) => {
              type.value = currentTarget.value
            }}
          />
        </label>
      )}
      {fields.value.map(({ name, text }, at) => (
        <div key={at} class="field">
          <input aria-label="Field" value={name} onInput={({ currentTarget }) => change(at, { name: currentTarget.value })} />
          <input
            aria-label={`Value of ${name || 'the field'}, JSON or text`}
            value={text}
            onInput={({ currentTarget }) => change(at, { text: currentTarget.value })}
          />
        </div>
      ))}
      <p class="row">
        {sends.map(({ text, send, refusal = '' }, at) => (
          <button
            key={text}
            disabled={refusal !== ''}
            type={at === 0 ? 'submit' : 'button'}
            class={at === 0 ? 'tool strong' : 'tool'}
            {...(at > 0 && { onClick: () => send(event()) })}
          >
            {text}
          </button>
        ))}
        <button
          type="button"
          class="tool"
          onClick={() => {
            fields.value = [...fields.value, { name: '', text: '' }]
          }}
        >
          Add field
        </button>
      </p>
      {sends.map(({ text, refusal = '' }) =>
        refusal === '' ? null : (
          <p key={text} class="quiet refusal">
            {refusal}
          </p>
        ),
      )}
    </form>
  )
}
