/** What this browser remembers for us, where it is allowed to remember anything. */

const name = (key: string): string => `tickcast.${key}`

export function kept(key: string): string | undefined {
  try {
    return localStorage.getItem(name(key)) ?? undefined
  } catch {
    return undefined
  }
}

/** Undefined forgets. */
export function keep(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(name(key))
    else localStorage.setItem(name(key), value)
  } catch {
    // Private windows and full storages: then it is not remembered.
  }
}
