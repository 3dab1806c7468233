/** What a machine needs from the world is named in the machine and provided by src/. Until then using it is an error that says its name. */
export function notProvided(kind: 'actor' | 'delay' | 'guard', name: string): () => never {
  return () => {
    throw new Error(`${kind} ${name} was not provided`)
  }
}
