/**
 * The programs a comparison needs: the neutral load generator and the bound, built from their C sources beside the project (`../shared/bench`),
 * and the peers, found on this machine or in a folder of their own in the system's temporary folder, never in the tree.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const folder = join(tmpdir(), 'tickcast-bench')
const sources = '../shared/bench'
const nodePeers = ['better-sse@0.16.1', 'hono@4.13.19', '@hono/node-server@2.1.8']
const nchanModule = 'usr/lib/nginx/modules/ngx_nchan_module.so'
const nginxPackages = ['nginx', 'libnginx-mod-nchan']

function finds(program) {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

function compile(name) {
  const source = join(sources, `${name}.c`)
  const made = join(folder, name)
  if (existsSync(made) && statSync(made).mtimeMs > statSync(source).mtimeMs) return made
  execFileSync('cc', ['-O2', '-o', made, source, '-lm'], { stdio: 'inherit' })
  return made
}

/** The load generator and the bound; or, as `missing`, one sentence about what is not there. */
export function buildTools() {
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(sources, 'sse-load.c'))) return { missing: `The load generator is not here: ${sources}/sse-load.c.` }
  for (const program of ['cc', 'taskset'])
    if (finds(program) === undefined) return { missing: `There is no ${program} on the path (apt-get install gcc util-linux).` }
  return { load: compile('sse-load'), bound: compile('cfan') }
}

/** nginx with nchan: installed, or unpacked in the folder. */
export function findNchan() {
  const unpacked = join(folder, 'nchan/usr/sbin/nginx')
  for (const [nginx, root] of [
    [finds('nginx'), '/'],
    [existsSync(unpacked) ? unpacked : undefined, join(folder, 'nchan')],
  ])
    if (nginx !== undefined && existsSync(join(root, nchanModule))) return { nginx, module: join(root, nchanModule) }
  return undefined
}

export const hasNodePeers = () => existsSync(join(folder, 'node_modules/better-sse'))

/** nchan makes a folder that only an installed nginx has, whatever its configuration says; the copy makes a temporary one, of a name as long. */
function moveTemporaryFolder(module) {
  const bytes = readFileSync(module)
  const [theirs, ours] = ['/var/lib/nginx/body', join(tmpdir(), 'tickcast-nchan')]
  const at = bytes.indexOf(theirs)
  if (at < 0 || ours.length !== theirs.length) return
  bytes.write(ours, at, 'latin1')
  writeFileSync(module, bytes)
}

/** Fetches the peers through their ordinary package managers into the folder, and installs nothing. */
export function fetchPeers() {
  mkdirSync(join(folder, 'debs'), { recursive: true })
  execFileSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', ...nodePeers], { stdio: 'inherit' })
  if (findNchan() !== undefined || finds('apt-get') === undefined) return
  execFileSync('apt-get', ['download', ...nginxPackages], { cwd: join(folder, 'debs'), stdio: 'inherit' })
  for (const deb of readdirSync(join(folder, 'debs')))
    execFileSync('dpkg', ['-x', join(folder, 'debs', deb), join(folder, 'nchan')], { stdio: 'inherit' })
  moveTemporaryFolder(join(folder, 'nchan', nchanModule))
}
