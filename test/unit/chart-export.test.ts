import { describe, expect, it } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { connectionMachine } from '../../machines/connection.ts'
import { leadershipMachine } from '../../machines/leadership.ts'
import { chartOf } from '../../src/inspect/chart.ts'
import { mermaidOf } from '../../src/web/machines/export/mermaid.ts'
import { scxmlOf } from '../../src/web/machines/export/scxml.ts'
import { ownMachines } from '../../src/web/machines/play/own.ts'
import { oddMachine, tortureMachine } from '../support/torture.ts'

const all: readonly (readonly [string, AnyStateMachine])[] = [
  ...Object.entries(ownMachines),
  ['torture', tortureMachine],
  ['odd', oddMachine],
]

/** Mermaid's grammar of state diagrams, as far as we write it: each line is one of these. */
const grammar = {
  head: /^stateDiagram-v2$/,
  name: /^ *state "[^"#;{}<>]*(?:#\d+;[^"#;{}<>]*)*" as s\d+$/,
  open: /^ *state s\d+ \{$/,
  close: /^ *\}$/,
  region: /^ *--$/,
  initial: /^ *\[\*\] --> s\d+$/,
  final: /^ *s\d+ --> \[\*\]$/,
  arrow: /^ {2}s\d+ --> s\d+: [^:;{}<>]+(?:#\d+;[^:;{}<>]*)*$/,
  note: /^ {2}note right of s\d+$/,
  end: /^ {2}end note$/,
} as const

function readMermaid(text: string): { readonly kinds: readonly string[]; readonly names: ReadonlySet<string> } {
  const kinds: string[] = []
  const names = new Set<string>()
  let isNote = false
  for (const line of text.trimEnd().split('\n')) {
    if (isNote && !grammar.end.test(line)) continue
    const [kind] = Object.entries(grammar).find(([, form]) => form.test(line)) ?? []
    if (kind === undefined) throw new Error(`not Mermaid: ${line}`)
    isNote = kind === 'note'
    kinds.push(kind)
    if (kind === 'name') names.add(/s\d+$/.exec(line)?.[0] ?? '')
  }
  return { kinds, names }
}

describe('a chart as Mermaid', () => {
  it.each(all)('%s keeps to the grammar, names each state once and has every arrow', (_, machine) => {
    const chart = chartOf(machine)
    const text = mermaidOf(chart)
    const { kinds, names } = readMermaid(text)
    const count = (kind: string): number => kinds.filter(one => one === kind).length
    expect(names.size).toBe(chart.states.length)
    expect(count('name')).toBe(chart.states.length)
    expect(count('arrow')).toBe(chart.edges.reduce((sum, { targets }) => sum + targets.length, 0))
    expect(count('open')).toBe(count('close'))
    expect(count('initial')).toBe(chart.states.filter(({ type, initial }) => type === 'compound' && initial !== undefined).length)
    expect(count('final')).toBe(chart.states.filter(({ type }) => type === 'final').length)
  })

  it('says which history is deep', () => {
    expect(mermaidOf(chartOf(tortureMachine))).toMatch(/state "H\*" as s\d+$/m)
  })

  it('writes no timer twice: an arrow says it, the entry does not', () => {
    expect(mermaidOf(chartOf(connectionMachine))).not.toMatch(/entry \/ raise|exit \/ cancel/)
  })
})

describe('a chart as SCXML', () => {
  it('sends a delayed event for each timer and cancels it on the way out', () => {
    const text = scxmlOf(chartOf(leadershipMachine))
    const type = 'xstate.after.renewMs.leadership.leader.holding'
    expect(text).toContain(`<send id="${type}" event="${type}" delayexpr="renewMs"/>`)
    expect(text).toContain(`<cancel sendid="${type}"/>`)
    expect(text).toContain(`<transition event="${type}" target="leadership.leader.renewing" type="internal"/>`)
    expect(text).toContain('cond="isStillGood"')
    // Several states invoke it, and an identifier stands once in a document.
    expect(text).toContain('<invoke id="leadership.follower.campaigning.acquire" src="acquire"/>')
    const odd = scxmlOf(chartOf(tortureMachine))
    expect(odd).toContain('<transition event="done.invoke.asking" target="torture.day.calm"')
    expect(odd).toContain('<transition event="done.state.torture.day"')
    expect(odd).toContain('delay="1000ms"')
    expect(odd).toContain('delayexpr="long.napMs"')
  })

  it.each(all)('%s: every tag that opens closes, and no identifier is written twice', (_, machine) => {
    const open: string[] = []
    const ids = new Set<string>()
    for (const [, slash = '', name = '', rest = '', isWhole = ''] of scxmlOf(chartOf(machine)).matchAll(
      /<(\/?)([a-z]+)((?: [a-z:]+="[^"<]*")*)(\/?)>/g,
    )) {
      const id = /(?<![a-z]) id="([^"]*)"/.exec(rest)?.[1]
      if (slash === '' && ['state', 'parallel', 'final', 'history'].includes(name) && id !== undefined) {
        expect(ids.has(id)).toBe(false)
        ids.add(id)
        expect(id).toMatch(/^[A-Za-z_][\w.-]*$/)
      }
      if (slash === '/') expect(open.pop()).toBe(name)
      else if (isWhole === '') open.push(name)
    }
    expect(open).toEqual([])
    expect(ids.size).toBe(chartOf(machine).states.length)
  })
})
