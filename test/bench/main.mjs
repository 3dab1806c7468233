/**
 * `npm run bench -- NAME [--option [value]]`: runs test/bench/NAME.bench.mjs, which exports `run(options)`, and writes what it returns to
 * .cache/bench/NAME.json. Without a name: those that can be run so.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const here = new URL('.', import.meta.url)
const names = readdirSync(here)
  .filter(file => file.endsWith('.bench.mjs') && /^export (async )?function run/m.test(readFileSync(new URL(file, here), 'utf8')))
  .map(file => file.replace('.bench.mjs', ''))

function readOptions(words) {
  const options = {}
  for (let at = 0; at < words.length; at += 1) {
    const name = /^--([a-z-]+)$/.exec(words[at])?.[1]
    if (name === undefined) throw new Error(`${words[at]} is no option`)
    const value = words[at + 1]
    options[name] = value === undefined || value.startsWith('--') ? true : value
    if (options[name] !== true) at += 1
  }
  return options
}

const [first, ...rest] = process.argv.slice(2)
const isNamed = first !== undefined && !first.startsWith('--')
if (isNamed && !names.includes(first)) {
  console.error(`There is no bench ${first}. There are: ${names.join(', ')}.`)
  process.exit(1)
}
for (const name of isNamed ? [first] : names) {
  const { run } = await import(new URL(`${name}.bench.mjs`, here).href)
  const result = await run(readOptions(isNamed ? rest : process.argv.slice(2)))
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, at: new Date().toISOString() }
  mkdirSync('.cache/bench', { recursive: true })
  writeFileSync(`.cache/bench/${name}.json`, `${JSON.stringify({ machine, ...result }, null, 2)}\n`)
}
process.exit(0)
