import { type Batch, createReader } from '../../../inspect/brief.ts'
import type { InspectRecord } from '../../../inspect/record.ts'
import { recordsFrom } from '../record/lines.ts'
import { absorb, type Config, complaint, config, link, openRecording } from './session.ts'

/** Routes stand beside the page, wherever it is mounted. */
const beside = (name: string): string => `${location.pathname.replace(/\/$/, '')}/${name}`

let source: EventSource | undefined

/** Asks what is shown here and follows it. Without a server the page still opens files. */
export async function connect(): Promise<void> {
  try {
    const answer = await fetch(beside('config'))
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`)
    const said = (await answer.json()) as Config
    config.value = said
    if (said.mode === 'recording') await load(said.title)
    else follow()
  } catch (error) {
    link.value = 'none'
    complaint.value = `Nothing to show from here: ${error instanceof Error ? error.message : String(error)} Open a recording instead.`
  }
}

async function load(title: string): Promise<void> {
  const answer = await fetch(beside('recording'))
  openRecording(recordsFrom(await answer.text()), title)
}

function follow(): void {
  source = new EventSource(beside('feed?as=brief'))
  source.addEventListener('open', () => {
    link.value = 'open'
  })
  source.addEventListener('error', () => {
    link.value = 'broken'
  })
  source.addEventListener('busy', () => {
    link.value = 'busy'
  })
  source.addEventListener('records', ({ data }: MessageEvent<string>) => absorb(JSON.parse(data) as InspectRecord[]))
  const read = createReader()
  source.addEventListener('brief', ({ data }: MessageEvent<string>) => absorb(read(JSON.parse(data) as Batch)))
}

export function disconnect(): void {
  source?.close()
  source = undefined
}

/** @throws Error with the server's sentence. */
export async function sendLive(actor: string, event: object, token: string): Promise<void> {
  const answer = await fetch(beside('send'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token !== '' && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ actor, event }),
  })
  if (answer.ok) return
  const said: unknown = await answer.json().catch(() => undefined)
  const detail =
    typeof said === 'object' && said !== null && 'detail' in said ? String(said.detail) : `The server answered ${answer.status}.`
  throw new Error(detail)
}
