import type { IncomingMessage, ServerResponse } from 'node:http'
import { applyFaults, FAULT_REQUESTS } from './fault-requests.ts'
import { type Faults, faultsNow } from './faults.ts'
import { sendJson } from './http.ts'
import type { ReplayState } from './replay.ts'
import type { ExchangeStats } from './stats.ts'

export interface ControlOptions {
  readonly faults: Faults
  readonly replay: { start(): void; readonly state: ReplayState; readonly sent: number }
  readonly stats: () => ExchangeStats
}

const BODY_BYTES_MAX = 64 * 1024

const HELP = {
  'GET /sim': 'this page: every control, the replay, the faults switched on, the counters',
  'GET /sim/stats': 'the counters alone',
  'POST /sim/faults': 'switches faults: a JSON object of the names below, such as {"silent":true}',
  'POST /sim/replay/start': 'starts a replay that was held',
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    const chunk = Buffer.from(part)
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Error('That is too long for a fault.')
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString()
}

/** What is wrong with the faults asked for, if anything. */
async function switchFaults(request: IncomingMessage, faults: Faults): Promise<string | undefined> {
  try {
    return applyFaults(faults, JSON.parse(await bodyOf(request)))
  } catch (problem) {
    return problem instanceof SyntaxError ? 'That is not JSON; send an object such as {"silent":true}.' : (problem as Error).message
  }
}

/** `/sim`: the exchange's own control, not part of the exchange it imitates. Stays reachable whatever REST does. */
export function createControl({ faults, replay, stats }: ControlOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const replayNow = (): object => ({ state: replay.state, sent: replay.sent })
  const faultHelp = Object.fromEntries([...FAULT_REQUESTS].map(([name, { help, expects }]) => [name, `${help}; ${expects}`]))
  return (request, response) => {
    const wanted = `${request.method} ${request.url?.split('?', 1)[0]}`
    if (wanted === 'GET /sim') {
      sendJson(response, 200, { help: HELP, faultHelp, replay: replayNow(), faults: faultsNow(faults), stats: stats() })
    } else if (wanted === 'GET /sim/stats') {
      sendJson(response, 200, stats())
    } else if (wanted === 'POST /sim/replay/start') {
      replay.start()
      sendJson(response, 200, replayNow())
    } else if (wanted === 'POST /sim/faults') {
      void switchFaults(request, faults).then(wrong =>
        wrong === undefined ? sendJson(response, 200, faultsNow(faults)) : sendJson(response, 400, { error: wrong }),
      )
    } else {
      sendJson(response, 404, { error: `There is no ${wanted}; see GET /sim.` })
    }
  }
}
