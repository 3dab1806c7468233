import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { isRepeatable, planOf } from './run.ts'

/** The built simulation, with the production build of every library; coverage.test.ts runs the same with the development builds. */
const program = fileURLToPath(new URL('../../dist/test/simulation/main.js', import.meta.url))

function simulate(...args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        said += text
      })
    }
    child.on('close', code => resolve({ code, said }))
  })
}

/** The same ones each time, so that a red run means a change of ours; `npm run simulate` draws fresh ones. */
it('two hundred worlds keep every promise', async () => {
  const { code, said } = await simulate('--seed', 'calm-2', '--runs', '200')
  console.log(said.trim())
  expect(code, said).toBe(0)
  expect(said).toContain('200 worlds')
}, 240_000)

it('a world is the same twice, whatever goes wrong in it', async () => {
  for (const seed of ['twice/1', 'twice/2', 'twice/3']) expect(await isRepeatable(seed, planOf(seed)), seed).toBe(true)
}, 60_000)

it('a world in trouble says so, with what is needed to see it again', async () => {
  const { code, said } = await simulate('--seed', 'x', '--plan', fileURLToPath(new URL('./not-there.json', import.meta.url)))
  expect(code).toBe(2)
  expect(said).toContain('not-there.json')
}, 20_000)
