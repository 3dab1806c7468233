import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** An HTTP server that can stop listening and start again on the same port. */
export class Listener {
  readonly server: Server
  readonly #host: string
  readonly #sockets = new Set<Socket>()
  #port: number
  #listening = false

  constructor(answer: RequestListener, host: string, port: number) {
    this.#host = host
    this.#port = port
    this.server = createServer(answer)
    this.server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  get port(): number {
    return this.#port
  }

  /** Rejects with the code of the failure (EADDRINUSE) kept. */
  listen(): Promise<void> {
    this.#listening = true
    const { server } = this
    return new Promise((resolve, reject) => {
      const failed = (problem: NodeJS.ErrnoException): void => {
        const sentence = `The simulated exchange cannot listen on ${this.#host}:${this.#port}: ${problem.message}`
        reject(Object.assign(new Error(sentence, { cause: problem }), { code: problem.code }))
      }
      server.once('error', failed)
      server.listen(this.#port, this.#host, () => {
        server.off('error', failed)
        this.#port = (server.address() as AddressInfo).port
        resolve()
      })
    })
  }

  /** Connects are refused from here on and every connection is destroyed. */
  silence(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (!this.#listening) return Promise.resolve()
    this.#listening = false
    return new Promise(resolve => this.server.close(() => resolve()))
  }
}
