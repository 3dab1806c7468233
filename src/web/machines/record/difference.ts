/** One place of a value that changed. */
export interface Difference {
  /** `context.hosts[2].name`, without a leading dot. */
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
  readonly before?: unknown
  readonly after?: unknown
}

const differencesMax = 200

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Depth first, in the order of the keys; at most {@link differencesMax}. */
export function differencesOf(before: unknown, after: unknown, path = ''): Difference[] {
  if (Object.is(before, after)) return []
  if (!isRecord(before) || !isRecord(after) || Array.isArray(before) !== Array.isArray(after)) return [change(path, before, after)]
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys
    .flatMap(key => differencesOf(before[key], after[key], Array.isArray(after) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`))
    .slice(0, differencesMax)
}

function change(path: string, before: unknown, after: unknown): Difference {
  if (before === undefined) return { path, kind: 'added', after }
  if (after === undefined) return { path, kind: 'removed', before }
  return { path, kind: 'changed', before, after }
}
