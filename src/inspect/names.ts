/** Actions and guards by the names their authors gave them. XState keeps them as strings, objects or functions. */

interface Named {
  readonly type?: unknown
  readonly name?: unknown
  readonly params?: unknown
  readonly guards?: unknown
}

/** JavaScript names a function after the property it is written into; that is no name anybody gave. */
const inferred = new Set(['', 'actions', 'entry', 'exit', 'guard', 'anonymous'])

/** `assign` for one of XState's own, the name for a named one, otherwise the function's name or `inline`. */
export function actionName(action: unknown): string {
  if (typeof action === 'string') return action
  if (!isNamed(action)) return 'inline'
  const { type } = action
  return typeof type === 'string' ? type.replace(/^xstate\./, '') : functionName(action)
}

/** `isOpen`, `isAbove(limit: 3)`, `not(isOpen)`, `isOpen and (isEarly or inline)`. */
export function guardText(guard: unknown): string {
  if (typeof guard === 'string') return guard
  if (!isNamed(guard)) return 'inline'
  const { type, params, guards, name } = guard
  if (typeof type === 'string') return `${type}${paramsText(params)}`
  if (!Array.isArray(guards)) return functionName(guard)
  const inner = guards.map(one => (isList(one) && name !== 'not' ? `(${guardText(one)})` : guardText(one)))
  return name === 'not' ? `not(${inner.join(', ')})` : inner.join(` ${name === 'or' ? 'or' : 'and'} `)
}

const isNamed = (thing: unknown): thing is Named => (typeof thing === 'object' && thing !== null) || typeof thing === 'function'

const isList = (guard: unknown): boolean => isNamed(guard) && Array.isArray(guard.guards) && guard.name !== 'not'

const functionName = ({ name }: Named): string => (typeof name === 'string' && !inferred.has(name) ? name : 'inline')

function paramsText(params: unknown): string {
  if (params === undefined) return ''
  if (typeof params !== 'object' || params === null) return '(…)'
  return `(${Object.entries(params)
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? '…' : String(value)}`)
    .join(', ')
    .slice(0, 80)})`
}
