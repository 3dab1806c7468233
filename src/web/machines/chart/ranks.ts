import { commonAncestor, type Family } from './family.ts'

/**
 * Which arrows point backward. The layout engine puts what an arrow starts from above what it ends at, so it is given the backward ones
 * turned round; then the initial state stands on top.
 */
export function backwardness(
  family: Family,
  pairs: readonly (readonly [source: string, target: string])[],
): (source: string, target: string) => boolean {
  const steps = new Map<string, Map<string, Set<string>>>()
  for (const [source, target] of pairs) {
    const place = siblingsOf(family, source, target)
    if (place === undefined || place.from === place.to) continue
    const inside = steps.get(place.around) ?? new Map<string, Set<string>>()
    steps.set(place.around, inside)
    inside.set(place.from, (inside.get(place.from) ?? new Set()).add(place.to))
  }
  const ranks = new Map<string, ReadonlyMap<string, number>>()
  const rankOf = (around: string): ReadonlyMap<string, number> => {
    const known = ranks.get(around) ?? ranksInside(family, around, steps.get(around) ?? new Map())
    ranks.set(around, known)
    return known
  }
  return (source, target) => {
    const place = siblingsOf(family, source, target)
    if (place === undefined) return false
    const rank = rankOf(place.around)
    const difference = (rank.get(place.from) ?? 0) - (rank.get(place.to) ?? 0)
    return difference === 0 ? family.order(place.from) > family.order(place.to) : difference > 0
  }
}

/** The two children of the common ancestor that hold source and target; undefined when one holds the other. */
function siblingsOf(family: Family, source: string, target: string): { around: string; from: string; to: string } | undefined {
  const around = commonAncestor(family, source, target)
  if (around === source || around === target) return undefined
  const depth = family.line(around).length
  const from = family.line(source)[depth]
  const to = family.line(target)[depth]
  return from === undefined || to === undefined ? undefined : { around, from, to }
}

/** Steps from the initial state; what cannot be reached comes last, in document order. */
function ranksInside(family: Family, around: string, steps: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, number> {
  const children = family.children(around)
  const ranks = new Map<string, number>()
  const first = family.state(around).initial ?? children[0]
  let frontier = first === undefined ? [] : [first]
  for (let rank = 0; frontier.length > 0; rank += 1) {
    for (const id of frontier) ranks.set(id, rank)
    frontier = [...new Set(frontier.flatMap(id => [...(steps.get(id) ?? [])]))].filter(id => !ranks.has(id))
  }
  for (const id of children) if (!ranks.has(id)) ranks.set(id, children.length + ranks.size)
  return ranks
}
