import { readFileSync } from 'node:fs'
import type { AnyStateMachine, AnyStateNode } from 'xstate'

/** Every arrow of a machine as `from -- event [guard] --> to`, the way the machine's header draws it. Moves without a target are no arrows. */
export function arrowsOf(machine: AnyStateMachine): string[] {
  const name = (id: string): string => id.replace(`${machine.id}.`, '')
  const arrows: string[] = []
  for (const node of nodesOf(machine.root)) {
    for (const transition of [...node.transitions.values()].flat()) {
      const delay = /^xstate\.after\.(\w+)\./.exec(transition.eventType)
      const guard = typeof transition.guard === 'string' ? transition.guard : (transition.guard as { type?: string } | undefined)?.type
      for (const target of transition.target ?? []) {
        const event = delay === null ? transition.eventType : `after ${delay[1]}`
        arrows.push(`${name(node.id)} -- ${event}${guard === undefined ? '' : ` [${guard}]`} --> ${name(target.id)}`)
      }
    }
  }
  return arrows.sort()
}

const nodesOf = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(nodesOf)]

/** The arrows drawn in the header of machines/<name>.ts, spaces evened out. */
export function drawnArrows(file: string): string[] {
  const drawn = readFileSync(new URL(`../../machines/${file}.ts`, import.meta.url), 'utf8').matchAll(/^ \* +(\S+) +-- (.+?) --> +(\S+)$/gm)
  return [...drawn].map(([, from, event, to]) => `${from} -- ${event} --> ${to}`).sort()
}
