import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** What is used of a logger. */
export interface Log {
  info(fields: object, line: string): void
  warn(fields: object, line: string): void
}

/** One line per change, never one per price. Coloured sentences in a terminal, JSON lines elsewhere. */
export function createLog(options: {
  readonly level: string
  readonly isTerminal: boolean
  readonly base: Readonly<Record<string, unknown>>
}): Logger {
  const { level, isTerminal, base } = options
  if (!isTerminal)
    return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } })
  return pino(
    { level, base },
    pretty({
      colorize: true,
      translateTime: 'HH:MM:ss.l',
      ignore: 'pid,hostname',
      messageFormat: '{if instance}[{instance}] {end}{msg}',
      singleLine: true,
    }),
  )
}
