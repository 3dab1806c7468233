import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { openHouse } from '../support/doors.ts'
import { until } from '../support/until.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const modes = ['pairs=BTC/USD,ETH/USD', 'mode=every&pairs=ETH/USD,BTC/USD', 'pairs=BTC/USD&interval=50', 'pairs=BTC/USD&lastEventId=1-3']
const heads = ['Host: x', 'Host: x\r\nA: b\r\nA: c']

test('of thousands of readers that came, read and left, whichever way, nothing is held', async () => {
  const house = await openHouse()
  const outlets: WeakRef<object>[] = []
  const { join } = house.hub
  Object.assign(house.hub, {
    join: (...[options, outlet]: Parameters<typeof join>) => {
      outlets.push(new WeakRef(outlet))
      return join(options, outlet)
    },
  })
  const [waves, size] = [6, 350]
  let sequence = 0
  for (let wave = 0; wave < waves; wave += 1) {
    const sockets: Socket[] = []
    for (let at = 0; at < size; at += 1) {
      const socket = connect(house.port, '127.0.0.1')
      socket.on('error', () => {})
      // One in seven never reads.
      if (at % 7 > 0) socket.resume()
      socket.write(`GET /v1/stream?${modes[at % modes.length]} HTTP/1.1\r\n${heads[at % heads.length]}\r\n\r\n`)
      sockets.push(socket)
    }
    await until('all have joined', () => house.hub.counts().readers === size)
    for (let price = 0; price < 20; price += 1) {
      sequence += 1
      house.price({ at: sequence, pair: price % 2 === 0 ? 'BTC/USD' : 'ETH/USD' })
    }
    house.clock.advance(100)
    for (const [at, socket] of sockets.entries()) {
      if (at % 3 === 0) socket.resetAndDestroy()
      else if (at % 3 === 1) socket.end()
      else socket.destroy()
    }
    await until('all have left', () => house.hub.counts().readers === 0)
  }
  expect(outlets).toHaveLength(waves * size)
  expect(house.removed).toHaveLength(house.added.length)
  expect(house.hub.counts().apart).toBe(0)
  // What the last ones left in caches and on the stack is no leak: it does not grow.
  await until('they are forgotten', () => {
    collect()
    return outlets.filter(outlet => outlet.deref() !== undefined).length < size / 20
  })
  house.close()
}, 60_000)
