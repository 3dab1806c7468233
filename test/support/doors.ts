import type { Server } from 'node:http'
import { connect, type Socket } from 'node:net'
import { type Board, createBoard } from '../../src/board/board.ts'
import { createGate } from '../../src/board/gate.ts'
import { createHub, type Hub } from '../../src/board/hub.ts'
import { createStays, type Stays } from '../../src/board/stays.ts'
import { readConfig } from '../../src/config.ts'
import { createWanted, type Wanted } from '../../src/demand/wanted.ts'
import type { Standing } from '../../src/http/app.ts'
import { gauge } from '../../src/metrics.ts'
import type { Level } from '../../src/price.ts'
import { endSessions, speakMore } from '../../src/protocols.ts'
import { closeServer, createServer, listen } from '../../src/server.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { type UpdateOptions, updateOf } from './outlet.ts'
import { until } from './until.ts'

/** The HTTP side of an instance on a real port, with a clock that stands still and an exchange that is only said. */
export interface House {
  readonly url: string
  readonly port: number
  readonly clock: FakeClock
  readonly board: Board
  readonly hub: Hub
  readonly stays: Stays
  readonly wanted: Wanted
  readonly standings: Map<string, Standing>
  readonly levels: Map<string, Level>
  handOver: () => boolean
  unready: string[]
  /** How often each pair was added and removed. */
  readonly added: string[]
  readonly removed: string[]
  price(options: UpdateOptions): void
  close(): void
  /** As an instance does it. */
  leave(): Promise<void>
}

export async function openHouse(environment: Readonly<Record<string, string>> = {}): Promise<House> {
  const clock = fakeClock()
  const levels = new Map<string, Level>()
  const standings = new Map<string, Standing>()
  const read = readConfig({ PORT: '0', TICKCAST_PAIRS: 'BTC/USD', ...environment })
  if ('mistakes' in read) throw new Error(read.mistakes.join(' '))
  const { config } = read
  const levelOf = (pair: string): Level => levels.get(pair) ?? 'live'
  const board = createBoard(clock, entry => hub.changed(entry))
  const hub = createHub({ clock, board, levelOf, status: () => ({ level: 'live', role: 'leader', since: 5 }) })
  const stays = createStays({ clock, hub, ...config })
  const gate = createGate({ clock, ...config })
  const ledger = {
    announce: async () => ({ kind: 'noted' }) as const,
    withdraw: async () => ({ kind: 'noted' }) as const,
    ask: async () => ({ kind: 'noted' }) as const,
    union: async () => ({ kind: 'read', wanted: new Map() }) as const,
  }
  const nothing = (): void => {}
  const counted = createWanted({
    clock,
    ledger,
    instance: 'me',
    held: config.pairs,
    lingerMs: 1000,
    changedHere: nothing,
    changedEverywhere: nothing,
  })
  const added: string[] = []
  const removed: string[] = []
  const wanted: Wanted = {
    ...counted,
    add: pair => {
      const isAdded = counted.add(pair)
      if (isAdded) added.push(pair)
      return isAdded
    },
    remove: pair => {
      removed.push(pair)
      counted.remove(pair)
    },
  }
  const house = { unready: [] as string[], handOver: (): boolean => false }
  const server: Server = createServer({
    clock,
    config,
    doors: () => ({
      board,
      hub,
      stays,
      gate,
      wanted,
      levelOf,
      handOver: () => house.handOver(),
      resolve: pair => standings.get(pair) ?? { kind: 'trading', symbol: pair.replace('/', '') },
      search: (text, limit) => [{ pair: 'BTC/USD', symbol: `${text}:${limit}`, status: 'TRADING' }],
      status: () => ({ instance: 'me' }),
      unready: () => house.unready,
      metrics: () => [gauge('readers', 'Streams open now.', hub.counts().readers)],
    }),
  })
  speakMore(server, clock, config)
  const url = (await listen(server, { ...config, host: '127.0.0.1', port: 0 })).replace('localhost', '127.0.0.1')
  return Object.assign(house, {
    url,
    port: Number(new URL(url).port),
    clock,
    board,
    hub,
    stays,
    wanted,
    standings,
    levels,
    added,
    removed,
    price: (options: UpdateOptions) => {
      board.apply(updateOf(options), clock.wall())
      clock.advance(0)
    },
    leave: () => closeServer(server, clock),
    close: () => {
      hub.stop()
      server.close()
      server.closeAllConnections()
      endSessions(server, true)
    },
  })
}

/** A connection on which bytes are said and heard as they are. */
export interface Wire {
  readonly socket: Socket
  send(text: string): void
  heard(): Buffer
  readonly isOver: boolean
  /** Waits until this text has been heard, and returns all. */
  hears(text: string, times?: number): Promise<string>
}

export async function openWire(port: number): Promise<Wire> {
  const parts: Buffer[] = []
  const state = { isOver: false }
  const socket = connect(port, '127.0.0.1')
  socket.on('data', part => parts.push(part))
  socket.on('close', () => {
    state.isOver = true
  })
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('connect', resolve))
  const heard = (): Buffer => Buffer.concat(parts)
  return {
    socket,
    send: text => void socket.write(text),
    heard,
    get isOver() {
      return state.isOver
    },
    hears: (text, times = 1) =>
      until(`the wire says ${JSON.stringify(text)} ${times} times, after ${JSON.stringify(heard().toString().slice(-300))}`, () => {
        const all = heard().toString()
        return all.split(text).length > times && all
      }),
  }
}

/** Head and body of the first response in these bytes. */
export function splitResponse(bytes: Buffer): { readonly head: string; readonly body: Buffer } {
  const end = bytes.indexOf('\r\n\r\n')
  return { head: bytes.subarray(0, end).toString('latin1'), body: bytes.subarray(end + 4) }
}
