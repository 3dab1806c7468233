import { type Entry, frameOf } from './board.ts'
import { chunk, event } from './frame.ts'
import { type Gap, isGap } from './mailbox.ts'

export const frameOfItem = (item: Entry | Gap): Buffer => (isGap(item) ? chunk(event('gap', item)) : frameOf(item))

/** The very same things in the same order. */
export const isSame = (a: readonly unknown[], b: readonly unknown[]): boolean => {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false
  return true
}

/**
 * Turns what a reader outside of a group is due into buffers. Readers of the same pairs are often due the same, one after the other: from
 * the second on they share one buffer, and each costs one write instead of one per price.
 */
export function createDelivery(): (items: readonly (Entry | Gap)[]) => readonly Buffer[] {
  let before: readonly (Entry | Gap)[] = []
  let frames: readonly Buffer[] = []
  return items => {
    if (items.length > 0 && isSame(items, before)) {
      if (frames.length > 1) frames = [Buffer.concat(frames)]
      return frames
    }
    before = items.slice()
    frames = items.map(frameOfItem)
    return frames
  }
}
