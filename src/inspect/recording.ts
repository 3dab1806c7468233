/** What is wrong with a file that should be a recording. Reads text only, so the page can ask it as well as the command line. */

/** Characters; a browser holds all of it. */
export const recordingMax = 100_000_000

type Fields = Readonly<Record<string, unknown>>
type Check = (fields: Fields) => string | undefined

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(one => typeof one === 'string')

const must =
  (name: string, what: string, isRight: (value: unknown) => boolean): Check =>
  fields =>
    isRight(fields[name]) ? undefined : `"${name}" must be ${what}, not ${shown(fields[name])}`

const text = (name: string): Check => must(name, 'a text', value => typeof value === 'string' && value !== '')
const texts = (name: string): Check => must(name, 'a list of texts', isTexts)
const number = (name: string): Check => must(name, 'a number', value => typeof value === 'number' && Number.isFinite(value))
const oneOf = (name: string, ...words: readonly string[]): Check =>
  must(name, `one of ${words.join(', ')}`, value => words.some(word => word === value))
const event = must('event', 'an object with a "type"', value => isObject(value) && typeof value.type === 'string')

const moment: Check = ({ moment: value }) => {
  if (!isObject(value)) return `"moment" must be an object, not ${shown(value)}`
  const wrong = texts('active')(value) ?? oneOf('status', 'active', 'done', 'error', 'stopped')(value)
  return wrong === undefined ? undefined : `in "moment" ${wrong}`
}

const chart: Check = ({ chart: value }) => {
  if (!isObject(value)) return `"chart" must be an object, not ${shown(value)}`
  const lists = [must('states', 'a list', Array.isArray), must('edges', 'a list', Array.isArray)]
  const wrong = first([text('machine'), text('hash'), ...lists], value)
  return wrong === undefined ? undefined : `in "chart" ${wrong}`
}

const placed = [must('q', 'a whole number', value => Number.isInteger(value) && Number(value) >= 0), number('at')]

const checks: Readonly<Record<string, readonly Check[]>> = {
  head: [
    must('version', '1, which is what this Tickcast reads', value => value === 1),
    oneOf('from', 'live', 'simulation'),
    number('startedAt'),
    must('title', 'a text', value => typeof value === 'string'),
  ],
  chart: [chart],
  actor: [...placed, text('actor'), moment],
  event: [...placed, text('actor'), event],
  step: [...placed, text('actor'), event, texts('edges'), texts('actions'), number('took'), moment],
  gone: [...placed, text('actor'), oneOf('status', 'done', 'error', 'stopped')],
  mark: [...placed, text('who'), text('what'), must('isFault', 'true or false', value => typeof value === 'boolean')],
  lost: [...placed, number('records')],
}

const first = (list: readonly Check[], fields: Fields): string | undefined => {
  for (const check of list) {
    const wrong = check(fields)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

const shown = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40))

/** The first mistake as a sentence with its line, and a guess what the file is instead; undefined: it is a recording. */
export function mistakeOf(recording: string): string | undefined {
  if (recording.trim() === '') return 'The file is empty.'
  if (recording.length > recordingMax) return `The file is longer than ${recordingMax / 1_000_000} million characters.`
  let line = 0
  let q = 0
  for (let from = 0; from < recording.length; ) {
    const end = recording.indexOf('\n', from)
    const isLast = end < 0
    const content = recording.slice(from, isLast ? undefined : end).trim()
    from = isLast ? recording.length : end + 1
    line += 1
    if (content === '') continue
    const read = readLine(content)
    if (read === undefined)
      return isLast && line > 1
        ? `Line ${line} is cut off: the recording ended in the middle of it. Without that line the file can be opened.`
        : `Line ${line} is no JSON: ${content.slice(0, 40)}${line === 1 ? `. ${guess(recording)}` : ''}`
    const wrong = line === 1 ? wrongHead(read, recording) : wrongRecord(read, q)
    if (wrong !== undefined) return `Line ${line}: ${wrong}.`
    q = typeof read.q === 'number' ? read.q : q
  }
  return undefined
}

function readLine(content: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(content)
    return isObject(value) ? value : {}
  } catch {
    return undefined
  }
}

function wrongHead(fields: Fields, recording: string): string | undefined {
  if (fields.kind !== 'head') return `a recording begins with a line of the kind "head". ${guess(recording)}`
  return first(checks.head ?? [], fields)
}

function wrongRecord(fields: Fields, before: number): string | undefined {
  const { kind, q } = fields
  const wanted = typeof kind === 'string' && Object.hasOwn(checks, kind) ? checks[kind] : undefined
  if (wanted === undefined || kind === 'head') return `"kind" must be one of ${Object.keys(checks).slice(1).join(', ')}, not ${shown(kind)}`
  const wrong = first(wanted, fields)
  if (wrong !== undefined) return `in a record of the kind "${kind}" ${wrong}`
  return typeof q === 'number' && q < before ? `"q" goes back from ${before} to ${q}` : undefined
}

function guess(recording: string): string {
  const start = recording.slice(0, 2000)
  if (start.includes('"tickcast":"simulation"'))
    return 'This is a list of notes of a simulation: npm run simulate -- --seed S --trace FILE writes a recording'
  if (/"(states|edges|pairs)": ?\{/.test(start)) return 'This looks like a coverage file, which the page opens beside a recording'
  return 'The page saves recordings, and npm run simulate -- --seed S --trace FILE writes one'
}
