/** What was made of a text once is not made again. Bounded: when it is full, all is forgotten. */
export function remembered<T>(max: number, make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size >= max) known.clear()
    const made = make(text)
    known.set(text, made)
    return made
  }
}
