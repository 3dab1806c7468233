import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { scenarios } from './fanout/scenarios.mjs'
import { kindsHere, loadCore } from './fanout/servers.mjs'
import { buildTools, fetchPeers, findNchan, hasNodePeers } from './fanout/tools.mjs'

export const title = 'prices to readers, beside a minimal C server and what one could pick instead'

/**
 * Options: `--only NAME[,NAME]` of scenarios.mjs, `--rounds N` (5), `--fetch-peers` first. Every kind of server runs in turn, pinned to one core, the
 * load generator to the other; the median of all rounds counts. A figure of the README that is worse by more than its margin breaks.
 */
export async function run(options) {
  const tools = buildTools()
  if (tools.missing !== undefined) {
    console.log(`${tools.missing} Nothing is compared without it.`)
    return {}
  }
  if (options['fetch-peers'] === true) fetchPeers()
  if (findNchan() === undefined)
    console.log('nchan is not here: npm run bench -- fanout --fetch-peers, or apt-get install libnginx-mod-nchan')
  if (!hasNodePeers()) console.log('better-sse and streamSSE are not here: npm run bench -- fanout --fetch-peers')
  const wanted = typeof options.only === 'string' ? options.only.split(',') : undefined
  const rounds = options.quick ? 1 : Number(options.rounds ?? 5)
  const kinds = kindsHere(tools.bound)
  const figures = {}
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (wanted === undefined ? scenario.isLong && options.quick : !wanted.includes(name)) continue
    console.log(`${name}: ${scenario.title}`)
    figures[name] = await compare(scenario, { kinds, rounds, load: tools.load, isQuick: options.quick === true, dist: options.dist })
  }
  return { rounds, figures, broken: options.quick ? [] : claimsBroken(figures, readFileSync('README.md', 'utf8')) }
}

async function compare(scenario, { kinds, rounds, load, isQuick, dist }) {
  const taken = {}
  for (let round = 0; round < rounds; round += 1)
    for (const [label, { kind, ...more }] of Object.entries(scenario.servers)) {
      if (kinds[kind] === undefined) continue
      const server = await kinds[kind]({ ...more, ...(kind === 'ours' && { dist }) })
      try {
        const sample = await scenario.measure(server, { ...more, isQuick, load: (args, hooks) => runLoad(load, server, args, hooks) })
        taken[label] ??= []
        taken[label].push(sample)
      } catch (error) {
        // What a peer cannot do is its own figure; what we cannot is an error.
        if (kind === 'ours') throw error
        console.log(`  ${label}: ${error.message}`)
      } finally {
        await server.stop()
      }
    }
  const medians = Object.fromEntries(
    Object.entries(taken).map(([label, samples]) => [
      label,
      Object.fromEntries(Object.keys(samples[0]).map(field => [field, median(samples.map(sample => sample[field]))])),
    ]),
  )
  report(scenario, medians)
  return medians
}

const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const shown = value => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))

function report(scenario, medians) {
  const fields = Object.keys(Object.values(medians)[0] ?? {})
  const ratios = Object.keys(medians).filter(label => label !== 'ours')
  console.log(`  ${''.padEnd(18)} ${fields.map(field => field.padStart(16)).join(' ')}`)
  for (const [label, sample] of Object.entries(medians))
    console.log(`  ${label.padEnd(18)} ${fields.map(field => shown(sample[field]).padStart(16)).join(' ')}`)
  const told = ratios.map(label => `${shown(medians.ours[scenario.figure] / medians[label][scenario.figure])} × ${label}`)
  if (medians.ours !== undefined && told.length > 0) console.log(`  ours, ${scenario.figure}: ${told.join(', ')}`)
  console.log()
}

/** Runs the load generator against a server; `connected` is called about when all connections stand. Its report, parsed. */
async function runLoad(program, server, args, { connected = () => {}, afterMs = 0 } = {}) {
  const where = args.includes('-p') ? [] : ['-p', server.path]
  const child = spawn(
    'taskset',
    ['-c', loadCore, program, ...args, ...where, '--pid', server.pids.join(','), `http://127.0.0.1:${server.port}/`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const parts = []
  child.stdout.on('data', part => parts.push(part))
  const timer = setTimeout(connected, afterMs)
  const code = await new Promise(resolve => child.once('exit', resolve))
  clearTimeout(timer)
  const text = Buffer.concat(parts).toString()
  if (code !== 0 && text === '') throw new Error(`the load generator ended with ${code}`)
  return JSON.parse(text)
}

/** Comments in the README claim figures of ours by the names of columns, alone or as so many times a peer's; a measured one may be a fifth worse. */
const margin = 1.2
function claimsBroken(figures, readme) {
  const broken = []
  for (const [, name, claims] of readme.matchAll(/<!-- bench fanout ([a-z0-9-]+) (.*?) -->/g)) {
    if (figures[name] === undefined) continue
    for (const [, field, sign, figure, peer] of claims.matchAll(/(\w+)([<>]=)([\d.]+)(?:x([\w-]+))?/g)) {
      const ours = figures[name].ours?.[field]
      const base = peer === undefined ? 1 : figures[name][peer]?.[field]
      if (ours === undefined || base === undefined) continue
      const worse = sign === '<=' ? ours / base / Number(figure) : Number(figure) / (ours / base)
      if (worse > margin)
        broken.push(`${name}: ${field} is ${shown(ours / base)}${peer === undefined ? '' : ` × ${peer}`}, the README says ${figure}`)
    }
  }
  return broken
}

export const coresHere = () => Number(execFileSync('nproc', { encoding: 'utf8' }))
