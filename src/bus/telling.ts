/**
 * Words from instance to instance, beside prices: unfenced, unanswered, and lost without a word when nobody hears or the bus is away.
 * What a visualizer at one instance needs to show the others.
 */
export interface Telling {
  /** To every instance: a bulletin to whoever follows the bus. */
  call(text: string): void
  /** To one instance. */
  say(to: string, text: string): void
  /** What is said to this name, until the returned function is called. */
  hear(to: string, heard: (text: string) => void): () => void
  close(): void
}

/** The bus may be away: so long until it is tried again. */
export const retryMs = 1000
