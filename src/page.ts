import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Assets } from './inspect/routes.ts'

/** The built page of the visualizer, with the files it loads. Read once, when it is first asked for. */

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  map: 'application/json',
  woff2: 'font/woff2',
  wasm: 'application/wasm',
}

/** Beside this file when it is built; a test runs it from where it is written. */
const built = new URL(import.meta.url.endsWith('.ts') ? '../dist/src/web/' : './web/', import.meta.url)

let read: Assets | undefined

/** Empty: it is not built. */
export function machinesPage(): Assets {
  read ??= readPage(built)
  return read
}

/** `folder` holds machines/index.html and assets/. */
export function readPage(folder: URL): Assets {
  const index = new URL('machines/index.html', folder)
  const assets = new URL('assets/', folder)
  if (!existsSync(index) || !existsSync(assets)) return new Map()
  const files = readdirSync(assets, { withFileTypes: true }).filter(entry => entry.isFile())
  return new Map([['index.html', readOne(index)], ...files.map(({ name }) => [name, readOne(new URL(name, assets))] as const)])
}

const readOne = (file: URL): { readonly type: string; readonly content: Uint8Array } => ({
  type: types[file.pathname.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
  content: readFileSync(file),
})
