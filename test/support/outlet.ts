import type { Outlet } from '../../src/board/reader.ts'
import { type Cause, type Level, type Position, type Update, writeBody } from '../../src/price.ts'

/** Undoes the chunks of a chunked body (RFC 9112, 7.1), and throws where a byte is not as it must be. */
export function unchunk(bytes: Buffer): { readonly text: string; readonly isEnded: boolean } {
  const parts: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    const line = bytes.indexOf('\r\n', at)
    const size = bytes.subarray(at, line).toString('latin1')
    if (line < 0 || !/^[0-9a-f]+$/.test(size)) throw new Error(`no chunk size at ${at}: ${JSON.stringify(size.slice(0, 60))}`)
    const length = Number.parseInt(size, 16)
    const end = line + 2 + length
    if (bytes.subarray(end, end + 2).toString('latin1') !== '\r\n') throw new Error(`a chunk of ${length} bytes does not end at ${end}`)
    parts.push(bytes.subarray(line + 2, end))
    at = end + 2
    if (length === 0) {
      if (at !== bytes.length) throw new Error(`bytes after the last chunk: ${bytes.subarray(at).toString()}`)
      return { text: Buffer.concat(parts).toString(), isEnded: true }
    }
  }
  return { text: Buffer.concat(parts).toString(), isEnded: false }
}

export interface Told {
  readonly name: string
  readonly id: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the stream holds; tests look at it
  readonly data: any
}

/** The events of a stream's text; retry alone and comments are told by these names. */
export function eventsOf(text: string): Told[] {
  if (text !== '' && !text.endsWith('\n\n')) throw new Error(`cut off in the middle: ${JSON.stringify(text.slice(-60))}`)
  return text
    .split('\n\n')
    .slice(0, -1)
    .map(block => {
      if (block === ':') return { name: 'comment', id: undefined, data: undefined }
      const fields = new Map(block.split('\n').map(line => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]))
      const body = fields.get('data')
      if (body === undefined) return { name: 'retry', id: undefined, data: Number(fields.get('retry')) }
      return { name: fields.get('event') ?? 'message', id: fields.get('id'), data: JSON.parse(body) }
    })
}

export interface RecordingOutlet extends Outlet {
  readonly writes: (readonly Buffer[])[]
  /** What `write` answers. */
  takes: boolean
  waitingBytes: number
  readonly isEnded: boolean
  readonly isCut: boolean
  events(): Told[]
  named(name: string): Told[]
  /** Ids of the prices of a pair, or of all. */
  ids(pair?: string): (string | undefined)[]
  forget(): void
}

export function recordingOutlet(): RecordingOutlet {
  const writes: (readonly Buffer[])[] = []
  const state = { isEnded: false, isCut: false }
  const events = (): Told[] => eventsOf(unchunk(Buffer.concat(writes.flat())).text)
  const outlet: RecordingOutlet = {
    writes,
    takes: true,
    waitingBytes: 0,
    write: frames => {
      if (state.isEnded || state.isCut) throw new Error('written to after its end')
      writes.push([...frames])
      return outlet.takes
    },
    end: () => {
      state.isEnded = true
    },
    cut: () => {
      state.isCut = true
    },
    get isEnded() {
      return state.isEnded
    },
    get isCut() {
      return state.isCut
    },
    events,
    named: name => events().filter(event => event.name === name),
    ids: pair =>
      events()
        .filter(({ name, data }) => name === 'price' && (pair === undefined || data.pair === pair))
        .map(({ id }) => id),
    forget: () => void writes.splice(0),
  }
  return outlet
}

export interface UpdateOptions {
  readonly pair?: string
  readonly at: Position | number
  readonly prev?: number
  readonly cause?: Cause
  readonly tradeId?: number | undefined
  readonly level?: Level
}

/** An update as an instance makes it; a number is a sequence of epoch 1, and the trade id unless one is given. */
export function updateOf(options: UpdateOptions): Update {
  const { pair = 'BTC/USD', prev = 0, cause = 'trade', level = 'live' } = options
  const at = typeof options.at === 'number' ? { epoch: 1, sequence: options.at } : options.at
  const tradeId = 'tradeId' in options ? options.tradeId : at.sequence
  const symbol = pair.replace('/', '')
  const price = { pair, symbol, price: `${at.sequence}.50000000`, tradeId, receivedAt: 1_700_000_000_000, source: 'websocket' } as const
  return { pair, at, prev, cause, body: writeBody(price, cause, level) }
}
