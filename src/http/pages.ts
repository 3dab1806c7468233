import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** One file of the built pages. */
export interface Page {
  readonly type: string
  readonly content: Buffer
  readonly etag: string
  readonly cacheControl: string
  /** Compressed when somebody first asks, once. */
  readonly zipped: () => Promise<Buffer>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
}

/** What a page may load and where it may stand: its own files, and nowhere in another page. */
export const pageHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
}

/** Path → file in the built folder. The page at /machines comes with what it shows (src/inspect/). */
const documents = { '/': 'prices/index.html' } as const

/** The path of a page, whether it was built or not. */
export const isDocument = (path: string): boolean => Object.hasOwn(documents, path)

const compress = promisify(gzip)

/** Reads what the build left in `folder`, path → page. A folder without a build gives no page, and no error. */
export function readPages(folder: URL): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>()
  for (const [path, file] of Object.entries(documents)) {
    const url = new URL(file, folder)
    if (existsSync(url)) pages.set(path, readPage(url, 'no-cache'))
  }
  const assets = new URL('assets/', folder)
  if (!existsSync(assets)) return new Map()
  // Their names hold a hash of what is in them: a name never gets another content.
  for (const name of readdirSync(assets))
    pages.set(`/assets/${name}`, readPage(new URL(name, assets), 'public, max-age=31536000, immutable'))
  return pages
}

function readPage(url: URL, cacheControl: string): Page {
  const content = readFileSync(url)
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 22)
  const type = types[extname(fileURLToPath(url))] ?? 'application/octet-stream'
  let zipping: Promise<Buffer> | undefined
  // Weak: the compressed and the plain one are the same page, not the same bytes.
  return { type, content, etag: `W/"${hash}"`, cacheControl, zipped: () => (zipping ??= compress(content)) }
}
