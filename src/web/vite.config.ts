import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const head = readFileSync(here('shared/head.html'), 'utf8')

/** Both pages, each with its own entry. Nothing is inlined: the policy the pages are served with allows no inline script or style. */
export default defineConfig({
  root: here('.'),
  publicDir: false,
  plugins: [
    { name: 'same-head', transformIndexHtml: { order: 'pre', handler: html => html.replace('<head>\n', `<head>\n${head}`) } },
    // Nothing is painted before the script has drawn: else a page in chosen colours would first flash in the system's.
    {
      name: 'paint-when-drawn',
      transformIndexHtml: { order: 'post', handler: html => html.replace('type="module"', 'type="module" blocking="render"') },
    },
  ],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: here('../../dist/src/web'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { input: { prices: here('prices/index.html'), machines: here('machines/index.html') } },
  },
  // Scripts name files from where they are themselves: the machines' page is also mounted elsewhere, with its files beside it.
  experimental: { renderBuiltUrl: (_, { hostType }) => (hostType === 'js' ? { relative: true } : undefined) },
  worker: { format: 'es' },
  // `npx vite --config src/web/vite.config.ts` beside `npm run demo` shows changes while they are made.
  server: { proxy: { '/v1': 'http://localhost:8080' } },
})
