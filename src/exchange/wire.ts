import type { RawData } from 'ws'

/** What is used of a WebSocket, so that a simulated one can stand in its place. ws's own class is one. */
export interface Wire {
  readonly readyState: number
  on(event: 'open' | 'ping' | 'pong', listener: () => void): unknown
  on(event: 'message', listener: (raw: RawData, isBinary: boolean) => void): unknown
  on(event: 'unexpected-response', listener: (request: unknown, response: Refusal) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown
  send(text: string): void
  ping(): void
  close(code: number): void
  terminate(): void
}

export interface Refusal {
  readonly statusCode?: number | undefined
  readonly headers: { readonly 'retry-after'?: string | undefined }
  resume(): unknown
}

/** Opens a connection; throws on an address that is none. */
export type Connect = (url: string) => Wire

/** The answer to a GET. */
export interface Reply {
  readonly status: number
  readonly retryAfter: string | undefined
  /** Weight used in this minute, as the exchange counts it. */
  readonly usedWeight?: string | undefined
  /** The whole body; rejects when it is longer than `bytesMax`. */
  text(bytesMax: number): Promise<string>
  /** Lets go of a body nobody wants. */
  drop(): void
}

/** Asks a URL; rejects when nobody answers, or `stop` is raised. */
export type Get = (url: string, stop: AbortSignal) => Promise<Reply>

export const get: Get = async (url, stop) => {
  const response = await fetch(url, { signal: stop })
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after') ?? undefined,
    usedWeight: response.headers.get('x-mbx-used-weight-1m') ?? undefined,
    text: bytesMax => textOf(response, bytesMax),
    drop: () => void response.body?.cancel().catch(() => {}),
  }
}

async function textOf(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new Error('an endless answer')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
