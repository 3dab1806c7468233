import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tickcast-package-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** As `npm install tickcast.tgz` leaves it, but for the dependencies, which are the ones that are here. */
function install(): void {
  const listed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], { cwd: root, encoding: 'utf8' })
  const [{ filename }] = JSON.parse(listed) as [{ filename: string }]
  const target = join(folder, 'node_modules/tickcast')
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', target])
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  mkdirSync(join(folder, 'node_modules/@hono'), { recursive: true })
  for (const name of Object.keys(dependencies)) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
}

/** The example of the README, on a port that is free, saying which. */
function example(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const code = /```js\n(import .*?tickcast\/visualizer.*?)```/s.exec(readme)?.[1] ?? ''
  const onAnyPort = code.replace('port: 3000 })', 'port: 0 }, ({ port }) => console.log(port))')
  if (onAnyPort === code) throw new Error('the README has no example that listens')
  return onAnyPort
}

describe('the package', () => {
  it('shows a system of somebody else as the README says', async () => {
    install()
    writeFileSync(join(folder, 'example.mjs'), example())
    const child = spawn(process.execPath, [join(folder, 'example.mjs')], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      let said = ''
      child.stdout.on('data', text => {
        said += text
      })
      const port = await until('the example listens', () => /^(\d+)\n/.exec(said)?.[1])
      const url = `http://127.0.0.1:${port}/machines`
      expect(await (await fetch(`${url}/config`)).json()).toEqual({
        mode: 'live',
        title: 'traffic light',
        instance: 'traffic light',
        maySend: false,
        needsToken: false,
        hasPrices: false,
      })
      const feed = await fetch(`${url}/feed`)
      const reader = feed.body?.getReader()
      let seen = ''
      while (!/"kind":"step".*light\.red\|xstate\.after\.3000\.light\.red\|0/.test(seen)) {
        const { done, value } = (await reader?.read()) ?? { done: true }
        if (done) break
        seen += new TextDecoder().decode(value as Uint8Array)
      }
      expect(seen).toContain('"actor":"traffic light/light"')
      expect(seen).toContain('"active":["light.green"]')
      await reader?.cancel()
    } finally {
      child.kill()
    }
  })

  it('has types for it', () => {
    writeFileSync(
      join(folder, 'typed.mts'),
      `import { Hono } from 'hono'
import { visualizer, type VisualizerOptions } from 'tickcast/visualizer'
import { createActor, createMachine } from 'xstate'
const options: VisualizerOptions = { title: 'x', maySend: 'token' }
export const app = new Hono().route('/m', visualizer([createActor(createMachine({ id: 'm' }))], options))
// @ts-expect-error a title is needed
visualizer(createActor(createMachine({ id: 'm' })), {})
`,
    )
    const tsc = join(root, 'node_modules/.bin/tsc')
    const flags = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--typeRoots',
      join(root, 'node_modules/@types'),
    ]
    execFileSync(tsc, [...flags, join(folder, 'typed.mts')], { cwd: folder, stdio: 'pipe' })
  })
})
