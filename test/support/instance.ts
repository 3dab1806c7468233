import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from './root.ts'
import { until } from './until.ts'

const program = join(root, 'dist/src/main.js')
const puppet = join(root, 'test/support/puppet.mjs')

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
  /** Pulls a string of test/support/puppet.mjs. Only of a process started with `strings`. */
  order(order: Order): void
  /** Memory in use, and how late the event loop was since this was last asked. Only with `strings`. */
  measure(): Promise<Measured>
  exited(withinMs?: number): Promise<number>
}

/** What test/support/puppet.mjs does to the process. */
export interface Order {
  readonly blockMs?: number
  readonly jumpMs?: number
}

export interface Measured {
  readonly heapUsed: number
  readonly rss: number
  readonly lateP99Ms: number
  readonly lateMaxMs: number
}

export interface ProcessOptions {
  readonly isServer?: boolean
  readonly strings?: boolean
  /** A command that runs the program, such as `ip netns exec <name>`. */
  readonly within?: readonly string[]
}

/** On a machine that is busy with other tests. */
const startsWithinMs = 30_000

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts `tickcast <args>` with these settings and nothing else from the environment that could change it. */
export async function startProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  { isServer = true, strings = false, within = [] }: ProcessOptions = {},
): Promise<Process> {
  const { PATH = '', HOME = '' } = process.env
  const [command = '', ...rest] = [...within, process.execPath, ...(strings ? ['--expose-gc', '--import', puppet] : []), program, ...args]
  const child: ChildProcess = spawn(command, rest, {
    env: { PATH, HOME, PORT: '0', LOG_LEVEL: 'info', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', ...(strings ? (['ipc'] as const) : [])],
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
  for (const stream of [child.stdout, child.stderr]) if (stream !== null) createInterface({ input: stream }).on('line', take)
  const logged = (message: string | RegExp): Record<string, unknown>[] =>
    lines.filter(({ msg }) => typeof msg === 'string' && (typeof message === 'string' ? msg === message : message.test(msg)))
  let url = ''
  if (isServer) {
    const listening = await until(
      `${args.join(' ')} listens`,
      () => {
        if (exitCode !== undefined) throw new Error(`ended with ${exitCode} before it listened: ${said.join(' ')} ${JSON.stringify(lines)}`)
        return logged('listening')[0]
      },
      startsWithinMs,
    )
    url = String(listening.url)
  }
  const ask = (): Promise<Response> => fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(3000) })
  return {
    pid: child.pid ?? 0,
    url,
    lines,
    said,
    logged,
    get exitCode() {
      return exitCode
    },
    // Once more when a connection that was kept had just been closed.
    status: async () => (await ask().catch(ask)).json(),
    signal: name => void child.kill(name),
    order: order => void child.send(order),
    measure: () =>
      new Promise(resolve => {
        child.once('message', answer => resolve(answer as Measured))
        child.send({ measure: true })
      }),
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
