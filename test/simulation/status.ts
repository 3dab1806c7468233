import type { SnapshotFrom } from 'xstate'
import type { leadershipMachine } from '../../machines/leadership.ts'
import type { SimulatedProcess } from './process.ts'
import type { World } from './world.ts'

/** What `/v1/status` of an instance says, as far as checks ask. */
export interface Status {
  readonly role: string
  readonly level: string
  readonly epoch: number
  readonly connection: string
  readonly bus: { readonly state: string; readonly waiting: number }
}

/** Its machine of leadership, where it runs: asked after every step, so without the rest of its status. */
export const leadershipOf = ({ instance }: SimulatedProcess): SnapshotFrom<typeof leadershipMachine> | undefined =>
  instance?.gateway.system.get('leadership')?.getSnapshot()

export const isLeader = (process: SimulatedProcess): boolean => leadershipOf(process)?.matches('leader') === true

export const statusOf = ({ instance }: SimulatedProcess): Status | undefined => instance?.doors.status() as Status | undefined

export const rolesOf = (world: World): { readonly process: SimulatedProcess; readonly status: Status | undefined }[] =>
  world.processes.map(process => ({ process, status: statusOf(process) }))
