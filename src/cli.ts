import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { settings } from './config.ts'

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'serve' }
  | { readonly kind: 'demo'; readonly exchange: ExchangeFlags }
  | { readonly kind: 'exchange'; readonly exchange: ExchangeFlags }
  | { readonly kind: 'doctor' }
  /** Only an instance starts one, for itself. */
  | { readonly kind: 'worker'; readonly home: string; readonly place: number }
  | { readonly kind: 'inspect'; readonly file: string; readonly port: number }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'mistake'; readonly text: string }

export interface ExchangeFlags {
  readonly port: number | undefined
  readonly seed: string | undefined
  readonly replay: readonly string[]
  readonly speed: number
  readonly symbols: number | undefined
  readonly rate: number
  readonly hold: boolean
}

const usage = `Tickcast: one exchange socket, any number of readers.

  tickcast serve      one instance, live Binance prices            http://localhost:8080
  tickcast demo       the whole system without network or Redis:   two instances (8080, 8081)
                      and a simulated exchange
  tickcast exchange   the simulated exchange alone, to develop against
  tickcast inspect    opens a recording of the machines in the visualizer
  tickcast doctor     looks whether everything needed is there

  tickcast COMMAND --help   what a command takes
  tickcast --version        which Tickcast this is`

const exchangeHelp = `
  --port P        where the exchange listens (default: any free port)
  --seed S        same seed, same market
  --replay FILE   plays recorded frames instead of the seeded market; may be given twice
  --speed X       of the replay (default 1)
  --hold          the replay waits for POST /sim/replay/start
  --symbols N     how many symbols are listed (default 300)
  --rate X        multiplies the seeded market's trades per second (default 1)

  GET /sim on the exchange (or on the address it names for faults, which answers whatever is
  wrong) lists what can be made to go wrong, and how.`

const settingsHelp = (): string =>
  `\nSettings, from the environment:\n\n${Object.values(settings)
    .map(({ name, fallback, meaning }) => `  ${name.padEnd(28)} ${meaning}${fallback === '' ? '' : ` (default ${fallback})`}`)
    .join('\n')}`

const helpOf: Readonly<Record<string, () => string>> = {
  serve: () => `tickcast serve: one instance, until it is told to stop (SIGTERM or Ctrl-C).\n${settingsHelp()}`,
  demo: () =>
    `tickcast demo: a simulated exchange and two instances; with REDIS_URL they share that Redis.\n${exchangeHelp}\n${settingsHelp()}`,
  exchange: () => `tickcast exchange: a server that speaks Binance's market data protocol.\n${exchangeHelp}`,
  inspect: () => `tickcast inspect FILE: shows a recording in the visualizer, until it is told to stop (Ctrl-C).

  FILE            a recording: saved from the page at /machines, or written by
                  npm run simulate -- --seed S --trace FILE
  --port P        where to listen on this machine (default 8090; 0 takes any free port)`,
  doctor: () => 'tickcast doctor: checks Node, the settings, the exchange (over REST) and Redis, and says what to do about each.',
}

const version = (): string => createRequire(import.meta.url)('tickcast/package.json').version

const mistake = (text: string): Command => ({ kind: 'mistake', text })

export function readCommand(args: readonly string[]): Command {
  const [name = 'help', ...rest] = args
  if (name === 'worker') return readWorker(rest)
  if (name === 'help' || name === '--help' || name === '-h') return { kind: 'help', text: usage }
  if (name === '--version' || name === '-v') return { kind: 'help', text: version() }
  const help = Object.hasOwn(helpOf, name) ? helpOf[name] : undefined
  if (help === undefined) return mistake(`There is no command "${name.slice(0, 40)}". Try: tickcast --help`)
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', text: help() }
  if (name === 'demo' || name === 'exchange') return readExchange(name, rest)
  if (name === 'inspect') return readInspect(rest)
  if (rest.length > 0)
    return mistake(`tickcast ${name} takes no "${rest[0]}"; its settings come from the environment. Try: tickcast ${name} --help`)
  return name === 'doctor' ? { kind: 'doctor' } : { kind: 'serve' }
}

function readExchange(kind: 'demo' | 'exchange', args: readonly string[]): Command {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: text,
        seed: text,
        replay: { type: 'string', multiple: true },
        speed: text,
        symbols: text,
        rate: text,
        hold: { type: 'boolean' },
      },
    })
    const port = readWholeNumber('--port', values.port, 0, 65535)
    const speed = readNumber('--speed', values.speed, 0.01, 1000)
    const symbols = readWholeNumber('--symbols', values.symbols, 1, 20_000)
    const rate = readNumber('--rate', values.rate, 0.01, 1000)
    const { seed, replay = [], hold = false } = values
    return { kind, exchange: { port, seed, replay, speed: speed ?? 1, symbols, rate: rate ?? 1, hold } }
  } catch (error) {
    return mistake(`${error instanceof Error ? error.message.split('. ')[0] : String(error)}. Try: tickcast ${kind} --help`)
  }
}

function readWorker([home, place]: readonly string[]): Command {
  const at = Number(place)
  if (home === undefined || !(at > 0))
    return mistake('A worker is started by an instance: set TICKCAST_WORKERS. Try: tickcast serve --help')
  return { kind: 'worker', home, place: at }
}

function readInspect(args: readonly string[]): Command {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: { port: { type: 'string' } }, allowPositionals: true })
    const [file, ...more] = positionals
    if (file === undefined) return mistake('tickcast inspect needs a file. Try: tickcast inspect --help')
    if (more.length > 0) return mistake('tickcast inspect takes one file. Try: tickcast inspect --help')
    return { kind: 'inspect', file, port: readWholeNumber('--port', values.port, 0, 65535) ?? 8090 }
  } catch (error) {
    return mistake(`${error instanceof Error ? error.message.split('. ')[0] : String(error)}. Try: tickcast inspect --help`)
  }
}

function readNumber(flag: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text) || !(value >= min && value <= max))
    throw new Error(`${flag} ${text.slice(0, 40)} is no number from ${min} to ${max}`)
  return value
}

function readWholeNumber(flag: string, text: string | undefined, min: number, max: number): number | undefined {
  const value = readNumber(flag, text, min, max)
  if (value !== undefined && !Number.isInteger(value)) throw new Error(`${flag} ${value} is no whole number`)
  return value
}
