/**
 * An EventSource's reading of a stream, written from WHATWG HTML 9.2.5 and 9.2.6 and RFC 9112 7.1 alone, byte by byte. It knows nothing
 * of how src/ writes: what src/ writes must mean here what was meant there.
 */
export interface ReceivedEvent {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
}

export interface EventStream {
  take(bytes: Uint8Array): void
  readonly events: readonly ReceivedEvent[]
  /** The last reconnection time told. */
  readonly retry: number | undefined
  /** Text of the event under way, which the end of the stream would discard. */
  readonly pending: string
}

export function readEventStream(): EventStream {
  // Decodes as the standard says: one leading byte order mark is stripped, wrong bytes become U+FFFD.
  const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: false })
  const events: ReceivedEvent[] = []
  const buffers = { data: '', type: '', id: '' }
  let lastEventId = ''
  let retry: number | undefined
  let line = ''
  let wasReturn = false

  const dispatch = (): void => {
    lastEventId = buffers.id
    const { data, type } = buffers
    buffers.data = ''
    buffers.type = ''
    if (data === '') return
    events.push({ type: type === '' ? 'message' : type, data: data.endsWith('\n') ? data.slice(0, -1) : data, lastEventId })
  }

  const field = (name: string, value: string): void => {
    if (name === 'event') buffers.type = value
    else if (name === 'data') buffers.data += `${value}\n`
    else if (name === 'id' && !value.includes('\0')) buffers.id = value
    else if (name === 'retry' && /^[0-9]+$/.test(value)) retry = Number.parseInt(value, 10)
  }

  const endLine = (): void => {
    const text = line
    line = ''
    const colon = text.indexOf(':')
    if (text === '') dispatch()
    else if (colon === -1) field(text, '')
    else if (colon > 0) field(text.slice(0, colon), text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1))
  }

  return {
    events,
    get retry() {
      return retry
    },
    get pending() {
      return buffers.data + line
    },
    take: bytes => {
      for (const character of decoder.decode(bytes, { stream: true })) {
        const isAfterReturn = wasReturn
        wasReturn = character === '\r'
        if (character === '\n' && isAfterReturn) continue
        if (character === '\n' || character === '\r') endLine()
        else line += character
      }
    },
  }
}

export interface ChunkedBody {
  /** The bytes of the body that these bytes of the connection hold. Throws where they break the rules. */
  take(bytes: Uint8Array): Uint8Array
  readonly isEnded: boolean
}

/** Undoes the chunks of a body, wherever the network cut it. Chunk extensions and trailers are not expected, and refused. */
export function readChunkedBody(): ChunkedBody {
  let size = ''
  let left = 0
  let expects: 'size' | 'size LF' | 'content' | 'CR' | 'LF' | 'nothing' = 'size'
  let isLast = false
  const say = (byte: number): never => {
    throw new Error(`byte ${byte} where ${expects} must stand`)
  }

  const frame = (byte: number): void => {
    if (expects === 'size' && /^[0-9a-fA-F]$/.test(String.fromCharCode(byte)) && size.length < 8) {
      size += String.fromCharCode(byte)
    } else if (expects === 'size' && byte === 13 && size !== '') expects = 'size LF'
    else if (expects === 'size LF' && byte === 10) {
      left = Number.parseInt(size, 16)
      size = ''
      isLast = left === 0
      expects = isLast ? 'CR' : 'content'
    } else if (expects === 'CR' && byte === 13) expects = 'LF'
    else if (expects === 'LF' && byte === 10) expects = isLast ? 'nothing' : 'size'
    else say(byte)
  }

  return {
    get isEnded() {
      return expects === 'nothing'
    },
    take: bytes => {
      const content: number[] = []
      for (const byte of bytes) {
        if (expects !== 'content') {
          frame(byte)
          continue
        }
        content.push(byte)
        left -= 1
        if (left === 0) expects = 'CR'
      }
      return Uint8Array.from(content)
    },
  }
}
