import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** Answers a request with what the server at a Unix socket answers, as it comes. */
export type Forward = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/** Of a connection, not of what is said on it (RFC 9110, 7.6.1). */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'trailer'])

const endToEnd = (headers: IncomingMessage['headers']): IncomingMessage['headers'] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !name.startsWith(':')))

export function createForward(socketPath: string): Forward {
  const agent = new Agent({ keepAlive: true })
  return (incoming, outgoing) => {
    const { url: path, method, headers } = incoming
    const asked = request({ agent, socketPath, path, method, headers: endToEnd(headers) }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers))
      answer.on('error', () => outgoing.destroy())
      answer.pipe(outgoing)
    })
    asked.on('error', () => {
      if (outgoing.headersSent) return void outgoing.destroy()
      outgoing.writeHead(503, { 'Content-Type': 'application/problem+json' })
      outgoing.end(
        JSON.stringify({ type: 'about:blank', title: 'Not now', status: 503, detail: 'The instance does not answer; ask again.' }),
      )
    })
    outgoing.on('close', () => asked.destroy())
    incoming.pipe(asked)
  }
}

/** What only the process that holds the machines can answer. */
const ofInstance = /^\/(?:v1\/(?:pairs|status)|health(?:\/ready)?|metrics|admin\/.*|machines(?:\/.*)?)$/

/** `target`: of a request, with its query. */
export const isOfInstance = (target: string): boolean => ofInstance.test(target.split('?', 1)[0] ?? '')
