import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

const program = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url))

/** A real process of the built program. */
export interface Process {
  readonly pid: number
  readonly url: string
  /** Lines of the log so far, as objects. */
  readonly lines: Readonly<Record<string, unknown>>[]
  /** What was printed beside the log. */
  readonly said: string[]
  readonly exitCode: number | null | undefined
  logged(message: string | RegExp): Readonly<Record<string, unknown>>[]
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the route answers; tests look at it
  status(): Promise<any>
  signal(name: NodeJS.Signals): void
  exited(withinMs?: number): Promise<number>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts `tickcast <args>` with these settings and nothing else from the environment that could change it. */
export async function startProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  { isServer = true } = {},
): Promise<Process> {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH, HOME, PORT: '0', LOG_LEVEL: 'info', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const lines: Record<string, unknown>[] = []
  const said: string[] = []
  let exitCode: number | null | undefined
  child.on('exit', code => {
    running.delete(child)
    exitCode = code
  })
  const take = (line: string): void => {
    if (!line.startsWith('{')) return void said.push(line)
    lines.push(JSON.parse(line))
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', take)
  const logged = (message: string | RegExp): Record<string, unknown>[] =>
    lines.filter(({ msg }) => typeof msg === 'string' && (typeof message === 'string' ? msg === message : message.test(msg)))
  let url = ''
  if (isServer) {
    const listening = await until(`${args.join(' ')} listens`, () => {
      if (exitCode !== undefined) throw new Error(`ended with ${exitCode} before it listened: ${said.join(' ')} ${JSON.stringify(lines)}`)
      return logged('listening')[0]
    })
    url = String(listening.url)
  }
  return {
    pid: child.pid ?? 0,
    url,
    lines,
    said,
    logged,
    get exitCode() {
      return exitCode
    },
    status: async () => (await fetch(`${url}/v1/status`)).json(),
    signal: name => void child.kill(name),
    exited: async (withinMs = 10_000) => {
      await until('the process ended', () => exitCode !== undefined, withinMs)
      return exitCode ?? -1
    },
  }
}

/** Ends what a test started, whatever state it is in. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
