import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A step Redis takes as one: nobody sees it half done. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

/** One script, and how it reads in a Redis Cluster. */
export interface Scripts {
  readonly plain: Script
  /** Tells by SPUBLISH, to the subscribers on the server that runs it, where there is such a thing (Redis 7.0). PUBLISH would go to all servers. */
  readonly sharded: Script
}

/** Reads a script at start: `readScript(new URL('./x.lua', import.meta.url))`. */
export function readScript(at: URL): Scripts {
  const lua = readFileSync(at, 'utf8')
  const script = (text: string): Script => ({ lua: text, sha: createHash('sha1').update(text).digest('hex') })
  // A Redis that can tell its version to a script can SPUBLISH: both came with 7.0.
  return {
    plain: script(lua),
    sharded: script(lua.replaceAll("call('PUBLISH'", "call(redis.REDIS_VERSION_NUM and 'SPUBLISH' or 'PUBLISH'")),
  }
}

/** What it needs of an ioredis client. */
export interface Evaluator {
  evalsha(sha: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>
  eval(lua: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>
}

export type RunScript = (script: Script, keys: readonly string[], args: readonly string[]) => Promise<unknown>

/**
 * Runs scripts by digest, and in full when Redis has forgotten them (NOSCRIPT). Calls take effect in the order they were made: while forgotten
 * ones are sent again, later ones wait, else a later price could overtake an earlier one.
 */
export function createRunner(redis: Evaluator): RunScript {
  let underWay = 0
  let resending = false
  let held: (() => void)[] = []

  const settle = (): void => {
    underWay -= 1
    if (underWay > 0) return
    resending = false
    const sends = held
    held = []
    for (const send of sends) send()
  }

  const attempt = async (script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> => {
    underWay += 1
    try {
      const reply = await redis.evalsha(script.sha, keys.length, ...keys, ...args)
      settle()
      return reply
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) {
        settle()
        throw error
      }
      resending = true
      const again = redis.eval(script.lua, keys.length, ...keys, ...args)
      settle()
      return await again
    }
  }

  return (script, keys, args) =>
    resending
      ? new Promise((resolve, reject) => held.push(() => void attempt(script, keys, args).then(resolve, reject)))
      : attempt(script, keys, args)
}
