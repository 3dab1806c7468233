import { EventEmitter } from 'node:events'
import type { Wire } from '../../src/exchange/wire.ts'

export interface FakeWire {
  readonly wire: Wire
  readonly sent: string[]
  readonly emitter: EventEmitter
  open(): void
  /** A message of the exchange. */
  say(text: string): void
}

/** A socket that, like a real one, takes nothing before it is open. */
export function fakeWire(): FakeWire {
  const emitter = new EventEmitter()
  const sent: string[] = []
  let isOpen = false
  const wire = Object.assign(emitter, {
    send: (text: string) => {
      if (!isOpen) throw new Error('WebSocket is not open')
      sent.push(text)
    },
    ping: () => {},
    close: () => {},
    terminate: () => {},
    readyState: 0,
  })
  const open = (): void => {
    isOpen = true
    emitter.emit('open')
  }
  return { wire: wire as unknown as Wire, sent, emitter, open, say: text => void emitter.emit('message', Buffer.from(text), false) }
}
