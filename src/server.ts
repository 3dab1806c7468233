import { createServer as createHttp, type Server } from 'node:http'
import type { Server as NetServer } from 'node:net'
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Crew } from './crew.ts'
import { type Forward, isOfInstance } from './forward.ts'
import { unreadable } from './http/answer.ts'
import { createApp, type Doors } from './http/app.ts'
import { type Answer, closeSilent, openDoor } from './http/door.ts'
import { readPages } from './http/pages.ts'
import { createPress } from './http/press.ts'
import { addUp, type Metric, processMetrics, writeMetrics } from './metrics.ts'
import { endSessions } from './protocols.ts'

/** The HTTP server of one instance. `doors` is asked when requests come, not before. */
export function createServer({
  clock,
  config,
  doors,
  elsewhere,
}: {
  readonly clock: Clock
  readonly config: Config
  readonly doors: () => Served
  /** In a worker: who answers what is not about prices. */
  readonly elsewhere?: Forward | undefined
}): Server {
  const pages = readPages(built)
  const opened = (): Omit<Served, 'metrics'> & Pick<Doors, 'metrics'> => {
    const served = doors()
    return { ...served, metrics: () => writeMetrics(addUp([...served.metrics(), ...processMetrics(clock)])) }
  }
  let app: ReturnType<typeof createApp> | undefined
  const answer: Answer = (request, env) => {
    app ??= createApp({
      ...opened(),
      clock,
      adminToken: config.adminToken,
      readersMax: config.readersMax,
      corsOrigins: config.corsOrigins,
      press: config.gzip === 'on' ? createPress() : undefined,
      pages,
    })
    return app.fetch(request, env)
  }
  const listener = getRequestListener(
    (request, env) => {
      if (elsewhere !== undefined && isOfInstance(env.incoming.url ?? '')) {
        const { incoming, outgoing } = env as HttpBindings
        elsewhere(incoming, outgoing)
        return RESPONSE_ALREADY_SENT
      }
      return answer(request, env as HttpBindings)
    },
    {
      // HTTP/1.0, which probes of load balancers speak, has no Host.
      hostname: 'localhost',
      errorHandler: error => (error instanceof RequestError ? unreadable(error.message) : new Response(null, { status: 500 })),
    },
  )
  const server = createHttp(
    // Slow headers are cut early (OWASP, denial of service); none of these bounds a stream that has begun.
    {
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 2000,
      maxHeaderSize: 16 * 1024,
      keepAliveTimeout: 5000,
    },
    listener,
  )
  openDoor(server, { clock, answer })
  return server
}

/** What is served of an instance. */
export type Served = Omit<Doors, 'clock' | 'adminToken' | 'readersMax' | 'corsOrigins' | 'press' | 'pages' | 'metrics'> & {
  readonly metrics: () => readonly Metric[]
}

/** What an instance serves, with what its workers hold added. */
export function withCrew(doors: Served, crew: Crew | undefined): Served {
  if (crew === undefined) return doors
  return {
    ...doors,
    metrics: () => [...doors.metrics(), ...crew.metrics()],
    status: () => {
      const workers = crew.workers()
      return { ...doors.status(), readers: workers.reduce((sum, { readers }) => sum + readers, 0), workers }
    },
  }
}

/** Where the build puts the pages, seen from here as it is built and as it is written. */
const built = new URL(import.meta.url.endsWith('.ts') ? '../dist/src/web/' : './web/', import.meta.url)

/** Connections that wait to be taken; the kernel's own limit (net.core.somaxconn) holds below it. Who finds no room tries again a second later. */
const backlogMax = 65_535

/** Listens, and returns the address to open. A port in use is told in one sentence. */
export function listen(
  server: NetServer,
  { host, port, tlsCert = '' }: { readonly host: string; readonly port: number; readonly tlsCert?: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use; set PORT to another one' : `cannot be listened on (${error.code})`
      reject(Object.assign(new Error(`Port ${port} of ${host} ${why}.`), { code: error.code }))
    })
    server.listen({ host, port, backlog: backlogMax }, () => {
      const address = server.address()
      const actual = typeof address === 'object' && address !== null ? address.port : port
      resolve(`${tlsCert === '' ? 'http' : 'https'}://${host === '127.0.0.1' || host === '0.0.0.0' ? 'localhost' : host}:${actual}`)
    })
  })
}

/** What was already written may take so long to reach the readers. */
const closeMaxMs = 1500

/** Takes no more connections, lets what is written go out, and cuts what is still open then. */
export function closeServer(server: Server, clock: Clock): Promise<void> {
  return new Promise(resolve => {
    const timer = clock.setTimeout(() => {
      server.closeAllConnections()
      endSessions(server, true)
    }, closeMaxMs)
    server.close(() => {
      clock.clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
    endSessions(server, false)
    closeSilent(server)
  })
}
