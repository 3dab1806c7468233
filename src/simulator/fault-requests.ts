import type { Faults } from './faults.ts'
import { STATUSES } from './listing.ts'

/** One fault as JSON switches it: `expects` is told to whoever got it wrong. */
interface FaultRequest {
  readonly help: string
  readonly expects: string
  /** False when the value is not what it `expects`; otherwise the fault is switched. */
  apply(faults: Faults, value: unknown): boolean
}

type Fields = Record<string, unknown>

type SwitchOf<Value> = {
  [Name in keyof Faults]: Faults[Name] extends Value ? (Value extends Faults[Name] ? Name : never) : never
}[keyof Faults]

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0
const isStatus = (value: unknown): value is number => isCount(value) && value >= 200 && value <= 599

function onOff(name: SwitchOf<boolean>, help: string): [string, FaultRequest] {
  const apply = (faults: Faults, value: unknown): boolean => {
    if (typeof value !== 'boolean') return false
    faults[name] = value
    return true
  }
  return [name, { help, expects: 'true or false', apply }]
}

function amount(name: SwitchOf<number>, help: string): [string, FaultRequest] {
  const apply = (faults: Faults, value: unknown): boolean => {
    if (!isCount(value)) return false
    faults[name] = value
    return true
  }
  return [name, { help, expects: 'a whole number', apply }]
}

function status(name: 'upgradeStatus' | 'restStatus', help: string): [string, FaultRequest] {
  const apply = (faults: Faults, value: unknown): boolean => {
    if (value !== null && !isStatus(value)) return false
    faults[name] = value
    return true
  }
  return [name, { help, expects: 'an HTTP status or null', apply }]
}

function once(name: 'reset' | 'kill' | 'mute' | 'lose' | 'garbage' | 'clear', help: string): [string, FaultRequest] {
  const apply = (faults: Faults, value: unknown): boolean => {
    if (value === true) faults[name]()
    return value === true
  }
  return [name, { help, expects: 'true', apply }]
}

function closes(faults: Faults, value: unknown): boolean {
  if (!isFields(value)) return false
  const { code, reason = '' } = value
  if (!isCount(code) || code < 1000 || code > 4999 || [1004, 1005, 1006].includes(code) || typeof reason !== 'string') return false
  faults.close(code, reason)
  return true
}

function silences(faults: Faults, value: unknown): boolean {
  if (!Array.isArray(value) || value.some(name => typeof name !== 'string')) return false
  faults.silentStreams = new Set(value as string[])
  return true
}

function shutsDown(faults: Faults, value: unknown): boolean {
  const graceMs = isFields(value) ? value.graceMs : undefined
  if (value !== true && !isCount(graceMs)) return false
  faults.shutdown(isCount(graceMs) ? graceMs : undefined)
  return true
}

function sendsGiant(faults: Faults, value: unknown): boolean {
  if (!isCount(value)) return false
  faults.giant(value)
  return true
}

function setsStatus(faults: Faults, value: unknown): boolean {
  if (!isFields(value) || typeof value.symbol !== 'string') return false
  const wanted = STATUSES.find(known => known === value.status)
  if (!wanted) return false
  faults.setStatus(value.symbol, wanted)
  return true
}

/** Every fault by its name over HTTP. */
export const FAULT_REQUESTS: ReadonlyMap<string, FaultRequest> = new Map([
  once('reset', 'every WebSocket ends with a TCP RST'),
  once('kill', 'every WebSocket ends without a closing handshake'),
  ['close', { help: 'every WebSocket is closed so', expects: '{"code":1008,"reason":"text"}', apply: closes }],
  ['shutdown', { help: 'serverShutdown event, then close 1001', expects: 'true or {"graceMs":1000}', apply: shutsDown }],
  once('mute', 'every WebSocket open now brings no data any more; new ones do'),
  once('lose', 'every WebSocket open now is neither read nor written any more; new ones are'),
  once('garbage', 'five frames that are not what they should be'),
  ['giant', { help: 'one text frame of so many bytes', expects: 'a whole number', apply: sendsGiant }],
  ['setStatus', { help: 'halts, delists or lists a symbol', expects: '{"symbol":"BTCUSDT","status":"BREAK"}', apply: setsStatus }],
  onOff('refuse', 'connections are refused, this port is closed (the control too, except on its own port)'),
  status('upgradeStatus', 'WebSocket upgrades are answered with this status'),
  status('restStatus', 'REST is answered with this status'),
  amount('retryAfterS', 'Retry-After of the two above'),
  onOff('restDown', 'REST sockets are destroyed'),
  amount('restDelayMs', 'REST answers late'),
  onOff('silent', 'no data frames, everything else goes on'),
  ['silentStreams', { help: 'no data frames on these streams', expects: '["btcusdt@trade"]', apply: silences }],
  onOff('blackhole', 'WebSockets: nothing read, nothing sent'),
  onOff('ackLost', 'control messages are obeyed but not answered'),
  amount('ackDelayMs', 'control messages are answered late'),
  onOff('duplicate', 'every data frame twice'),
  onOff('reorder', 'neighbouring frames of a stream change places'),
  amount('connectDelayMs', 'WebSocket upgrades are answered late'),
  once('clear', 'every switch off'),
])

/** Switches what `asked` names, in its order. The sentence says what is wrong with it; nothing before that is undone. */
export function applyFaults(faults: Faults, asked: unknown): string | undefined {
  if (!isFields(asked)) return 'Send a JSON object such as {"silent":true}.'
  const unknown = Object.keys(asked).find(name => !FAULT_REQUESTS.has(name))
  if (unknown !== undefined) return `Unknown fault "${unknown}"; known are ${[...FAULT_REQUESTS.keys()].join(', ')}.`
  for (const [name, value] of Object.entries(asked)) {
    const request = FAULT_REQUESTS.get(name)
    if (request && !request.apply(faults, value)) return `Fault "${name}" expects ${request.expects}.`
  }
  return undefined
}
