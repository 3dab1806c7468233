import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { it } from 'vitest'

/** Recorded market data lies beside the project, never in it. */
const folder = new URL('../../../shared/data/', import.meta.url)

export const recorded = (file: string): string => fileURLToPath(new URL(file, folder))

export const recordingsAvailable = existsSync(folder)

/** `it`, or where the recordings are absent one line that says so; with CI=true a failure. */
export function itWithRecordings(name: string, run: () => Promise<void>, timeoutMs?: number): void {
  const missing = `no recorded market data in ${fileURLToPath(folder)}`
  if (recordingsAvailable) it(name, run, timeoutMs)
  else if (process.env.CI === 'true')
    it(name, () => {
      throw new Error(missing)
    })
  else it.skip(`${name} (${missing})`)
}
