import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'
import type { FaultSwitches } from './faults.ts'
import { type RestMarket, ROUTES } from './rest.ts'
import { RestError } from './rest-parameters.ts'
import { count, type Tally } from './stats.ts'
import type { WeightLedger } from './weight.ts'

export interface HttpOptions {
  readonly clock: Clock
  readonly market: RestMarket
  readonly faults: FaultSwitches
  readonly ledger: WeightLedger
  readonly tally: Tally
  /** Answers what is under `/sim`. */
  readonly control: (request: IncomingMessage, response: ServerResponse) => void
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string | number> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json;charset=UTF-8', ...headers })
  response.end(JSON.stringify(body))
}

/** The REST API and, under `/sim`, its control. */
export function createHttp(options: HttpOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { clock, faults, control } = options
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? ''
    if (path === '/sim' || path.startsWith('/sim/')) {
      control(request, response)
      return
    }
    if (faults.restDown) {
      request.socket.destroy()
      return
    }
    if (faults.restDelayMs > 0) clock.setTimeout(() => answer(options, request, response), faults.restDelayMs)
    else answer(options, request, response)
  }
}

function answer(options: HttpOptions, request: IncomingMessage, response: ServerResponse): void {
  const { faults, ledger, tally, market } = options
  const [path = '', query = ''] = (request.url ?? '').split('?', 2)
  const parameters = new URLSearchParams(query)
  const route = request.method === 'GET' ? ROUTES.get(path) : undefined
  if (route) count(tally.rest, path)
  const admission = ledger.charge(request.socket.remoteAddress ?? '', route?.weight(parameters) ?? 1)
  const headers: Record<string, string | number> = { 'X-MBX-USED-WEIGHT': admission.used, 'X-MBX-USED-WEIGHT-1m': admission.used }
  if (faults.restStatus !== null) {
    const limited = faults.restStatus === 429 || faults.restStatus === 418
    if (limited) headers['Retry-After'] = faults.retryAfterS
    sendJson(
      response,
      faults.restStatus,
      { code: limited ? -1003 : -1000, msg: 'An unknown error occurred while processing the request.' },
      headers,
    )
    return
  }
  if (!admission.admitted) {
    count(tally.violations, 'over-weight')
    sendJson(response, admission.status, { code: -1003, msg: admission.msg }, { ...headers, 'Retry-After': admission.retryAfterS })
    return
  }
  if (!route) {
    sendJson(response, 404, { code: -1, msg: `Path ${path}, Method ${request.method ?? ''} is invalid` }, headers)
    return
  }
  try {
    sendJson(response, 200, route.answer(parameters, market), headers)
  } catch (problem) {
    if (!(problem instanceof RestError)) throw problem
    sendJson(response, 400, { code: problem.code, msg: problem.msg }, headers)
  }
}
