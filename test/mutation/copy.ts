import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutation } from './mutations.ts'
import { run } from './process.ts'

/** A copy of the project to plant bugs in. What others edit meanwhile does not reach it. */
export interface Copy {
  readonly folder: string
  /** Throws unless every place that shall be changed is there exactly once. */
  check(mutations: readonly Mutation[]): void
  /** Plants a bug and compiles; the returned function puts the file back. Throws if the bug cannot be planted as listed. */
  plant(mutation: Mutation): Promise<() => void>
  compile(): Promise<void>
}

const copied = ['src', 'machines', 'test', 'package.json', 'tsconfig.json', 'README.md', 'LICENSE', 'docker-compose.yml']
const compileMaxMs = 120_000

export function createCopy(project: string, folder: string): Copy {
  mkdirSync(folder, { recursive: true })
  for (const name of copied) if (existsSync(join(project, name))) cpSync(join(project, name), join(folder, name), { recursive: true })
  linkPackages(join(project, 'node_modules'), join(folder, 'node_modules'))
  const pages = join(project, 'dist/src/web')
  const compile = async (): Promise<void> => {
    await compileIn(folder)
    if (existsSync(pages)) cpSync(pages, join(folder, 'dist/src/web'), { recursive: true })
  }
  return {
    folder,
    compile,
    check: mutations => {
      const wrong = mutations.flatMap(mutation => {
        const result = changed(readFileSync(join(folder, mutation.file), 'utf8'), mutation)
        return typeof result === 'string' ? [] : [result.message]
      })
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
    },
    plant: async mutation => {
      const path = join(folder, mutation.file)
      const before = readFileSync(path, 'utf8')
      const after = changed(before, mutation)
      if (typeof after !== 'string') throw after
      writeFileSync(path, after)
      try {
        await compile()
      } catch (error) {
        writeFileSync(path, before)
        throw new Error(`“${mutation.name}” is no mutation, the compiler catches it: ${error instanceof Error ? error.message : error}`)
      }
      return () => writeFileSync(path, before)
    },
  }
}

const countOf = (text: string, find: string): number => text.split(find).length - 1

/** The text with the bug in it; an error where it is not as the list says. */
function changed(text: string, { name, file, changes }: Mutation): string | Error {
  let result = text
  for (const [find, replacement] of changes) {
    const count = countOf(result, find)
    if (count !== 1)
      return new Error(`“${name}” cannot be planted, the list is out of date: ${file} has ${count} times ${JSON.stringify(find)}`)
    result = result.replace(find, () => replacement)
  }
  return result
}

/** Package by package, so that what tools leave beside the packages stays in the copy. */
function linkPackages(from: string, to: string): void {
  mkdirSync(to)
  for (const name of readdirSync(from)) if (name === '.bin' || !name.startsWith('.')) symlinkSync(join(from, name), join(to, name))
}

async function compileIn(folder: string): Promise<void> {
  rmSync(join(folder, 'dist'), { recursive: true, force: true })
  const { code, output } = await run('node', ['node_modules/typescript/bin/tsc', '-p', 'test/mutation/tsconfig.json'], {
    folder,
    withinMs: compileMaxMs,
  })
  if (code !== 0) throw new Error(output.trim().slice(0, 500))
  cpSync(join(folder, 'src'), join(folder, 'dist/src'), {
    recursive: true,
    filter: path => !path.endsWith('.ts') && path !== join(folder, 'src/web'),
  })
}
