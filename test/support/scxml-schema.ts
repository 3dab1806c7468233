/** The structure of SCXML (W3C Recommendation, 1 September 2015, chapters 3 to 6), as far as a chart can use it. */

export interface XmlElement {
  readonly name: string
  readonly space: string | null
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
}

interface Rule {
  readonly must: readonly string[]
  readonly may: readonly string[]
  readonly inside: readonly string[]
}

const executable = ['raise', 'if', 'foreach', 'log', 'assign', 'script', 'send', 'cancel']
const parts = ['onentry', 'onexit', 'transition', 'invoke', 'datamodel', 'history', 'state', 'parallel']

const rules: Readonly<Record<string, Rule>> = {
  scxml: {
    must: ['xmlns', 'version'],
    may: ['initial', 'name', 'datamodel', 'binding'],
    inside: ['state', 'parallel', 'final', 'datamodel', 'script'],
  },
  state: { must: [], may: ['id', 'initial'], inside: [...parts, 'final', 'initial'] },
  parallel: { must: [], may: ['id'], inside: parts },
  final: { must: [], may: ['id'], inside: ['onentry', 'onexit', 'donedata'] },
  history: { must: [], may: ['id', 'type'], inside: ['transition'] },
  transition: { must: [], may: ['event', 'cond', 'target', 'type'], inside: executable },
  onentry: { must: [], may: [], inside: executable },
  onexit: { must: [], may: [], inside: executable },
  invoke: { must: [], may: ['type', 'src', 'id', 'autoforward'], inside: ['param', 'finalize', 'content'] },
  script: { must: [], may: ['src'], inside: [] },
  send: { must: ['event'], may: ['id', 'target', 'type', 'delay', 'delayexpr'], inside: ['param', 'content'] },
  cancel: { must: ['sendid'], may: [], inside: [] },
}

/** Forms of the schema's attribute types. */
const forms: Readonly<Record<string, RegExp>> = {
  id: /^[A-Za-z_][\w.-]*$/,
  sendid: /^[A-Za-z_][\w.-]*$/,
  initial: /^[A-Za-z_][\w.-]*( [A-Za-z_][\w.-]*)*$/,
  target: /^[A-Za-z_][\w.-]*( [A-Za-z_][\w.-]*)*$/,
  delay: /^\d*\.?\d+(ms|s)$/,
  version: /^1\.0$/,
}

/** Sentences about what the schema would refuse. */
export function misplacedIn(root: XmlElement): string[] {
  const elements = everyOf(root)
  const ids = elements.flatMap(({ attributes: { id = '' } }) => (id === '' ? [] : [id]))
  const states = new Set(
    elements.filter(({ name }) => ['state', 'parallel', 'final', 'history'].includes(name)).map(({ attributes }) => attributes.id ?? ''),
  )
  const aims = elements.flatMap(({ attributes: { target = '', initial = '' } }) => `${target} ${initial}`.split(' ').filter(Boolean))
  return [
    ...(root.name === 'scxml' ? [] : [`the root is ${root.name}`]),
    ...elements.flatMap(wrongIn),
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map(id => `${id} is the identifier of two`),
    ...aims.filter(id => !states.has(id)).map(id => `${id} is aimed at and is not there`),
  ]
}

const everyOf = (element: XmlElement): XmlElement[] => [element, ...element.children.flatMap(everyOf)]

function wrongIn({ name, space, attributes, children }: XmlElement): string[] {
  const rule = rules[name]
  if (rule === undefined) return [`${name} is no element of a chart`]
  const isMoving = ['event', 'cond', 'target'].some(attribute => attribute in attributes)
  return [
    ...(space === 'http://www.w3.org/2005/07/scxml' ? [] : [`${name} is not of SCXML`]),
    ...rule.must.filter(attribute => !(attribute in attributes)).map(attribute => `${name} lacks ${attribute}`),
    ...Object.keys(attributes)
      .filter(attribute => ![...rule.must, ...rule.may].includes(attribute))
      .map(attribute => `${name} has no ${attribute}`),
    ...Object.entries(attributes)
      .filter(([attribute, value]) => forms[attribute]?.test(value) === false)
      .map(([attribute, value]) => `"${value}" is no ${attribute}`),
    ...children.filter(child => !rule.inside.includes(child.name)).map(child => `${child.name} may not stand in ${name}`),
    ...(name === 'transition' && !isMoving ? ['a transition has neither event nor cond nor target'] : []),
    ...('delay' in attributes && 'delayexpr' in attributes ? ['send has two delays'] : []),
    ...(attributes.initial !== undefined &&
    name === 'state' &&
    children.every(child => child.name !== 'state' && child.name !== 'final' && child.name !== 'parallel')
      ? [`${attributes.id} begins inside and has nothing inside`]
      : []),
  ]
}
