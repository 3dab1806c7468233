import type { Hono } from 'hono'
import type { Telling } from './bus/telling.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { permissionOf } from './http/admin.ts'
import { createInspection, type Inspection } from './inspect/inspection.ts'
import { inspectApp } from './inspect/routes.ts'
import type { Instance } from './instance.ts'
import { machinesPage } from './page.ts'

/** The machines of an instance, behind glass: what stands at /machines. */
export interface Inspected {
  readonly app: Hono
  readonly inspection: Inspection
  /** Ends every view. */
  stop(): void
}

export interface InspectedOptions {
  readonly clock: Clock
  readonly config: Config
  readonly name: string
  readonly gateway: Instance['gateway']
  readonly telling: Telling | undefined
}

/** Undefined: the settings say that nobody may look. */
export function inspect({ clock, config, name, gateway, telling }: InspectedOptions): Inspected | undefined {
  if (config.inspect === 'off') return undefined
  const inspection = createInspection({ clock, instance: name, title: name, roots: [{ name: 'gateway', actor: gateway }], telling })
  const maySend = (authorization: string | undefined) => permissionOf(authorization, config.adminToken)
  const { app, stop } = inspectApp({ mode: 'live', clock, inspection, maySend, hasPrices: true }, machinesPage)
  return {
    app,
    inspection,
    stop: () => {
      stop()
      inspection.stop()
      telling?.close()
    },
  }
}
