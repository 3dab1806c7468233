import type { Drawing, Piece } from '../chart/drawing.ts'

/** What of a drawn chart is lit. Ids of states, cables' edges, and counts to be written on them. */
export interface Lamps {
  readonly states: ReadonlySet<string>
  /** Edge → 0 for the step just made, then older. */
  readonly taken: ReadonlyMap<string, number>
  /** State → text in its corner. */
  readonly badges: ReadonlyMap<string, string>
  /** By id of states and edges, 0 to 5; absent: no heat map. */
  readonly heat?: ReadonlyMap<string, number>
}

/** The lamps of one piece that stands in the page, found once. */
interface Fixture {
  readonly group: SVGGElement
  readonly lines: readonly SVGTextElement[]
  readonly badge: Element | null
}

/**
 * Turns the lamps of a chart that is already drawn. Goes around the component tree on purpose: twenty updates a second change some classes
 * of a few hundred elements, look for none of them and build nothing.
 */
export interface Switchboard {
  /** Finds the elements of what has been drawn since. */
  wire(svg: SVGSVGElement): void
  light(lamps: Lamps): void
}

export function createSwitchboard({ pieces }: Drawing): Switchboard {
  let fixtures: readonly Fixture[] = []
  return {
    wire: svg => {
      const groups = [...svg.querySelectorAll<SVGGElement>('[data-piece]')]
      fixtures = groups.map(
        (group, at) =>
          fixtures[at] ?? {
            group,
            lines: [...group.querySelectorAll<SVGTextElement>('[data-edge]')],
            badge: group.querySelector('.badge'),
          },
      )
    },
    light: lamps => {
      fixtures.forEach((fixture, at) => {
        const piece = pieces[at]
        if (piece !== undefined) lightOne(piece, fixture, lamps)
      })
    },
  }
}

function lightOne(piece: Piece, { group, lines, badge }: Fixture, lamps: Lamps): void {
  const ages = piece.edges.flatMap(edge => lamps.taken.get(edge) ?? [])
  const age = ages.length === 0 ? undefined : Math.min(...ages)
  const degrees = piece.edges.map(edge => lamps.heat?.get(edge) ?? 0)
  const degree = piece.kind === 'state' ? (lamps.heat?.get(piece.id) ?? 0) : Math.max(0, ...degrees)
  const isCounted = lamps.heat !== undefined && !piece.look.includes('initial')
  const names = [piece.look, lamps.states.has(piece.id) ? 'lit' : '', ageClass(age), isCounted ? `heat heat-${degree}` : '']
  set(group, 'class', names.filter(Boolean).join(' '))
  for (const line of lines) {
    const edge = line.dataset.edge ?? ''
    const own = lamps.heat === undefined ? '' : `heat-${lamps.heat.get(edge) ?? 0}`
    set(line, 'class', [line.dataset.look ?? '', ageClass(lamps.taken.get(edge)), own].filter(Boolean).join(' '))
  }
  const text = lamps.badges.get(piece.id) ?? ''
  if (badge !== null && badge.textContent !== text) badge.textContent = text
}

const ageClass = (age: number | undefined): string => (age === undefined ? '' : age === 0 ? 'taken' : `trail trail-${age}`)

function set(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}
