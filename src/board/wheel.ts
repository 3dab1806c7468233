import type { Clock, Timer } from '../clock.ts'

/** Those kept back until a time of their own, on one timer for all. Adding and deleting one costs the same however many there are. */
export interface Wheel<T> {
  /** Anew, if its time is another now. */
  add(one: T): void
  delete(one: T): void
  stop(): void
}

export interface WheelOptions<T> {
  readonly clock: Clock
  /** Asked when it is added, and when its time has come. Infinity: for nothing any more. */
  readonly dueAt: (one: T) => number
  readonly due: (those: readonly T[]) => void
}

/** Those due within this time are due together. */
const togetherMs = 10
/** Slots of the wheel, one for each {@link togetherMs} of a turn. Whose time is further off stays in its slot for more than one turn. */
const size = 512

export function createWheel<T>({ clock, dueAt, due }: WheelOptions<T>): Wheel<T> {
  const slots = new Map<number, Set<T>>()
  const slotOf = new Map<T, number>()
  let timer: Timer | undefined
  let timerAt = Number.POSITIVE_INFINITY
  /** In units of {@link togetherMs}: everything up to here has been looked at. */
  let done = 0

  const setFor = (tick: number): void => {
    const at = tick * togetherMs
    if (at >= timerAt) return
    if (timer !== undefined) clock.clearTimeout(timer)
    timerAt = at
    timer = clock.setTimeout(turn, Math.max(0, at - clock.now()))
  }

  const remove = (one: T): void => {
    const slot = slotOf.get(one)
    if (slot === undefined) return
    slotOf.delete(one)
    const others = slots.get(slot)
    others?.delete(one)
    if (others?.size === 0) slots.delete(slot)
  }

  const place = (one: T, at: number): number => {
    const tick = Math.max(Math.ceil(at / togetherMs), done + 1)
    const slot = tick % size
    if (slotOf.get(one) === slot) return tick
    remove(one)
    slotOf.set(one, slot)
    const others = slots.get(slot)
    if (others === undefined) slots.set(slot, new Set([one]))
    else others.add(one)
    return tick
  }

  /** Those of this slot whose time has come. The others stay, or go where they belong by now. */
  const takeDue = (slot: number, now: number): readonly T[] => {
    const those: T[] = []
    for (const one of [...(slots.get(slot) ?? [])]) {
      const at = dueAt(one)
      if (at > now && at !== Number.POSITIVE_INFINITY) place(one, at)
      else {
        remove(one)
        if (at <= now) those.push(one)
      }
    }
    return those
  }

  const setForNext = (): void => {
    if (slots.size === 0) return
    for (let tick = done + 1; tick <= done + size; tick += 1) if (slots.has(tick % size)) return setFor(tick)
  }

  const turn = (): void => {
    timerAt = Number.POSITIVE_INFINITY
    const now = clock.now()
    const to = Math.floor(now / togetherMs)
    const from = Math.max(done, to - size)
    done = to
    const those: T[] = []
    for (let tick = from + 1; tick <= to; tick += 1) those.push(...takeDue(tick % size, now))
    setForNext()
    if (those.length > 0) due(those)
  }

  return {
    add: one => {
      const at = dueAt(one)
      if (at === Number.POSITIVE_INFINITY) return remove(one)
      if (slotOf.size === 0) done = Math.floor(clock.now() / togetherMs) - 1
      setFor(place(one, at))
    },
    delete: remove,
    stop: () => {
      slots.clear()
      slotOf.clear()
      if (timer !== undefined) clock.clearTimeout(timer)
    },
  }
}
