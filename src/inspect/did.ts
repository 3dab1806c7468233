import type { Did, Part } from './text.ts'

/**
 * What a macrostep has done so far, as a place in a tree. Machines do the same few things again and again: what was done before is
 * found there, written already.
 */
export class Deeds {
  readonly #tree: { places: number }
  readonly #before: Deeds | undefined
  /** What was done to come here: `edges` or `actions`, and its name. */
  readonly #kind: keyof Did
  readonly #name: string
  readonly #after = { edges: new Map<string, Deeds>(), actions: new Map<string, Deeds>() }
  #part: Part<Did> | undefined

  constructor(before?: Deeds, kind: keyof Did = 'edges', name = '') {
    this.#tree = before === undefined ? { places: 0 } : before.#tree
    this.#before = before
    this.#kind = kind
    this.#name = name
    this.#tree.places += 1
  }

  get isNothing(): boolean {
    return this.#before === undefined
  }

  /** So many that the tree should be left, and another one grown. */
  get isFull(): boolean {
    return this.#tree.places > 5000
  }

  and(kind: keyof Did, name: string): Deeds {
    const known = this.#after[kind].get(name)
    if (known !== undefined) return known
    const made = new Deeds(this, kind, name)
    this.#after[kind].set(name, made)
    return made
  }

  /** As the fields of a record. */
  get part(): Part<Did> {
    this.#part ??= this.#write()
    return this.#part
  }

  #write(): Part<Did> {
    const shown = { edges: [] as string[], actions: [] as string[] }
    for (let at: Deeds = this; at.#before !== undefined; at = at.#before) shown[at.#kind].unshift(at.#name)
    return { shown, json: JSON.stringify(shown).slice(1, -1) }
  }
}
