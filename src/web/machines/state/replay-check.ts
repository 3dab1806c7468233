import { computed, effect, signal } from '@preact/signals'
import { checkReplay, type Disagreement, type Verdict } from '../../../inspect/replay.ts'
import { ownMachines } from '../play/own.ts'
import { actor } from './choice.ts'
import { config, history } from './session.ts'

/**
 * A recording is played again through the machines themselves. Where they part ways the record is of other code, was changed, or a machine
 * is not the pure function it should be. Done by itself for a file, on wish for what is live.
 */
export const verdicts = signal<readonly Verdict[] | undefined>(undefined)
export const checkFault = signal('')

export function check(): void {
  const { value: here } = history
  const records = [...here.bases(), ...Array.from({ length: here.next - here.first }, (_, at) => here.at(here.first + at))]
  try {
    checkFault.value = ''
    verdicts.value = checkReplay(
      records.filter(record => record !== undefined),
      Object.values(ownMachines),
    )
  } catch (error) {
    verdicts.value = []
    checkFault.value = `The recording could not be played again: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Of the chosen actor, as a sentence, and where. */
export const disagreement = computed((): { readonly q: number; readonly text: string } | undefined => {
  const found = verdicts.value?.find(one => one.actor === actor.value && one.disagreement !== undefined)?.disagreement
  return found === undefined ? undefined : { q: found.q, text: sentence(found) }
})

/** For the head of the page: how many actors agree, how many do not. */
export const checked = computed(() => {
  const { value: all } = verdicts
  if (all === undefined) return undefined
  return { steps: all.reduce((sum, { agreed }) => sum + agreed, 0), wrong: all.filter(one => one.disagreement !== undefined) }
})

const whats = { edges: 'took other edges', active: 'ended in another state', context: 'came to another context' } as const

const sentence = ({ q, event, what, recorded, replayed }: Disagreement): string =>
  `At record ${q} (${event}) the machine ${whats[what]}: recorded ${JSON.stringify(recorded)}, played again ${JSON.stringify(replayed)}.`

effect(() => {
  history.value
  verdicts.value = undefined
  // After the picture: a long recording takes a moment.
  if (config.value.mode === 'file') setTimeout(check, 50)
})
