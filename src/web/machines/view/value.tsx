import type { JSX } from 'preact'

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Any plain value, to be opened and closed. */
export const Value = ({
  value,
  name,
  isOpen = true,
}: {
  readonly value: unknown
  readonly name?: string
  readonly isOpen?: boolean
}): JSX.Element => {
  const label = name === undefined ? null : <span class="key">{name}</span>
  if (!isTree(value))
    return (
      <div class="value">
        {label}
        <code class={typeof value}>{value === undefined ? 'undefined' : JSON.stringify(value)}</code>
      </div>
    )
  const entries = Object.entries(value)
  if (entries.length === 0)
    return (
      <div class="value">
        {label}
        <code>{Array.isArray(value) ? '[]' : '{}'}</code>
      </div>
    )
  return (
    <details class="value" open={isOpen}>
      <summary>
        {label ?? <span class="key">{Array.isArray(value) ? 'list' : 'fields'}</span>} <small>{entries.length}</small>
      </summary>
      {entries.slice(0, 200).map(([key, inner]) => (
        <Value key={key} name={key} value={inner} isOpen={entries.length < 20} />
      ))}
    </details>
  )
}
