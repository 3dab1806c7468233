import type { Server } from 'node:http'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { createApp, type Doors } from './http/app.ts'
import { type Answer, closeSilent, openDoor } from './http/door.ts'
import { readPages } from './http/pages.ts'

/** The HTTP server of one instance. `doors` is asked when requests come, not before. */
export function createServer({
  clock,
  config,
  doors,
}: {
  readonly clock: Clock
  readonly config: Config
  readonly doors: () => Served
}): Server {
  const pages = readPages(built)
  let app: ReturnType<typeof createApp> | undefined
  const answer: Answer = (request, env) => {
    app ??= createApp({
      ...doors(),
      clock,
      adminToken: config.adminToken,
      readersMax: config.readersMax,
      corsOrigins: config.corsOrigins,
      pages,
    })
    return app.fetch(request, env)
  }
  const server = createAdaptorServer({
    fetch: (request, env) => answer(request, env as HttpBindings),
    // Slow headers are cut early (OWASP, denial of service); none of these bounds a stream that has begun.
    serverOptions: {
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 2000,
      maxHeaderSize: 16 * 1024,
      keepAliveTimeout: 5000,
    },
  }) as Server
  openDoor(server, { clock, answer })
  return server
}

type Served = Omit<Doors, 'clock' | 'adminToken' | 'readersMax' | 'corsOrigins' | 'pages'>

/** Where the build puts the pages, seen from here as it is built and as it is written. */
const built = new URL(import.meta.url.endsWith('.ts') ? '../dist/src/web/' : './web/', import.meta.url)

/** Listens, and returns the address to open. A port in use is told in one sentence. */
export function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use; set PORT to another one' : `cannot be listened on (${error.code})`
      reject(Object.assign(new Error(`Port ${port} of ${host} ${why}.`), { code: error.code }))
    })
    server.listen({ host, port, backlog: 4096 }, () => {
      const address = server.address()
      const actual = typeof address === 'object' && address !== null ? address.port : port
      resolve(`http://${host === '127.0.0.1' || host === '0.0.0.0' ? 'localhost' : host}:${actual}`)
    })
  })
}

/** What was already written may take so long to reach the readers. */
const closeMaxMs = 1500

/** Takes no more connections, lets what is written go out, and cuts what is still open then. */
export function closeServer(server: Server, clock: Clock): Promise<void> {
  return new Promise(resolve => {
    const timer = clock.setTimeout(() => server.closeAllConnections(), closeMaxMs)
    server.close(() => {
      clock.clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
    closeSilent(server)
  })
}
