/** Listens to Redis itself, beside all instances: what it hears was accepted. */
import { Redis } from 'ioredis'

export interface Publication {
  /** Monotonic clock. */
  readonly at: number
  readonly channel: string
  readonly epoch: number
  readonly sequence: number
  readonly tradeId: number
}

export interface Heard {
  readonly at: number
  readonly epoch: number
  readonly instance: string
}

export interface Watch {
  readonly prices: readonly Publication[]
  readonly heartbeats: readonly Heard[]
  /** Publications of an epoch lower than one heard before. */
  readonly stale: readonly string[]
  /** Each epoch heard, in order. */
  readonly epochs: readonly number[]
  close(): void
}

export function openWatch(url: string): Watch {
  const redis = new Redis(url, { retryStrategy: () => 30, maxRetriesPerRequest: null, enableReadyCheck: false })
  const prices: Publication[] = []
  const heartbeats: Heard[] = []
  const stale: string[] = []
  const epochs: number[] = []
  redis.on('error', () => {})
  const heard = (epoch: number, what: string): void => {
    const newest = epochs.at(-1) ?? 0
    if (epoch < newest) stale.push(`${what} of epoch ${epoch} was accepted after ${newest}`)
    if (epoch > newest) epochs.push(epoch)
  }
  redis.on('pmessage', (_pattern: string, channel: string, text: string) => {
    const at = performance.now()
    if (channel.endsWith('prices:heartbeat')) {
      const { epoch, instance } = JSON.parse(text)
      heartbeats.push({ at, epoch, instance })
      return heard(epoch, `a heartbeat of ${instance}`)
    }
    const [, epochText = '0', sequence = '0'] = /"id":"(\d+)-(\d+)"/.exec(text) ?? []
    const epoch = Number(epochText)
    prices.push({ at, channel, epoch, sequence: Number(sequence), tradeId: Number(/"tradeId":(\d+)/.exec(text)?.[1] ?? 0) })
    heard(epoch, channel)
  })
  redis.psubscribe('*prices:dist:*', '*prices:heartbeat').catch(() => {})
  return { prices, heartbeats, stale, epochs, close: () => redis.disconnect() }
}
