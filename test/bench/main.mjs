/**
 * `npm run bench`: runs the bench named by the first argument with the options after it, or without a name all of them, one after the other.
 *
 * A bench is a file test/bench/<name>.bench.mjs that exports `title` and `run(options)`. Options are `--name value`, or `--name` alone for true.
 * Common to all: `--quick`, for a look in seconds whose figures say little. What `run` returns is written to .cache/bench/<name>.json with the
 * machine and the date; when it has `broken`, sentences about figures that no longer hold, the command fails.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const here = new URL('.', import.meta.url)
const names = readdirSync(here)
  .filter(file => file.endsWith('.bench.mjs') && /^export (async )?function run/m.test(readFileSync(new URL(file, here), 'utf8')))
  .map(file => file.replace('.bench.mjs', ''))
  .sort()

function readOptions(words) {
  const options = {}
  for (let at = 0; at < words.length; at += 1) {
    const name = /^--([a-z-]+)$/.exec(words[at])?.[1]
    if (name === undefined) throw new Error(`${words[at]} is no option; one looks like --quick or --only storm`)
    const value = words[at + 1]
    options[name] = value === undefined || value.startsWith('--') ? true : value
    if (options[name] !== true) at += 1
  }
  return options
}

async function bench(name, options) {
  const { title, run } = await import(new URL(`${name}.bench.mjs`, here).href)
  console.log(`\n${name}: ${title}\n`)
  const result = (await run(options)) ?? {}
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, at: new Date().toISOString() }
  mkdirSync('.cache/bench', { recursive: true })
  writeFileSync(`.cache/bench/${name}.json`, `${JSON.stringify({ machine, options, ...result }, null, 2)}\n`)
  return result.broken ?? []
}

async function main() {
  const [first, ...rest] = process.argv.slice(2)
  if (first === '--help' || first === 'help') {
    console.log(`npm run bench                 all of them: ${names.join(', ')}
npm run bench -- NAME         one of them
               --only PART    a part of it, where it has parts
               --quick        a look in seconds; its figures say little
               --fetch-peers  fanout: gets the servers it is compared with
               --minutes N    soak: for so long

What was measured is written to .cache/bench/NAME.json. Ends with 1 where a figure of the README is no longer true.`)
    return 0
  }
  const isNamed = first !== undefined && !first.startsWith('--')
  if (isNamed && !names.includes(first)) {
    console.error(`There is no bench ${first}. There are: ${names.join(', ')}.`)
    return 1
  }
  if (!isNamed) console.log(`Benches: ${names.join(', ')}. One alone: npm run bench -- NAME`)
  const options = readOptions(isNamed ? rest : process.argv.slice(2))
  const broken = []
  for (const name of isNamed ? [first] : names) broken.push(...(await bench(name, options)))
  for (const sentence of broken) console.error(`no longer true: ${sentence}`)
  return broken.length === 0 ? 0 : 1
}

process.exit(await main())
