/**
 * Board, hub and mailboxes with readers that take and drop. Each update is flushed by itself (as when quiet), or 20 at a time (as when busy).
 * `--dist FOLDER`: another build.
 */
import { pathToFileURL } from 'node:url'

export const title = 'what one delivery costs before the socket'

const readers = 1000
const updates = 1000
const pairs = Array.from({ length: 20 }, (_, index) => `P${index}/USD`)

function measure({ createBoard, createHub }, { perFlush, mode, intervalMs, isBlocked }) {
  let soon
  let now = 0
  const clock = {
    now: () => now,
    wall: () => now,
    setTimeout: () => 1,
    clearTimeout: () => {},
    soon: then => {
      soon = then
    },
    random: () => 0,
  }
  let hub
  const board = createBoard(clock, entry => hub.changed(entry))
  hub = createHub({ clock, board, levelOf: () => 'live', status: () => ({ level: 'live', role: 'leader', since: 0 }) })
  let written = 0
  const outlet = () => ({
    write: frames => {
      written += frames.length
      return !isBlocked
    },
    end: () => {},
    cut: () => {},
    waitingBytes: 0,
  })
  const seats = Array.from({ length: readers }, () => hub.join({ pairs, mode, intervalMs, preface: '', after: undefined }, outlet()))
  const bodies = pairs.map(
    pair =>
      `"cause":"trade","pair":"${pair}","symbol":"BTCUSDT","price":"61837.64000000","bid":"61837.63000000","tradeId":1,"receivedAt":1,"source":"websocket","level":"live","cached":false}`,
  )
  let sequence = 0
  const round = () => {
    for (let index = 0; index < updates; index += 1) {
      const at = index % pairs.length
      sequence += 1
      const body = mode === 'every' ? bodies[at].replace('"tradeId":1', `"tradeId":${sequence}`) : bodies[at]
      board.apply({ pair: pairs[at], at: { epoch: 1, sequence }, prev: 0, cause: 'trade', body }, 1)
      if ((index + 1) % perFlush !== 0) continue
      now += 1
      soon?.()
      soon = undefined
    }
  }
  for (let warm = 0; warm < 3; warm += 1) round()
  const began = process.cpuUsage()
  for (let times = 0; times < 5; times += 1) round()
  const { user, system } = process.cpuUsage(began)
  const ns = ((user + system) * 1000) / (5 * updates * readers)
  for (const seat of seats) seat.leave()
  hub.stop()
  return { ns, written }
}

const cases = [
  ['latest, one by one', { perFlush: 1, mode: 'latest', intervalMs: 0, isBlocked: false }],
  ['latest, twenty at once', { perFlush: 20, mode: 'latest', intervalMs: 0, isBlocked: false }],
  ['latest, sixty at once', { perFlush: 60, mode: 'latest', intervalMs: 0, isBlocked: false }],
  ['latest, blocked', { perFlush: 20, mode: 'latest', intervalMs: 0, isBlocked: true }],
  ['interval 100 ms', { perFlush: 1, mode: 'latest', intervalMs: 100, isBlocked: false }],
  ['every, one by one', { perFlush: 1, mode: 'every', intervalMs: 0, isBlocked: false }],
]

export async function run({ dist = 'dist' }) {
  const load = path => import(new URL(path, pathToFileURL(`${dist}/`)).href)
  const parts = { ...(await load('src/board/board.js')), ...(await load('src/board/hub.js')) }
  const nanos = {}
  for (const [name, options] of cases) {
    nanos[name] = measure(parts, options).ns
    console.log(`${name.padEnd(24)} ${nanos[name].toFixed(1).padStart(8)} ns per reader and update`)
  }
  return { nanos }
}
