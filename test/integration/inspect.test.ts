import { mkdtempSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { InspectRecord } from '../../src/inspect/record.ts'
import { mistakeOf } from '../../src/inspect/recording.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import { endAll, type Process, startProcess } from '../support/instance.ts'
import { redisAvailable } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** What a page at this address is told, until it is closed. */
interface Page {
  readonly records: InspectRecord[]
  /** When each record came, on this process's clock. */
  readonly cameAt: number[]
  readonly places: string[]
  actors(): Map<string, unknown>
  close(): void
}

async function openPage(url: string, headers: Record<string, string> = {}): Promise<Page> {
  const records: InspectRecord[] = []
  const cameAt: number[] = []
  const places: string[] = []
  let rest = ''
  const asking = request(`${url}/machines/feed`, { headers }, response => {
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      const blocks = (rest + text).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data === undefined) continue
        places.push(/^id: (.*)$/m.exec(block)?.[1] ?? '')
        for (const record of JSON.parse(data) as InspectRecord[]) {
          records.push(record)
          cameAt.push(performance.now())
        }
      }
    })
  })
  asking.on('error', () => {})
  asking.end()
  const actors = () => {
    const present = new Map<string, unknown>()
    for (const record of records) {
      if (record.kind === 'actor' || record.kind === 'step') present.set(record.actor, record.moment.value)
      if (record.kind === 'gone') present.delete(record.actor)
    }
    return present
  }
  await until('the feed speaks', () => records.length > 0)
  return { records, cameAt, places, actors, close: () => asking.destroy() }
}

const pages: Page[] = []
const open = async (...args: Parameters<typeof openPage>): Promise<Page> => {
  const page = await openPage(...args)
  pages.push(page)
  return page
}
let fleet: Fleet | undefined
afterEach(async () => {
  for (const page of pages.splice(0)) page.close()
  endAll()
  await fleet?.end()
  fleet = undefined
})

const inner = ['connection', 'fallback', 'leadership', 'relay']
const treeOf = (name: string): string[] => [`${name}/gateway`, ...inner.map(machine => `${name}/gateway/${machine}`)]
const pair = { LOG_LEVEL: 'info', TICKCAST_PAIRS: 'BTC/USD', TICKCAST_LEASE_TTL_MS: '1500' }

describe('the demo', () => {
  it('shows the actors of both instances on each page, without a Redis', async () => {
    const demo = await startProcess(['demo'], { ...pair, TICKCAST_ADMIN_TOKEN: 'sesame' })
    await until('both listen', () => demo.logged('listening').length === 2)
    for (const { url } of demo.logged('listening')) {
      const page = await open(String(url))
      await until('both are there', () => [...treeOf('one'), ...treeOf('two')].every(path => page.actors().has(path)))
      expect(page.records[0]).toMatchObject({ kind: 'head', from: 'live' })
      const machines = page.records.flatMap(record => (record.kind === 'chart' ? [record.chart.machine] : []))
      expect([...new Set(machines)].sort()).toEqual(['connection', 'fallback', 'gateway', 'leadership', 'relay'])
    }
    const page = pages[0] as Page
    await until('the leader renews its lease', () =>
      page.records.some(record => record.kind === 'step' && record.edges.some(edge => edge.includes('lease.held'))),
    )
    // What a page saves is a recording.
    expect(mistakeOf(page.records.map(record => JSON.stringify(record)).join('\n'))).toBeUndefined()

    const url = String(demo.logged('listening')[0]?.url)
    const sent = await fetch(`${url}/machines/send`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: 'Bearer sesame' },
      body: JSON.stringify({ actor: 'one/gateway/connection', event: { type: 'connection.stop' } }),
    })
    expect(sent.status).toBe(202)
    await until('the event was taken', () =>
      page.records.some(
        record =>
          record.kind === 'step' &&
          record.actor === 'one/gateway/connection' &&
          record.event.type === 'connection.stop' &&
          record.moment.value === 'intentionally-disconnected',
      ),
    )
  })
})

describe.skipIf(!redisAvailable)('a fleet with a Redis', () => {
  const two = async (): Promise<readonly [Process, Process]> => {
    fleet = await startFleet({ rate: 3, symbols: 20 })
    const one = await fleet.start({ ...pair, TICKCAST_INSTANCE_ID: 'one' })
    await fleet.leader([one])
    const other = await fleet.start({ ...pair, TICKCAST_INSTANCE_ID: 'two' })
    await until('the second one follows', async () => (await other.status()).level === 'live')
    return [one, other]
  }

  it('shows at the follower within 200 ms that the leader lost the exchange', async () => {
    const [, follower] = await two()
    const page = await open(follower.url)
    await until('all are there', () => [...treeOf('one'), ...treeOf('two')].every(path => page.actors().has(path)))
    const lost = () =>
      page.records.findIndex(
        record => record.kind === 'step' && record.actor === 'one/gateway/connection' && record.moment.value === 'reconnecting',
      )
    // On a loaded machine one of several tries is enough to show that nothing here waits on purpose.
    const delays: number[] = []
    for (let round = 0; round < 5 && !delays.some(ms => ms < 200); round += 1) {
      page.records.length = 0
      page.cameAt.length = 0
      const cutAt = performance.now()
      fleet?.exchange.faults.kill()
      const at = await until('the step arrives', () => (lost() >= 0 ? { at: lost() } : undefined))
      delays.push((page.cameAt[at.at] ?? Number.POSITIVE_INFINITY) - cutAt)
      await until('it is connected again', async () =>
        page.records.slice(at.at).some(record => record.kind === 'step' && record.edges.includes('connection.connecting|socket.opened|0')),
      )
    }
    expect(Math.min(...delays)).toBeLessThan(200)
  })

  it('gives a page that comes back what it missed only', async () => {
    const [leader] = await two()
    const keeper = await open(leader.url)
    const first = await open(leader.url)
    const place = first.places.at(-1) ?? ''
    first.close()
    const { length } = keeper.records
    await until('something happens', () => keeper.records.length > length + 5)
    const again = await open(leader.url, { 'Last-Event-ID': place })
    expect(again.records.map(({ kind }) => kind)).not.toContain('head')
    const numbers = again.records.flatMap(record => ('q' in record ? [record.q] : []))
    expect(numbers[0]).toBe(Number(place.split('-')[1]) + 1)
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at))
  })

  it('has nothing attached, and no connection to Redis more, after the last page is closed', async () => {
    const [leader, follower] = await two()
    const connections = async (): Promise<number> => {
      const list = await redisClients()
      return list.length
    }
    const before = await connections()
    const page = await open(follower.url)
    await until('the leader tells', () => page.actors().has('one/gateway'))
    expect(await connections()).toBe(before + 2)
    page.close()
    await until('both are alone again', async () => (await connections()) === before, 20_000)
    for (const { url } of [leader, follower]) expect((await fetch(`${url}/machines/config`)).status).toBe(200)
  })

  it('shows that an instance is gone that was killed', async () => {
    const [leader, follower] = await two()
    const page = await open(follower.url)
    await until('the leader is there', () => page.actors().has('one/gateway'))
    leader.signal('SIGKILL')
    await until('it is not any more', () => !page.actors().has('one/gateway'), 15_000)
    expect(page.actors().has('two/gateway')).toBe(true)
  })

  const redisClients = async (): Promise<string[]> => {
    const { Redis } = await import('ioredis')
    const hand = new Redis(fleet?.redis.url ?? '')
    const text = String(await hand.client('LIST'))
    hand.disconnect()
    return text.trim().split('\n')
  }
})

describe('switched off', () => {
  it('there is nothing at /machines', async () => {
    const demo = await startProcess(['demo'], { ...pair, TICKCAST_INSPECT: 'off' })
    for (const path of ['', '/feed', '/config']) expect((await fetch(`${demo.url}/machines${path}`)).status).toBe(404)
  })
})

describe('tickcast inspect', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-inspect-'))
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const head = '{"kind":"head","version":1,"from":"live","startedAt":0,"title":"t"}\n'

  it('serves a recording', async () => {
    const text = `${head}{"kind":"mark","q":1,"at":0,"who":"me","what":"hello","isFault":false}\n`
    const one = await startProcess(['inspect', file('good.jsonl', text), '--port', '0'], {})
    expect(one.url).toMatch(/^http:\/\/localhost:\d+\/machines$/)
    expect(await (await fetch(`${one.url}/recording`)).text()).toBe(text)
    expect(await (await fetch(`${one.url}/config`)).json()).toEqual({ mode: 'recording', title: 'good.jsonl', maySend: false })
    one.signal('SIGTERM')
    expect(await one.exited()).toBe(0)
  })

  it.each([
    ['empty.jsonl', '', /is no recording\. The file is empty\./],
    ['text.jsonl', 'hello\n', /Line 1 is no JSON: hello/],
    ['kind.jsonl', `${head}{"kind":"stop"}\n`, /Line 2: "kind" must be one of chart, actor/],
  ])('says in one sentence why it cannot open %s', async (name, text, said) => {
    const one = await startProcess(['inspect', file(name, text)], {}, { isServer: false })
    expect(await one.exited()).toBe(1)
    expect(one.said).toHaveLength(1)
    expect(one.said[0]).toMatch(said)
  })

  it('says that there is no such file', async () => {
    const one = await startProcess(['inspect', join(folder, 'none')], {}, { isServer: false })
    expect(await one.exited()).toBe(1)
    expect(one.said[0]).toMatch(/no such file/)
  })
})
