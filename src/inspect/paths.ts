import type { AnyActorRef } from 'xstate'

/** Where an actor stands: `<instance>/<root>/<child>/…`. XState's session ids count per process and say nothing. */
export interface Paths {
  of(actor: AnyActorRef): string
  find(path: string): AnyActorRef | undefined
  forget(actor: AnyActorRef): void
}

/** XState's own name for an actor nobody named. */
const unnamed = /^x:\d+$/

/** Paths are kept while the actor lives, so that one seen twice has one path. */
export function createPaths(rootPath: (root: AnyActorRef) => string): Paths {
  const known = new WeakMap<AnyActorRef, string>()
  const actors = new Map<string, AnyActorRef>()
  const counts = new WeakMap<AnyActorRef, Map<string, number>>()

  const nameOf = (actor: AnyActorRef, parent: AnyActorRef): string => {
    if (!unnamed.test(actor.id)) return actor.id.replaceAll('/', '%2F')
    const src = srcOf(actor) ?? 'actor'
    const siblings = counts.get(parent) ?? new Map<string, number>()
    counts.set(parent, siblings)
    siblings.set(src, (siblings.get(src) ?? 0) + 1)
    return `${src}~${siblings.get(src)}`
  }

  const of = (actor: AnyActorRef): string => {
    const path = known.get(actor)
    if (path !== undefined) return path
    const parent = actor._parent
    const made = parent === undefined ? rootPath(actor) : `${of(parent)}/${nameOf(actor, parent)}`
    known.set(actor, made)
    actors.set(made, actor)
    return made
  }

  return {
    of,
    find: path => actors.get(path),
    forget: actor => {
      const path = known.get(actor)
      if (path !== undefined && actors.get(path) === actor) actors.delete(path)
    },
  }
}

/** The name of an actor's logic in its parent; undefined: it has none. */
export function srcOf({ src }: AnyActorRef): string | undefined {
  return typeof src === 'string' && !src.startsWith('xstate.invoke.') ? src : undefined
}
