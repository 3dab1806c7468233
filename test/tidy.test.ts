import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { mutations } from './mutation/mutations.ts'

/** The rules about the code, as a test. What each rule is for stands beside it. */

const root = fileURLToPath(new URL('..', import.meta.url))
const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)).split('\\').join('/'))

const code = [...files('src'), ...files('machines')].filter(file => /\.tsx?$/.test(file))
const text = new Map(code.map(file => [file, readFileSync(join(root, file), 'utf8')]))

interface Import {
  readonly target: string
  readonly isType: boolean
}

/** What a file imports: project files as paths from the root, libraries by name. */
function importsOf(file: string): Import[] {
  const found = (text.get(file) ?? '').matchAll(
    /^(?:import|export)\s+(type\s+)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm,
  )
  return [...found].map(([, type, named, bare, dynamic]) => {
    const target = named ?? bare ?? dynamic ?? ''
    return { target: target.startsWith('.') ? posix.normalize(posix.join(dirname(file), target)) : target, isType: type !== undefined }
  })
}

const nouns = ['exchange', 'leadership', 'bus', 'demand', 'board', 'http', 'inspect', 'simulator', 'web']
/** Files of src/ itself that any room may use: words and tools without a life of their own. */
const vocabulary = [
  'clock',
  'price',
  'names',
  'embedded',
  'redis',
  'redis-cause',
  'redis-follower',
  'redis-place',
  'redis-script',
  'redis-url',
  'redis-wire',
]
const libraryOf: Readonly<Record<string, readonly string[]>> = {
  exchange: ['ws', 'zod'],
  simulator: ['ws'],
  bus: ['ioredis'],
  leadership: ['ioredis'],
  demand: ['ioredis'],
  http: ['hono', '@hono/node-server'],
  web: ['preact', '@preact/signals', 'xstate', 'elkjs'],
  inspect: ['xstate', 'hono'],
}
/** Machines whose types a room speaks. */
const machineOf: Readonly<Record<string, string>> = { exchange: 'connection', leadership: 'leadership', bus: 'relay' }
/** What of the rest a page runs: it touches nothing a browser lacks. */
const browserSafe = ['src/inspect/brief.ts', 'src/inspect/coverage.ts', 'src/inspect/deciding.ts', 'src/inspect/replay.ts']
/** Files of src/ itself that join the rooms, in reading order. They may see rooms and each other, main.ts sees all. */
const joints = [
  'main',
  'server',
  'instance',
  'actors',
  'upstream',
  'downstream',
  'path',
  'levels',
  'missed',
  'succession',
  'visits',
  'notices',
  'metrics',
  'crew',
  'worker',
  'worker-words',
  'tube',
  'forward',
  'protocols',
  'heartbeat',
  'pulse',
  'diary',
  'status',
  'doctor',
  'exhibit',
  'inspected',
  'page',
  'visualizer',
]
const openFiles: Readonly<Record<string, readonly string[]>> = {
  cli: ['src/config.ts'],
  config: ['src/exchange/exchange.ts', 'src/price.ts', 'src/redis-url.ts', 'src/setting.ts'],
  setting: ['src/exchange/symbols.ts', 'src/redis-url.ts'],
  log: [],
}
const librariesOfJoints = ['xstate', 'hono', 'pino', 'pino-pretty', 'zod', '@hono/node-server']

const isLibrary = (target: string, names: readonly string[]): boolean =>
  names.some(name => target === name || target.startsWith(`${name}/`))

function outsideNode(file: string): string | undefined {
  if (file.startsWith('machines/')) return 'a machine touches nothing'
  return file.startsWith('src/web/') ? 'a browser has no Node' : undefined
}

/** Why this import is not allowed; undefined: it is. */
function objection(file: string, { target, isType }: Import): string | undefined {
  if (file === 'src/web/vite.config.ts') return undefined
  if (target.startsWith('node:')) return outsideNode(file)
  if (file.startsWith('machines/'))
    return target === 'xstate' || target.startsWith('machines/') ? undefined : 'a machine imports xstate and machines only'
  const [, room = '', inner] = file.split('/')
  if (target === 'src/main.ts' || target.startsWith('test/')) return 'nothing imports main or test'
  const from = target.split('/')
  const name = (inner === undefined ? room : '').replace('.ts', '')
  if (inner !== undefined) return objectionInRoom(room, target, isType)
  if (joints.includes(name))
    return target.startsWith('src/') || target.startsWith('machines/') || isLibrary(target, librariesOfJoints)
      ? undefined
      : 'no library of a joint'
  if (openFiles[name] !== undefined)
    return openFiles[name].includes(target) || isLibrary(target, librariesOfJoints) ? undefined : 'not among what this file may see'
  if (vocabulary.includes(name))
    return from[0] !== 'src' || vocabulary.includes((from[1] ?? '').replace('.ts', '')) ? undefined : 'vocabulary knows no room'
  return 'a file no rule covers'
}

function objectionInRoom(room: string, target: string, isType: boolean): string | undefined {
  if (!nouns.includes(room)) return 'a room no rule covers'
  if (target.startsWith(`src/${room}/`)) return undefined
  if (room === 'web' && target.startsWith('src/') && !isType && !browserSafe.includes(target)) return 'a page uses only types of the rest'
  if (room === 'web' && (target.startsWith('src/inspect/') || target.startsWith('machines/'))) return undefined
  if (room === 'inspect' && target.startsWith('src/')) return 'inspect sees nothing of src'
  if (/^src\/[^/]+\.ts$/.test(target)) return vocabulary.includes(target.slice(4, -3)) ? undefined : 'rooms use vocabulary only'
  if (room === 'http' && /^src\/(board|demand)\//.test(target)) return undefined
  if (target === `machines/${machineOf[room]}.ts`) return isType ? undefined : 'only types of its machine'
  return isLibrary(target, libraryOf[room] ?? []) ? undefined : 'neither its own, nor vocabulary, nor its library'
}

describe('who may import whom', () => {
  it('every import is allowed, and every file is covered by a rule', () => {
    const wrong = code.flatMap(file =>
      importsOf(file).flatMap(one => (objection(file, one) === undefined ? [] : [`${file} → ${one.target}: ${objection(file, one)}`])),
    )
    expect(wrong).toEqual([])
  })

  it('the imports are seen at all', () => {
    expect(importsOf('src/main.ts').length).toBeGreaterThan(15)
    expect(importsOf('machines/gateway.ts').map(({ target }) => target)).toContain('machines/relay.ts')
  })

  it('there are no cycles', () => {
    const cycles: string[] = []
    const done = new Set<string>()
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) return void cycles.push([...trail.slice(trail.indexOf(file)), file].join(' → '))
      if (done.has(file)) return
      for (const { target, isType } of importsOf(file)) if (!isType && text.has(target)) visit(target, [...trail, file])
      done.add(file)
    }
    for (const file of code) visit(file, [])
    expect(cycles).toEqual([])
  })
})

/** Text of the code without comments and strings. */
const bare = (file: string): string => (text.get(file) ?? '').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'(?:\\.|[^'\\])*'/g, "''")

const findings = (pattern: RegExp, except: readonly string[] = [], among = code): string[] =>
  among
    .filter(file => !except.includes(file))
    .flatMap(file =>
      bare(file)
        .split('\n')
        .flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1} ${line.trim()}`] : [])),
    )

describe('rules of the house', () => {
  it('time, chance and the environment come in through clock.ts, config.ts and main.ts only', () => {
    const pattern =
      /(?<![.\w])(setTimeout|setInterval|setImmediate)\((?!then, ms\) \{)|\bDate\.now\b|\bperformance\.now\b|\bMath\.random\b|\bprocess\.env\b|new Date\(\)/
    const ours = code.filter(file => !file.startsWith('src/web/'))
    expect(findings(pattern, ['src/clock.ts', 'src/config.ts', 'src/main.ts'], ours)).toEqual([])
  })

  it('a page writes no markup and runs no text', () => {
    const pages = code.filter(file => file.startsWith('src/web/'))
    expect(pages.length).toBeGreaterThan(2)
    expect(findings(/innerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(|\bprocess\./, [], pages)).toEqual([])
  })

  it('there are no default exports, barrels or base classes', () => {
    expect(findings(/export default|export \* from|\bclass \w+ extends /, ['src/web/vite.config.ts'])).toEqual([])
  })

  it('no name is vague', () => {
    // exchangeInfo is the exchange's own word.
    const vague = /\b(const|let|function|class|interface|type)\s+(?!exchangeInfo)\w*(manager|handler|service|helper|util|info)\w*/i
    expect(findings(vague)).toEqual([])
    expect(code.filter(file => /(manager|handler|service|helper|util|info)/i.test(file))).toEqual([])
  })

  it('a file can be read in one go', () => {
    const long = code.filter(file => (text.get(file) ?? '').split('\n').length > 300)
    expect(long).toEqual([])
  })

  it('no state is called error, and no machine holds a literal wait', () => {
    const machines = code.filter(file => file.startsWith('machines/'))
    for (const file of machines) {
      expect(bare(file)).not.toMatch(/\berror: \{/)
      expect(bare(file)).not.toMatch(/after: \{\s*\d/)
    }
  })

  it('every dependency has its reason in the README', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(name => !readme.includes(`\`${name}\``))
    expect(missing).toEqual([])
  })

  it('the settings in the README are the ones the code reads', async () => {
    const { settingsTable } = await import('../src/config.ts')
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(settingsTable())
  })

  it('only the agreed files stand at the top', () => {
    const allowed = [
      'LICENSE',
      'README.md',
      'docker-compose.yml',
      'machines',
      'package-lock.json',
      'package.json',
      'src',
      'test',
      'tsconfig.json',
      'node_modules',
      'dist',
    ]
    expect(readdirSync(root).filter(name => !name.startsWith('.') && !allowed.includes(name))).toEqual([])
  })

  it('every bug that npm run mutate plants still has its place', () => {
    const lost = mutations.flatMap(({ name, file, changes }) => {
      const source = readFileSync(join(root, file), 'utf8')
      return changes.filter(([find]) => source.split(find).length !== 2).map(([find]) => `${name}: ${find}`)
    })
    expect(lost).toEqual([])
  })
})
