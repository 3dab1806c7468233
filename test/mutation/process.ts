import { type ChildProcess, spawn } from 'node:child_process'

export interface Ended {
  /** Undefined: it did not end in time and was killed. */
  readonly code: number | undefined
  readonly output: string
}

const outputMax = 200_000
const running = new Set<ChildProcess>()

/** Runs a program to its end, or kills it and all it started. */
export function run(
  program: string,
  args: readonly string[],
  { folder, withinMs }: { readonly folder: string; readonly withinMs: number },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let output = ''
    let isLate = false
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => {
        output = (output + piece.toString('utf8')).slice(-outputMax)
      })
    const timer = setTimeout(() => {
      isLate = true
      killAll(child)
    }, withinMs)
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ code: isLate ? undefined : (code ?? -1), output })
    })
  })
}

/** The child has a process group of its own. */
function killAll(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

export function killEverythingStarted(): void {
  for (const child of running) killAll(child)
}
