#!/usr/bin/env node
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createFront, Socket } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMemoryBus } from './bus/memory-bus.ts'
import { createMemoryTelling } from './bus/memory-telling.ts'
import { createRedisBus } from './bus/redis-bus.ts'
import { createRedisTelling } from './bus/redis-telling.ts'
import type { Telling } from './bus/telling.ts'
import { type ExchangeFlags, readCommand } from './cli.ts'
import { after, systemClock as clock } from './clock.ts'
import { type Config, logLevel, readConfig } from './config.ts'
import { createCrew } from './crew.ts'
import { createMemoryLedger } from './demand/memory-ledger.ts'
import { createRedisLedger } from './demand/redis-ledger.ts'
import { examine } from './doctor.ts'
import { createEmbeddedStore } from './embedded.ts'
import { exhibit } from './exhibit.ts'
import { inspect } from './inspected.ts'
import { createInstance, type Instance, type InstanceOptions } from './instance.ts'
import { createMemoryLease } from './leadership/memory-lease.ts'
import { createRedisLease } from './leadership/redis-lease.ts'
import { createLog } from './log.ts'
import { names } from './names.ts'
import { speakMore } from './protocols.ts'
import { connectCommands } from './redis.ts'
import { closeServer, createServer, listen, withCrew } from './server.ts'
import { startExchange } from './simulator/exchange.ts'
import { startWorker } from './worker.ts'

/** The process: reads the command line and the settings, chooses the parts, and ends in order. The only file that sees everything. */

type Shared = Pick<InstanceOptions, 'bus' | 'lease' | 'ledger'> & { readonly telling: Telling; readonly close: () => Promise<void> }

const log = createLog({ level: logLevel(process.env), isTerminal: process.stdout.isTTY, base: {} })

function fail(...sentences: readonly string[]): never {
  for (const sentence of sentences) console.error(sentence)
  process.exit(1)
}

function crash(error: unknown): never {
  log.fatal({ err: error }, 'a mistake of ours; ending, so that another instance takes over')
  process.exit(70)
}

function configure(overrides: Readonly<Record<string, string>> = {}): Config {
  const read = readConfig({ ...process.env, ...overrides })
  if ('mistakes' in read) fail(...read.mistakes)
  return read.config
}

/** What instances share: an embedded store in this process, or Redis. Each instance has connections of its own to Redis. */
function chooseShared(config: Config): () => Shared {
  const ours = names(config.prefix)
  if (config.redisUrl === '') {
    const store = createEmbeddedStore(clock)
    return () => ({
      bus: createMemoryBus({ store, names: ours }),
      lease: createMemoryLease({ store, names: ours }),
      ledger: createMemoryLedger({ store, names: ours }),
      telling: createMemoryTelling({ clock, store, names: ours }),
      close: async () => {},
    })
  }
  const { redisUrl: url } = config
  const ca = config.redisCa || undefined
  return () => {
    const commands = connectCommands(url, {
      clock,
      ca,
      key: ours.epoch,
      note: change =>
        change.kind === 'connected' ? log.info('Redis connected') : log.warn({ cause: change.cause }, 'Redis lost; still trying'),
    })
    return {
      bus: createRedisBus({ url, ca, commands, clock, names: ours }),
      lease: createRedisLease({ commands, names: ours }),
      ledger: createRedisLedger({ commands, names: ours }),
      telling: createRedisTelling({ url, ca, clock, names: ours }),
      close: commands.close,
    }
  }
}

interface Running {
  readonly instance: Instance
  readonly stop: () => Promise<void>
}

/** Where the workers of an instance find it: for this user only, and gone with the process. */
function makeHome(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'instance')
}

const startProcess = (home: string) => (place: number) =>
  fork(fileURLToPath(import.meta.url), ['worker', home, String(place)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] })

async function run(config: Config, shared: Shared, name: string): Promise<Running> {
  // In Redis, so that one can read there who leads and who wants what; of two processes with the same name one must not take the other for itself.
  const id = `${name}-${randomBytes(8).toString('hex')}`
  const own = log.child({ instance: name })
  const home = config.workers === 0 ? undefined : makeHome()
  const crew =
    home === undefined
      ? undefined
      : createCrew({ clock, size: config.workers, log: own, fork: startProcess(home), doors: () => instance.doors })
  const server = createServer({ clock, config, doors: () => ({ ...withCrew(instance.doors, crew), machines: inspected?.app }) })
  if (home !== undefined) await new Promise<void>(resolve => server.listen(home, resolve))
  const front = crew === undefined ? server : createFront({ pauseOnConnect: true, noDelay: true }, crew.take)
  if (crew === undefined) speakMore(server, clock, config)
  const address = await listen(front, config)
  const instance: Instance = createInstance({
    ...shared,
    clock,
    config,
    name,
    id,
    log: own,
    crashed: crash,
    inspected: text => inspected?.inspection.called(text),
    crew,
    openDoors: opened => {
      void (crew?.start() ?? Promise.resolve()).then(() => {
        own.info({ url: address, bus: shared.bus.kind, workers: config.workers }, 'listening')
        clock.soon(opened)
      })
    },
  })
  const inspected = inspect({ clock, config, name, gateway: instance.gateway, telling: shared.telling })
  instance.start()
  const stop = async (): Promise<void> => {
    await instance.drain()
    inspected?.stop()
    if (front !== server) front.close()
    crew?.close()
    await closeServer(server, clock)
    await shared.bus.close()
    await shared.close()
    own.info('stopped')
  }
  return { instance, stop }
}

/** Ends in order on the first signal, at once on the second. */
function stopOnSignal(stop: () => Promise<void>): void {
  let isStopping = false
  const stopping = (signal: string): void => {
    if (isStopping) process.exit(130)
    isStopping = true
    log.info({ signal }, 'stopping')
    void stop().then(() => process.exit(0), crash)
  }
  process.on('SIGTERM', stopping)
  process.on('SIGINT', stopping)
}

async function serve(): Promise<void> {
  const config = configure()
  const running = await run(config, chooseShared(config)(), config.instanceId || `${hostname()}-${process.pid}`)
  stopOnSignal(running.stop)
}

const simulate = (flags: ExchangeFlags): ReturnType<typeof startExchange> =>
  startExchange({
    clock,
    replay: flags.replay,
    speed: flags.speed,
    rate: flags.rate,
    hold: flags.hold,
    controlPort: 0,
    ...(flags.port !== undefined && { port: flags.port }),
    ...(flags.seed !== undefined && { seed: flags.seed }),
    ...(flags.symbols !== undefined && { symbols: flags.symbols }),
    note: (line, fields) => log.info({ instance: 'exchange', ...fields }, line),
  })

async function demo(flags: ExchangeFlags): Promise<void> {
  const exchange = await simulate(flags)
  const overrides = { TICKCAST_EXCHANGE_WS_URLS: exchange.wsUrl, TICKCAST_EXCHANGE_REST_URLS: exchange.restUrl }
  const config = configure(overrides)
  if (config.port === 65_535) fail('PORT=65535 leaves none for the second instance, which takes the next one.')
  const share = chooseShared(config)
  const first = await run(config, share(), 'one')
  // So that the first one leads, as the README says.
  await after(clock, 200)
  const second = await run({ ...config, port: config.port === 0 ? 0 : config.port + 1 }, share(), 'two')
  log.info({ instance: 'exchange', url: exchange.restUrl, faults: `http://127.0.0.1:${exchange.controlPort}/sim` }, 'simulated exchange')
  stopOnSignal(async () => {
    await Promise.all([first.stop(), second.stop()])
    await exchange.close()
  })
}

async function serveExchange(flags: ExchangeFlags): Promise<void> {
  const exchange = await simulate(flags)
  log.info(
    { rest: exchange.restUrl, websocket: exchange.wsUrl, faults: `http://127.0.0.1:${exchange.controlPort}/sim` },
    'simulated exchange',
  )
  stopOnSignal(() => exchange.close())
}

/** One of the processes that hold the readers of an instance. Only the instance tells it to stop. */
function work({ home, place }: { readonly home: string; readonly place: number }): void {
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => {})
  const config = configure()
  startWorker({
    clock,
    config,
    home,
    place,
    size: config.workers,
    connections: take => process.on('message', (_, socket) => take(socket instanceof Socket ? socket : undefined)),
    ended: () => process.exit(0),
  })
}

/** Only for whoever sits at this machine. */
async function show({ file, port }: { readonly file: string; readonly port: number }): Promise<void> {
  const server = exhibit(file)
  const url = await listen(server, { host: '127.0.0.1', port })
  log.info({ url: `${url}/machines`, file }, 'listening')
  stopOnSignal(() => closeServer(server, clock))
}

async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2))
  switch (command.kind) {
    case 'help':
      return console.log(command.text)
    case 'mistake':
      return fail(command.text)
    case 'serve':
      return serve()
    case 'demo':
      return demo(command.exchange)
    case 'exchange':
      return serveExchange(command.exchange)
    case 'inspect':
      return show(command)
    case 'worker':
      return work(command)
    case 'doctor':
      process.exitCode = await examine({ clock, config: configure() })
  }
}

/** Something about the machine or the command line, which a sentence explains; anything else is ours. */
function isUsers(error: unknown): error is Error {
  const codes = ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT', 'EISDIR', 'ENORECORDING']
  return error instanceof Error && 'code' in error && codes.some(code => code === error.code)
}

process.on('uncaughtException', crash)
process.on('unhandledRejection', crash)
main().catch((error: unknown) => {
  if (isUsers(error)) fail(error.message)
  crash(error)
})
