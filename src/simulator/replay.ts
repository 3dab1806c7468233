import type { Clock, Timer } from '../clock.ts'
import { type Frame, frameOf } from './broadcast.ts'
import type { Listing } from './listing.ts'
import { RecordedTape } from './recorded-tape.ts'
import type { Recording } from './recording.ts'

export type ReplayState = 'none' | 'waiting' | 'playing' | 'finished'

export interface ReplayOptions {
  readonly clock: Clock
  readonly recording: Recording
  readonly speed: number
  readonly hold: boolean
  readonly publish: (frame: Frame) => void
  readonly note: (line: string, fields?: object) => void
}

/** Plays a recording once, each frame byte for byte, in its order; a late timer delays frames but drops none. */
export class Replay {
  readonly #options: ReplayOptions
  readonly #tapes = new Map<string, RecordedTape>()
  #state: ReplayState
  #startedAt = 0
  #next = 0
  #timer: Timer

  constructor(options: ReplayOptions) {
    this.#options = options
    this.#state = options.recording.frames.length === 0 ? 'none' : 'waiting'
  }

  get state(): ReplayState {
    return this.#state
  }

  /** Frames whose moment has come, whether or not anyone was subscribed. */
  get sent(): number {
    return this.#next
  }

  start(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'playing'
    this.#startedAt = this.#options.clock.now()
    this.#options.note('replay started', { frames: this.#options.recording.frames.length, speed: this.#options.speed })
    this.#timer = this.#options.clock.setTimeout(() => this.#turn(), 0)
  }

  /** Somebody subscribed: the first to want a recorded stream starts the replay, unless it is held. */
  wanted(stream: string): void {
    if (!this.#options.hold && this.#options.recording.streams.has(stream)) this.start()
  }

  /** What has been replayed of a symbol, or undefined if it is not a recorded one. */
  tape(listing: Listing): RecordedTape | undefined {
    if (!this.#options.recording.symbols.has(listing.symbol)) return undefined
    const known = this.#tapes.get(listing.symbol)
    const tape = known ?? new RecordedTape(listing, this.#options.recording)
    if (!known) this.#tapes.set(listing.symbol, tape)
    tape.readTo(this.#next)
    return tape
  }

  #turn(): void {
    const { clock, recording, speed, publish } = this.#options
    const dueMs = (clock.now() - this.#startedAt) * speed
    let frame = recording.frames[this.#next]
    while (frame && frame.atMs <= dueMs) {
      this.#next++
      publish(frameOf(frame.stream, frame.payload, frame.combined))
      frame = recording.frames[this.#next]
    }
    if (frame) {
      this.#timer = clock.setTimeout(() => this.#turn(), Math.max(1, (frame.atMs - dueMs) / speed))
      return
    }
    this.#state = 'finished'
    this.#options.note('replay finished', { frames: this.#next })
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer)
  }
}
