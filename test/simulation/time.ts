import type { Clock, Timer } from '../../src/clock.ts'
import type { Chance } from './chance.ts'

/**
 * The one virtual time line of a world, exact: what is due is done at its own deadline, in the order of deadlines and then of asking, also
 * when it was asked for meanwhile. (XState's SimulatedClock jumps first and fires afterwards, which is wrong for chains.)
 */
export class TimeLine {
  #now = 0
  #order = 0
  readonly #queue: Due[] = []

  get now(): number {
    return this.#now
  }

  /** Calls `then` at that moment, or as soon as possible if it has passed; never, if what waits for it is over by then. */
  at(moment: number, then: () => void, waiting?: Waiting): void {
    this.#order += 1
    push(this.#queue, { moment: Math.max(moment, this.#now), order: this.#order, then, waiting })
  }

  /** Does the next thing that is due up to the horizon. False: there is none, and it is the horizon now. */
  step(horizon: number): boolean {
    for (;;) {
      const next = this.#queue[0]
      if (next === undefined || next.moment > horizon) {
        this.#now = Math.max(this.#now, horizon)
        return false
      }
      pop(this.#queue)
      if (next.waiting?.isOver === true) continue
      this.#now = next.moment
      next.then()
      return true
    }
  }
}

interface Due {
  readonly moment: number
  readonly order: number
  readonly then: () => void
  readonly waiting: Waiting | undefined
}

/** Something that happens once, or not at all. */
interface Waiting {
  readonly then: () => void
  isOver: boolean
}

const isBefore = (a: Due, b: Due): boolean => a.moment < b.moment || (a.moment === b.moment && a.order < b.order)

function push(heap: Due[], due: Due): void {
  let at = heap.push(due) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap[parent]
    if (above === undefined || !isBefore(due, above)) break
    heap[at] = above
    heap[parent] = due
    at = parent
  }
}

function pop(heap: Due[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  heap[0] = last
  for (;;) {
    const left = 2 * at + 1
    const right = left + 1
    const a = heap[left]
    const b = heap[right]
    const child = b !== undefined && a !== undefined && isBefore(b, a) ? right : left
    const smaller = heap[child]
    if (smaller === undefined || !isBefore(smaller, last)) return
    heap[at] = smaller
    heap[child] = last
    at = child
  }
}

/** Virtual wall clock at the beginning of every world: 2026-01-01T00:00:00Z. */
export const epochStart = 1_767_225_600_000

/**
 * The clock of one process: may run fast or slow, may show a wrong hour, may stand still while the process is paused (what comes due
 * meanwhile happens when it goes on, and can still be cancelled), and ends with the process.
 */
export class ProcessClock implements Clock {
  readonly #line: TimeLine
  readonly #chance: Chance
  readonly #rate: number
  #offset: number
  #isDead = false
  #isPaused = false
  #held: Waiting[] = []
  #count = 0
  /** When it last went on after standing still, on the world's clock. */
  resumedAt = 0

  constructor(line: TimeLine, chance: Chance, options: { readonly rate?: number; readonly wallOffsetMs?: number } = {}) {
    this.#line = line
    this.#chance = chance
    this.#rate = options.rate ?? 1
    this.#offset = options.wallOffsetMs ?? 0
  }

  /** Timers that are asked for and neither done nor cancelled. */
  get pending(): number {
    return this.#count
  }

  now = (): number => this.#line.now * this.#rate
  wall = (): number => Math.floor(epochStart + this.#line.now * this.#rate + this.#offset)
  random = (): number => this.#chance.next()
  soon = (then: () => void): void => void this.setTimeout(then, 0)

  setTimeout = (then: () => void, ms: number): Timer => {
    const waiting: Waiting = { then, isOver: false }
    this.#count += 1
    this.#line.at(this.#line.now + Math.max(0, ms) / this.#rate, () => this.#due(waiting), waiting)
    return waiting
  }

  clearTimeout = (timer: Timer): void => {
    const waiting = timer as Waiting | undefined
    if (waiting === undefined || waiting.isOver) return
    waiting.isOver = true
    this.#count -= 1
  }

  /** Whatever comes from outside reaches the process through here, or not at all. */
  deliver(then: () => void): void {
    this.#count += 1
    this.#due({ then, isOver: false })
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.resumedAt = this.#line.now
    const held = this.#held
    this.#held = []
    for (const waiting of held) this.#line.at(this.#line.now, () => this.#due(waiting), waiting)
  }

  /** The hour jumps. */
  setWall(offsetMs: number): void {
    this.#offset = offsetMs
  }

  kill(): void {
    this.#isDead = true
    this.#held = []
    this.#count = 0
  }

  get isDead(): boolean {
    return this.#isDead
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  #due(waiting: Waiting): void {
    if (this.#isDead || waiting.isOver) return
    if (this.#isPaused) return void this.#held.push(waiting)
    waiting.isOver = true
    this.#count -= 1
    waiting.then()
  }
}
