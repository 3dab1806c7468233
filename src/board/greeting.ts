import type { Level, Pair } from '../price.ts'
import { type Board, type Entry, frameAt } from './board.ts'
import { frameOfItem, isSame } from './delivery.ts'
import { chunk, event } from './frame.ts'
import { inOrder, isGap } from './mailbox.ts'
import { newsOf, type Reader } from './reader.ts'

/** What a reader is told first: made once for all who come one after the other and ask for the same, as in a storm. */
export interface Greetings {
  /** The text of `event: status` for these pairs, now. */
  statusOf(pairs: readonly Pair[]): string
  /** What goes before the first price. */
  preface(text: string, told: string): Buffer
  /** The last price of each of these pairs, in order, as one buffer; undefined: there is none yet. */
  snapshot(pairs: readonly Pair[]): Buffer | undefined
}

export interface GreetingsOptions {
  readonly board: Board
  /** Level of one pair now. */
  readonly levelOf: (pair: Pair) => Level
  /** What `event: status` says beside the pairs. */
  readonly status: () => { readonly level: Level; readonly role: string; readonly since: number }
}

export function createGreetings({ board, levelOf, status }: GreetingsOptions): Greetings {
  let told = { pairs: [] as readonly Pair[], facts: [] as readonly unknown[], text: '' }
  let greeted: { readonly preface: string; readonly told: string; readonly frame: Buffer } = {
    preface: '',
    told: '',
    frame: Buffer.alloc(0),
  }
  let shown: { readonly frames: readonly Buffer[]; readonly whole: Buffer } = { frames: [], whole: Buffer.alloc(0) }

  return {
    statusOf: pairs => {
      const { level, role, since } = status()
      const facts = [level, role, since, ...pairs.map(levelOf)]
      if (isSame(pairs, told.pairs) && isSame(facts, told.facts)) return told.text
      const text = event('status', { level, role, since, pairs: Object.fromEntries(pairs.map(pair => [pair, levelOf(pair)])) })
      told = { pairs, facts, text }
      return text
    },
    preface: (preface, told) => {
      if (greeted.preface !== preface || greeted.told !== told) greeted = { preface, told, frame: chunk(preface + told) }
      return greeted.frame
    },
    snapshot: pairs => {
      const known: Entry[] = []
      for (const pair of pairs) {
        const entry = board.get(pair)
        if (entry !== undefined) known.push(entry)
      }
      if (known.length === 0) return undefined
      // In order, so that the id of the last one stands for all of them when the reader comes back.
      const frames = inOrder(known).map(entry => frameAt(entry, levelOf(entry.pair)))
      if (!isSame(frames, shown.frames)) shown = { frames, whole: Buffer.concat(frames) }
      return shown.whole
    },
  }
}

/** The same for a reader that is told nothing it has had elsewhere: through its mailbox, which knows from here on what it has. */
export function snapshotOf(reader: Reader, board: Board, levelOf: (pair: Pair) => Level, now: number): readonly Buffer[] {
  const known = reader.pairs.map(board.get).filter(entry => entry !== undefined)
  // In order, so that the id of the last one stands for all of them when the reader comes back.
  for (const entry of inOrder(known)) {
    const news = newsOf(reader, entry, false)
    if (news !== undefined) reader.mailbox.put(news)
  }
  const items = reader.mailbox.take(now)
  return items.map(item => (isGap(item) ? frameOfItem(item) : frameAt(item, levelOf(item.pair))))
}
