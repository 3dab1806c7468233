import type { Clock, Timer } from '../clock.ts'

interface Ping {
  readonly payload: string
  readonly deadline: Timer
}

/** The pings of one connection that have not been answered, oldest first. */
export class OpenPings {
  readonly #clock: Clock
  readonly #pongWithinMs: number
  readonly #unanswered: () => void
  readonly #open: Ping[] = []

  constructor(clock: Clock, pongWithinMs: number, unanswered: () => void) {
    this.#clock = clock
    this.#pongWithinMs = pongWithinMs
    this.#unanswered = unanswered
  }

  /** Opens a ping and gives its payload: epoch ms, as the exchange sends it. */
  next(): string {
    const payload = String(Math.round(this.#clock.wall()))
    this.#open.push({ payload, deadline: this.#clock.setTimeout(this.#unanswered, this.#pongWithinMs) })
    return payload
  }

  /** Whether a pong answers an open ping; the pings before that one are then answered too. */
  answered(payload: string): boolean {
    const answered = this.#open.findIndex(ping => ping.payload === payload)
    this.#close(answered + 1)
    return answered >= 0
  }

  forget(): void {
    this.#close(this.#open.length)
  }

  #close(count: number): void {
    for (const ping of this.#open.splice(0, count)) this.#clock.clearTimeout(ping.deadline)
  }
}
