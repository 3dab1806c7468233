/** Many readers in one process, each as an EventSource would behave: it comes back where it is told to, with the id it had. */
import { type ClientRequest, get } from 'node:http'

/** One price as one reader got it. */
export interface Sighting {
  /** Monotonic clock. */
  readonly at: number
  /** Wall clock. */
  readonly wallAt: number
  readonly pair: string
  /** 0 for a price without an id, which stands outside the order of terms. */
  readonly epoch: number
  readonly sequence: number
  readonly price: string
  readonly tradeId: number
  readonly level: string
  readonly source: string
  readonly receivedAt: number
  readonly instance: string
}

export interface Told {
  readonly at: number
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the stream holds; tests look at it
  readonly data: any
}

/** A stream that ended: in order, or cut. */
export interface Parting {
  readonly at: number
  readonly instance: string
  readonly how: 'ended' | 'cut' | 'refused'
  readonly wasToldToReconnect: boolean
}

export interface SwarmReader {
  readonly name: string
  readonly mode: 'latest' | 'every'
  /** Which instance it reads from now, or last. */
  readonly instance: string
  readonly log: readonly Sighting[]
  /** Everything but prices. */
  readonly told: readonly Told[]
  readonly partings: readonly Parting[]
  /** When each of its streams was asked for, and when its first price came; undefined: not yet. */
  readonly visits: readonly { readonly askedAt: number; firstAt: number | undefined }[]
  readonly isClosed: boolean
  close(): void
}

export interface Place {
  readonly name: string
  readonly url: string
}

export interface SwarmReaderOptions {
  readonly name: string
  /** Where to go; asked each time. */
  readonly choose: () => Place
  readonly pairs?: readonly string[]
  readonly mode?: 'latest' | 'every'
  readonly query?: string
  /** Keeps only the last so many prices. */
  readonly keep?: number
}

/** One event as it stands on a stream. */
interface Block {
  readonly event: string
  readonly id: string
  readonly retryMs: number | undefined
  readonly fields: Readonly<Record<string, unknown>> | undefined
  /** Of a price: what every reader of it writes down, but for when and where. */
  readonly price: Omit<Sighting, 'at' | 'wallAt' | 'instance'> | undefined
}

/** The same event comes to many readers: it is read once, or a hundred readers would cost more than what they test. */
const recent = new Map<string, Block>()
function readBlock(text: string): Block {
  const known = recent.get(text)
  if (known !== undefined) return known
  let event = 'message'
  let id = ''
  let data = ''
  let retryMs: number | undefined
  for (const line of text.split('\n')) {
    if (line.startsWith('data: ')) data = line.slice(6)
    else if (line.startsWith('event: ')) event = line.slice(7)
    else if (line.startsWith('id: ')) id = line.slice(4)
    else if (line.startsWith('retry: ')) retryMs = Number(line.slice(7))
  }
  const fields = data === '' ? undefined : JSON.parse(data)
  const read = { event, id, retryMs, fields, price: event === 'price' && fields !== undefined ? readPrice(id, fields) : undefined }
  if (recent.size > 2000) recent.clear()
  recent.set(text, read)
  return read
}

function readPrice(id: string, fields: unknown): Block['price'] {
  const [epoch = 0, sequence = 0] = id === '' ? [] : id.split('-').map(Number)
  const { pair, price, tradeId, level, source, receivedAt } = fields as Sighting
  return { pair, epoch, sequence, price, tradeId, level, source, receivedAt }
}

export function openSwarmReader({
  name,
  choose,
  pairs = ['BTC/USD', 'ETH/USD'],
  mode = 'latest',
  query = '',
  keep,
}: SwarmReaderOptions): SwarmReader {
  let log: Sighting[] = []
  const told: Told[] = []
  const partings: Parting[] = []
  const visits: { askedAt: number; firstAt: number | undefined }[] = []
  let place = choose()
  let lastId = ''
  let retryMs = 2000
  let request: ClientRequest | undefined
  let again: NodeJS.Timeout | undefined
  let isClosed = false

  const take = (text: string): void => {
    const block = readBlock(text)
    if (block.id !== '') lastId = block.id
    if (block.retryMs !== undefined) retryMs = block.retryMs
    if (block.fields === undefined) return
    const at = performance.now()
    if (block.price === undefined) {
      if (block.event === 'reconnect') retryMs = Number(block.fields.afterMs)
      told.push({ at, name: block.event, data: block.fields })
      return
    }
    const visit = visits.at(-1)
    if (visit !== undefined) visit.firstAt ??= at
    log.push({ ...block.price, at, wallAt: Date.now(), instance: place.name })
    if (keep !== undefined && log.length > keep * 2) log = log.slice(-keep)
  }

  const visit = (): void => {
    place = choose()
    const here = place.name
    const since = told.length
    let isOver = false
    const over = (how: Parting['how']): void => {
      if (isOver || isClosed) return
      isOver = true
      partings.push({
        at: performance.now(),
        instance: here,
        how,
        wasToldToReconnect: told.slice(since).some(one => one.name === 'reconnect'),
      })
      again = setTimeout(visit, how === 'refused' ? Math.min(retryMs, 500) : retryMs)
    }
    visits.push({ askedAt: performance.now(), firstAt: undefined })
    const headers = { Accept: 'text/event-stream', ...(lastId !== '' && { 'Last-Event-ID': lastId }) }
    const address = `${place.url.replace('localhost', '127.0.0.1')}/v1/stream?pairs=${pairs.join(',')}&mode=${mode}${query}`
    request = get(address, { headers, agent: false }, response => {
      let rest = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) take(block)
      })
      response.on('end', () => over('ended'))
      response.on('error', () => over('cut'))
      response.on('close', () => over('cut'))
    })
    request.on('error', () => over('refused'))
  }
  visit()

  return {
    name,
    mode,
    get instance() {
      return place.name
    },
    get log() {
      return log
    },
    told,
    partings,
    visits,
    get isClosed() {
      return isClosed
    },
    close: () => {
      isClosed = true
      clearTimeout(again)
      request?.destroy()
    },
  }
}
