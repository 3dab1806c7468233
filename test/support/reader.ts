import { type ClientRequest, get, type IncomingMessage } from 'node:http'

/** One event of a stream, as an independent reader of Server-Sent Events sees it (WHATWG HTML, 9.2.6). */
export interface StreamEvent {
  readonly name: string
  readonly id: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the stream holds; tests look at it
  readonly data: any
}

export interface Reader {
  readonly events: StreamEvent[]
  readonly comments: number
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly isOver: boolean
  named(name: string): StreamEvent[]
  prices(pair?: string): StreamEvent[]
  pause(): void
  resume(): void
  close(): void
}

/** Opens a stream and reads it in the background. */
export function openReader(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const request: ClientRequest = get(url, { headers: { Accept: 'text/event-stream', ...headers }, agent: false }, response => {
      const events: StreamEvent[] = []
      const state = { comments: 0, isOver: false }
      let rest = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) read(block)
      })
      const over = (): void => {
        state.isOver = true
      }
      response.on('end', over)
      response.on('close', over)
      response.on('error', over)
      const read = (block: string): void => {
        let name = 'message'
        let id = ''
        const data: string[] = []
        for (const line of block.split('\n')) {
          const colon = line.indexOf(':')
          const field = line.slice(0, colon)
          const value = line.slice(colon + 1).replace(/^ /, '')
          if (colon === 0) state.comments += 1
          else if (field === 'event') name = value
          else if (field === 'id') id = value
          else if (field === 'data') data.push(value)
          else if (field === 'retry') events.push({ name: 'retry', id: '', data: Number(value) })
        }
        if (data.length > 0) events.push({ name, id, data: JSON.parse(data.join('\n')) })
      }
      resolve({
        events,
        get comments() {
          return state.comments
        },
        get isOver() {
          return state.isOver
        },
        status: response.statusCode ?? 0,
        headers: response.headers,
        named: wanted => events.filter(({ name }) => name === wanted),
        prices: pair => events.filter(({ name, data }) => name === 'price' && (pair === undefined || data.pair === pair)),
        pause: () => void response.pause(),
        resume: () => void response.resume(),
        close: () => void request.destroy(),
      })
    })
    request.on('error', reject)
  })
}

/** Compares two ids of prices: negative when the first is older. */
export function comparePositions(a: string, b: string): number {
  const [epochA = 0n, sequenceA = 0n] = a.split('-').map(BigInt)
  const [epochB = 0n, sequenceB = 0n] = b.split('-').map(BigInt)
  return epochA === epochB ? Number(sequenceA - sequenceB) : epochA < epochB ? -1 : 1
}
