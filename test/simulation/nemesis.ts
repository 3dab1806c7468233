import { type Fault, type FaultKind, moments } from './faults.ts'
import type { SimulatedProcess } from './process.ts'
import { SimulatedReader } from './reader.ts'
import { isLeader } from './status.ts'
import { calmLink, lostMaxMs } from './store.ts'
import type { World } from './world.ts'

/** Does to a world what a fault says; returns what ends it, if it lasts. */
export type Nemesis = Readonly<Record<FaultKind, (process: SimulatedProcess, fault: Fault) => (() => void) | undefined>>

export function createNemesis(world: World): Nemesis {
  const leading = (): SimulatedProcess | undefined => world.processes.find(isLeader)

  /** Waits for a moment picked by the degree. */
  const when = (process: SimulatedProcess, degree: number, then: () => void): (() => void) => {
    const [machine, state] = moments[Math.floor(degree * moments.length)] ?? moments[0]
    return process.when(machine, state, () => {
      if (world.isHealed) return
      world.note('fault', `${process.name} is ${state}`)
      then()
    })
  }

  return {
    crash: process => {
      process.kill()
      return () => process.start()
    },
    stop: process => {
      process.stop()
      return () => process.start()
    },
    pause: process => {
      const { clock } = process
      clock.pause()
      return () => clock.resume()
    },
    'pause-when': (process, { degree, forMs }) => {
      const { clock } = process
      return when(process, degree, () => {
        clock.pause()
        world.line.at(world.line.now + forMs / 3, () => clock.resume())
      })
    },
    'stop-when': (process, { degree, forMs }) =>
      when(process, degree, () => {
        process.stop()
        world.line.at(world.line.now + forMs, () => void (world.isHealed || process.start()))
      }),
    'stop-at-start': process => {
      process.kill()
      process.start()
      process.stop()
      return () => process.start()
    },
    'store-hangs': (process, { degree }) => {
      const { storeLink } = process
      if (degree < 0.5) storeLink.state.hangs = true
      else {
        process.when('relay', 'catching-up', () => Object.assign(storeLink.state, { hangs: !world.isHealed }))
        storeLink.cut()
        world.line.at(world.line.now + 3500, () => storeLink.mend())
      }
      return () => Object.assign(process.storeLink.state, { hangs: false })
    },
    'store-commands-lost': process => {
      process.storeLink.state.losesReplies = 1
      return () => Object.assign(process.storeLink.state, { losesReplies: 0 })
    },
    'store-lines-down': process => {
      process.storeLink.state.hasNoLines = true
      return () => Object.assign(process.storeLink.state, { hasNoLines: false })
    },
    'store-cut-when': (process, { degree, forMs }) => {
      const { storeLink } = process
      const again = when(process, degree, () => {
        storeLink.cut()
        world.line.at(world.line.now + forMs, () => storeLink.mend())
      })
      // What lasts a moment when all is well comes again only after it was not.
      storeLink.cut()
      world.line.at(world.line.now + 3500, () => storeLink.mend())
      return again
    },
    /** The lease is free, and whoever gets it stands still before it hears so. */
    'late-grant': (process, { degree, forMs }) => {
      const state = degree < 0.5 ? 'campaigning' : degree < 0.7 ? 'probing' : 'taking'
      const end = process.when('leadership', state, () => {
        process.clock.pause()
        world.line.at(world.line.now + 3500, () => process.clock.resume())
      })
      const leader = leading()
      if (leader === undefined || leader === process) return end
      if (state === 'taking') {
        // So that nobody else is chosen.
        for (const other of world.processes) if (other !== process && other !== leader) other.clock.pause()
        leader.instance?.doors.handOver()
        world.line.at(world.line.now + 1000, () => {
          for (const { clock } of world.processes) if (clock !== process.clock) clock.resume()
        })
        return end
      }
      leader.kill()
      world.line.at(world.line.now + forMs, () => void (world.isHealed || leader.start()))
      return end
    },
    'leader-stops-when': (process, { degree, forMs }) => {
      const { state } = process.storeLink
      state.delayMs = { min: 20, max: 240 }
      if (degree > 0.5) state.losesReplies = 1
      const end = process.when('leadership', degree > 0.5 ? 'alone' : 'campaigning', () => {
        const leader = leading()
        if (leader === undefined || leader === process || world.isHealed) return
        leader.stop()
        world.line.at(world.line.now + forMs, () => void (world.isHealed || leader.start()))
      })
      return () => {
        end()
        Object.assign(state, { delayMs: calmLink().delayMs, losesReplies: 0 })
      }
    },
    'leader-hangs-and-stops': (_, { degree, forMs }) => {
      const leader = leading()
      if (leader === undefined) return undefined
      const { state } = leader.storeLink
      state.hangs = true
      if (degree > 0.5) state.losesReplies = 1
      world.line.at(world.line.now + (degree > 0.5 ? 1200 + (degree - 0.5) * 2800 : 10), () => void (world.isHealed || leader.stop()))
      world.line.at(world.line.now + forMs + 6000, () => {
        Object.assign(state, { hangs: false, losesReplies: 0 })
        if (!world.isHealed) leader.start()
      })
      return undefined
    },
    /** One process loses the exchange, then the commands, and gets them back in either order. */
    'cut-off': (process, { degree, forMs }) => {
      const { exchangeLink, storeLink } = process
      exchangeLink.isCut = true
      world.line.at(world.line.now + degree * 9000, () => Object.assign(storeLink.state, { losesReplies: 1 }))
      world.line.at(world.line.now + forMs + 12_000, () => Object.assign(storeLink.state, { losesReplies: 0 }))
      world.line.at(world.line.now + forMs + 20_000 * (1 - degree), () => {
        exchangeLink.isCut = false
      })
      return undefined
    },
    'exchange-mute': () => {
      world.exchange.state.mutesNew = true
      return () => {
        world.exchange.state.mutesNew = false
      }
    },
    'exchange-hangs': (process, { degree }) => {
      const hang = (): void => {
        world.exchange.state.hangsNew = !world.isHealed
        world.line.at(world.line.now + 12_000, () => {
          world.exchange.state.hangsNew = false
        })
      }
      if (degree > 0.4) return (leading() ?? process).when('connection', 'opening', hang)
      hang()
      return undefined
    },
    /** Sockets that are open go on; new ones are refused. */
    'exchange-away': (_, { degree }) => {
      world.exchange.state.upgradeStatus = degree < 0.4 ? 503 : 429
      return () => {
        world.exchange.state.upgradeStatus = undefined
      }
    },
    'wall-jump': (process, { degree }) => {
      process.wallOffsetMs = (degree - 0.5) * 7_200_000
      process.clock.setWall(process.wallOffsetMs)
      return undefined
    },
    'store-cut': process => {
      process.storeLink.cut()
      return () => process.storeLink.mend()
    },
    'store-slow': (process, { degree }) => {
      process.storeLink.state.delayMs = { min: degree * 100, max: degree * 350 }
      return () => Object.assign(process.storeLink.state, { delayMs: calmLink().delayMs })
    },
    'store-replies-lost': (process, { degree }) => {
      process.storeLink.state.losesReplies = degree / 2
      return () => Object.assign(process.storeLink.state, { losesReplies: 0 })
    },
    'store-deaf': process => {
      process.storeLink.deafen()
      return undefined
    },
    'store-down': (_, { degree }) => {
      world.server.store.reachable = false
      if (degree > 0.5) world.server.flush()
      return () => {
        world.server.store.reachable = true
      }
    },
    'store-flush': () => {
      world.server.flush()
      return undefined
    },
    'store-failover': (_, { degree }) => {
      world.storeLostWrites()
      void world.server.failOver(degree * lostMaxMs)
      return undefined
    },
    'exchange-cut': process => {
      process.exchangeLink.isCut = true
      return () => {
        process.exchangeLink.isCut = false
      }
    },
    /** All sockets, or one; then for a while perhaps no other takes its place. */
    'exchange-reset': (_, { degree }) => {
      if (degree < 0.4) world.exchange.resetOne(degree * 2.5)
      else world.exchange.reset()
      if (degree < 0.25) {
        world.exchange.state.hangsNew = true
        return () => {
          world.exchange.state.hangsNew = false
        }
      }
      return undefined
    },
    'exchange-silent': () => {
      world.exchange.state.isSilent = true
      return () => {
        world.exchange.state.isSilent = false
      }
    },
    'exchange-refuses': (_, { degree }) => {
      world.exchange.state.upgradeStatus = degree < 0.5 ? 503 : degree < 0.75 ? 429 : 418
      world.exchange.reset()
      return () => {
        world.exchange.state.upgradeStatus = undefined
      }
    },
    'exchange-unreachable': () => {
      world.exchange.state.isUnreachable = true
      world.exchange.reset()
      return () => {
        world.exchange.state.isUnreachable = false
      }
    },
    'exchange-shutdown': (_, { degree }) => {
      world.exchange.shutDown(degree * 10_000)
      return undefined
    },
    'stream-silent': (_, { degree }) => {
      const streams = [...world.exchange.symbols.keys()].flatMap(name => [`${name.toLowerCase()}@trade`, `${name.toLowerCase()}@ticker`])
      const stream = streams[Math.floor(degree * streams.length)] ?? ''
      world.exchange.state.silentStreams.add(stream)
      return () => void world.exchange.state.silentStreams.delete(stream)
    },
    'rest-down': () => {
      world.exchange.state.isRestDown = true
      return () => {
        world.exchange.state.isRestDown = false
      }
    },
    'rest-refuses': (_, { degree }) => {
      world.exchange.state.restStatus = degree < 0.5 ? 429 : 500
      return () => {
        world.exchange.state.restStatus = undefined
      }
    },
    delisting: (_, { degree }) => {
      const symbol = world.exchange.symbols.get(degree < 0.5 ? 'ADAUSDT' : 'SOLUSDT')
      if (symbol !== undefined) symbol.status = 'BREAK'
      return () => void (symbol !== undefined && Object.assign(symbol, { status: 'TRADING' }))
    },
    'readers-slow': (_, { degree }) => {
      const slow = world.readers.filter((__, at) => at / world.readers.length < degree)
      for (const reader of slow) reader.isSlow = true
      return () => {
        for (const reader of slow) reader.isSlow = false
      }
    },
    'readers-storm': () => {
      for (const process of world.processes) for (const reader of [...process.readers]) process.unseat(reader)
      return undefined
    },
    'new-pair': (process, fault) => {
      const base = world.bases[Math.floor(fault.degree * world.bases.length)] ?? 'BTC'
      const parts = {
        name: `late${fault.at}`,
        pairs: [`${base}/USD`],
        mode: 'latest' as const,
        line: world.line,
        chance: world.fork(`late${fault.at}`),
      }
      const reader = new SimulatedReader({ ...parts, trouble: what => world.trouble(what) })
      process.seat(reader)
      return () => process.unseat(reader)
    },
    /** Asked for by an operator; now and then while something else is wrong with whoever succeeds. */
    'hand-over': (process, { degree, forMs }) => {
      const leader = leading()
      if (leader !== undefined && degree > 0.8) {
        // Its commands arrive, and it never hears so; or those of the others take their time; or it is just renewing.
        const { state } = leader.storeLink
        if (degree > 0.94) return leader.when('leadership', 'renewing', () => void leader.instance?.doors.handOver())
        leader.instance?.doors.handOver()
        if (degree > 0.87) {
          state.losesReplies = 1
          return () => Object.assign(state, { losesReplies: 0 })
        }
        for (const other of world.processes) if (other !== leader) other.storeLink.state.delayMs = { min: 150, max: 350 }
        return () => {
          for (const other of world.processes) Object.assign(other.storeLink.state, { delayMs: calmLink().delayMs })
        }
      }
      leader?.instance?.doors.handOver()
      if (degree < 0.3) {
        process.exchangeLink.isCut = true
        return () => {
          process.exchangeLink.isCut = false
        }
      }
      if (degree < 0.6) {
        process.storeLink.state.delayMs = { min: 50, max: 300 }
        return () => Object.assign(process.storeLink.state, { delayMs: calmLink().delayMs })
      }
      if (degree < 0.7) {
        world.line.at(world.line.now + (degree - 0.6) * 20_000, () => void (world.isHealed || process.stop()))
        world.line.at(world.line.now + forMs + 4000, () => void (world.isHealed || process.start()))
      }
      return undefined
    },
    deploy: (_, { forMs }) => {
      for (const [at, process] of world.processes.entries()) {
        world.line.at(world.line.now + at * Math.min(forMs, 4000), () => void (world.isHealed || process.stop()))
        world.line.at(world.line.now + at * Math.min(forMs, 4000) + 3500, () => void (world.isHealed || process.start()))
      }
      return undefined
    },
  }
}
