/** Real Redis servers for tests, each started on a port of its own and ended with the test process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

export const noRedis = 'no Redis server found: apt-get install redis-server (or valkey-server)'

const onPath = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(existsSync)

export const redisBinary = process.env.REDIS_SERVER_BIN ?? onPath('redis-server') ?? onPath('valkey-server')

/** Whether a server can be started. With CI=true its absence is an error instead: nothing may be skipped there. */
export const redisAvailable =
  redisBinary !== undefined && (redisBinary.includes('/') ? existsSync(redisBinary) : onPath(redisBinary) !== undefined)
if (!redisAvailable) {
  if (process.env.CI === 'true') throw new Error(noRedis)
  console.warn(noRedis)
}

export interface RedisServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>
  /** SIGKILL; `restart` brings it back, empty. */
  kill(): Promise<void>
  restart(): Promise<void>
  pause(): void
  resume(): void
  /** Sends one command as text, such as `FLUSHALL`, and returns the first line of the reply. */
  command(text: string): Promise<string>
}

export interface RedisServerOptions {
  readonly password?: string
  /** Files (PEM): it speaks TLS and nothing else, which `command` does not. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string } | undefined
  readonly args?: readonly string[]
  /** Writes what the server needs into its folder; the arguments it returns go first. */
  readonly prepare?: (folder: string) => readonly string[]
  /** What the server prints when it is ready. */
  readonly ready?: RegExp
}

const running = new Set<ChildProcess>()
const folders = new Set<string>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export async function startRedis({
  password,
  tls,
  args = [],
  prepare,
  ready = /Ready to accept connections/,
}: RedisServerOptions = {}): Promise<RedisServer> {
  if (redisBinary === undefined || !redisAvailable) throw new Error(noRedis)
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-redis-'))
  folders.add(folder)
  const start: Launch = {
    server: redisBinary,
    folder,
    first: prepare?.(folder) ?? ['--save', '', '--appendonly', 'no'],
    args: password === undefined ? args : ['--requirepass', password, ...args],
    ready,
    tls,
  }
  let { child, port } = await launchSomewhere(start)

  const end = async (): Promise<void> => {
    if (!running.has(child)) return
    const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
    child.kill('SIGKILL')
    await ended
  }
  return {
    url: `${tls === undefined ? 'redis' : 'rediss'}://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0
    },
    stop: async () => {
      await end()
      rmSync(folder, { recursive: true, force: true })
      folders.delete(folder)
    },
    kill: end,
    restart: async () => {
      await end()
      for (let attempt = 0; attempt < 20; attempt += 1) {
        const again = await launch(start, port)
        if (again === undefined) continue
        child = again
        return
      }
      throw new Error(`Redis did not start again on port ${port}`)
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    command: text => ask(port, password === undefined ? text : `AUTH ${password}\r\n${text}`, password === undefined ? 1 : 2),
  }
}

interface Launch {
  readonly server: string
  readonly folder: string
  readonly first: readonly string[]
  readonly args: readonly string[]
  readonly ready: RegExp
  readonly tls: RedisServerOptions['tls']
}

async function launchSomewhere(start: Launch): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const port = await freePort()
    const child = await launch(start, port)
    if (child !== undefined) return { child, port }
  }
  throw new Error(`${start.server} did not start on any of ten ports`)
}

/** Undefined: it ended at once, most often because the port was taken meanwhile. */
function launch({ server, folder, first, args, ready, tls }: Launch, port: number): Promise<ChildProcess | undefined> {
  const at = tls === undefined ? ['--port', String(port)] : ['--port', '0', '--tls-port', String(port), ...tlsArgs(tls)]
  const fixed = [...at, '--bind', '127.0.0.1', '--dir', folder]
  const child = spawn(server, [...first, ...fixed, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  running.add(child)
  return new Promise(resolve => {
    let log = ''
    child.once('error', () => resolve(undefined))
    child.once('exit', () => {
      running.delete(child)
      resolve(undefined)
    })
    child.stdout?.on('data', (chunk: Buffer) => {
      if (log.length < 100_000) log += chunk.toString()
      if (ready.test(log)) resolve(child)
    })
  })
}

const tlsArgs = ({ ca, certificate, key }: NonNullable<RedisServerOptions['tls']>): readonly string[] => [
  '--tls-ca-cert-file',
  ca,
  '--tls-cert-file',
  certificate,
  '--tls-key-file',
  key,
  '--tls-auth-clients',
  'no',
]

/** Below 32768, where no outgoing connection of this machine takes ports. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (await isFree(port)) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

function ask(port: number, text: string, replies: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${text}\r\n`))
    let reply = ''
    socket.setTimeout(2000, () => socket.destroy(new Error(`no answer to ${text}`)))
    socket.on('error', reject)
    // A server that is demoted closes its connections without a word.
    socket.on('close', () => reject(new Error(`closed without an answer to ${text}`)))
    socket.on('data', (chunk: Buffer) => {
      reply += chunk.toString()
      const lines = reply.split('\r\n')
      if (lines.length <= replies) return
      socket.destroy()
      resolve(lines[replies - 1] ?? '')
    })
  })
}
