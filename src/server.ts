import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { createApp, type Doors, type Page } from './http/app.ts'

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
  let app: ReturnType<typeof createApp> | undefined
  const server = createAdaptorServer({
    fetch: (request, env) => {
      app ??= createApp({ ...doors(), clock, readersMax: config.readersMax, corsOrigins: config.corsOrigins, pages: pages() })
      return app.fetch(request, env)
    },
    // Slow headers are cut early (OWASP, denial of service); none of these bounds a stream that has begun.
    serverOptions: {
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 2000,
      maxHeaderSize: 16 * 1024,
      keepAliveTimeout: 5000,
    },
  })
  return server as Server
}

type Served = Omit<Doors, 'clock' | 'readersMax' | 'corsOrigins' | 'pages'>

const files = [
  { path: '/', file: 'prices.html', type: 'text/html; charset=utf-8' },
  { path: '/prices.js', file: 'prices.js', type: 'text/javascript; charset=utf-8' },
  { path: '/prices.css', file: 'prices.css', type: 'text/css; charset=utf-8' },
]

const pages = (): ReadonlyMap<string, Page> =>
  new Map(files.map(({ path, file, type }) => [path, { type, content: readFileSync(new URL(`./web/${file}`, import.meta.url)) }]))

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
  })
}
