import { rolesOf } from './status.ts'
import type { World } from './world.ts'

/** How far behind the exchange a reader may be in a calm world. */
const lagMaxMs = 4000

/** What must hold when all is mended and some time has passed. */
export function checkSettled(world: World): void {
  checkRoles(world)
  const held = [...world.exchange.sockets].filter(socket => socket.isHeld)
  // One for each connection of one process, or two where they are about to change.
  const owners = new Set(held.map(socket => socket.clock))
  if (owners.size !== 1) world.trouble(`in the end there are connections of ${owners.size} processes to the exchange`)
  checkDemand(world, new Set(held.flatMap(socket => [...socket.streams])))
  checkReaders(world)
}

function checkRoles(world: World): void {
  const roles = rolesOf(world)
  const leaders = roles.filter(({ status }) => status?.role === 'leader')
  if (leaders.length !== 1)
    world.trouble(
      `in the end ${leaders.length} lead: ${roles.map(({ process, status }) => `${process.name} ${process.state} ${status?.role}`).join(', ')}`,
    )
  for (const { process, status } of roles) {
    if (status?.level !== 'live')
      world.trouble(
        `in the end ${process.name} is ${status?.role} at level ${status?.level}, connection ${status?.connection}, bus ${status?.bus.state}`,
      )
    if (status?.role === 'solo') world.trouble(`in the end ${process.name} is still solo`)
  }
}

function checkDemand(world: World, streams: ReadonlySet<string>): void {
  const pairs = new Set(['BTC/USD', ...world.processes.flatMap(process => [...process.readers].flatMap(reader => reader.pairs))])
  const wanted = [...pairs].flatMap(pair => ['trade', 'ticker'].map(kind => `${pair.replace('/USD', 'usdt').toLowerCase()}@${kind}`)).sort()
  const actual = [...streams].sort()
  if (wanted.join() !== actual.join()) world.trouble(`in the end readers want ${wanted.join(' ')} and subscribed are ${actual.join(' ')}`)
}

function checkReaders(world: World): void {
  for (const process of world.processes) {
    for (const reader of process.readers) {
      for (const pair of reader.pairs) {
        const symbol = world.exchange.symbols.get(pair.replace('/USD', 'USDT'))
        const shown = reader.shown.get(pair)
        if (symbol === undefined) continue
        const isBehind = shown === undefined || (shown.tradeId < symbol.tradeId && symbol.tradedAt < world.now - lagMaxMs)
        if (isBehind)
          world.trouble(
            `in the end ${reader.name} at ${process.name} has ${pair} at trade ${shown?.tradeId}, the exchange at ${symbol.tradeId}`,
          )
        if (reader.pairLevels[pair] !== 'live')
          world.trouble(`in the end ${reader.name} at ${process.name} is told that ${pair} is ${reader.pairLevels[pair]}`)
      }
    }
  }
  const lost = world.readers.filter(reader => reader.seat === undefined)
  if (lost.length > world.readers.length / 2) world.trouble(`in the end ${lost.length} readers have no stream`)
}
