import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const above = (folder: string): string => (existsSync(join(folder, 'package.json')) ? folder : above(dirname(folder)))

/** The folder of the project, also for code that was compiled into dist/. */
export const root = above(dirname(fileURLToPath(import.meta.url)))
