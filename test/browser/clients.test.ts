import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { EventSource as OtherEventSource } from 'eventsource'
import { afterEach, describe, expect, test } from 'vitest'
import { browserAvailable, startBrowser, visit } from '../support/browser.ts'
import { type House, openHouse } from '../support/doors.ts'
import { eventsOf } from '../support/outlet.ts'
import { until } from '../support/until.ts'

/** The stream, read by programs that others wrote: what comes out must be what went in, in order, once. */

/** What a client has read so far: id and price of each price. */
interface Reading {
  read(): readonly string[] | Promise<readonly string[]>
  stop(): unknown
}

const isThere = (program: string): boolean => {
  const isFound = spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
  if (!isFound && process.env.CI === 'true') throw new Error(`no ${program} on the path, and in CI nothing may be left out`)
  return isFound
}

const told = ({ id, price }: { readonly id: string | undefined; readonly price: string }): string => `${id} ${price}`

function listen(program: string, args: readonly string[], read: (text: string) => readonly string[]): Reading {
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const parts: Buffer[] = []
  child.stdout?.on('data', part => parts.push(part))
  return { read: () => read(Buffer.concat(parts).toString()), stop: () => child.kill('SIGKILL') }
}

const wholeEvents = (text: string): readonly string[] =>
  eventsOf(text.slice(0, text.lastIndexOf('\n\n') + 2))
    .filter(({ name }) => name === 'price')
    .map(({ id, data }) => told({ id, price: data.price }))

const python = `
import json, sys, urllib.request
name = ident = data = ''
for line in urllib.request.urlopen(sys.argv[1]):
    field, _, value = line.decode('utf-8').rstrip('\\n').partition(': ')
    if field == 'event': name = value
    elif field == 'id': ident = value
    elif field == 'data': data = value
    elif field == '' and name == 'price':
        print(ident, json.loads(data)['price'], flush=True)
        name = ''
    elif field == '': name = ''
`
const lines = (text: string): readonly string[] => text.split('\n').slice(0, -1)

const clients: Readonly<Record<string, { readonly isHere: boolean; open(url: string): Reading | Promise<Reading> }>> = {
  curl: { isHere: isThere('curl'), open: url => listen('curl', ['-sN', '--max-time', '60', url], wholeEvents) },
  'curl --compressed': {
    isHere: isThere('curl'),
    open: url => listen('curl', ['-sN', '--compressed', '--max-time', '60', url], wholeEvents),
  },
  'curl --http1.0': { isHere: isThere('curl'), open: url => listen('curl', ['-sN', '--http1.0', '--max-time', '60', url], wholeEvents) },
  'Python urllib': { isHere: isThere('python3'), open: url => listen('python3', ['-c', python, url], lines) },
  'npm eventsource': {
    isHere: true,
    open: url => {
      const seen: string[] = []
      const source = new OtherEventSource(url)
      source.addEventListener('price', event => seen.push(told({ id: event.lastEventId, price: JSON.parse(event.data).price })))
      return { read: () => seen, stop: () => source.close() }
    },
  },
  'fetch of Node': {
    isHere: true,
    open: async url => {
      const leave = new AbortController()
      const { body } = await fetch(url, { signal: leave.signal })
      const parts: Uint8Array[] = []
      const read = async (): Promise<void> => {
        for await (const part of body ?? []) parts.push(part)
      }
      read().catch(() => {})
      return { read: () => wholeEvents(Buffer.concat(parts).toString()), stop: () => leave.abort() }
    },
  },
  'EventSource of Chromium': {
    isHere: browserAvailable,
    open: async url => {
      const browser = await startBrowser()
      const { page } = await visit(browser, new URL('/health/live', url).href)
      await page.evaluate(address => {
        const seen: string[] = []
        Object.assign(globalThis, { seen })
        new EventSource(address).addEventListener('price', event => seen.push(`${event.lastEventId} ${JSON.parse(event.data).price}`))
      }, url)
      return { read: () => page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen), stop: () => browser.close() }
    },
  },
}

describe('programs of others read the stream', () => {
  let house: House | undefined
  const readings: Reading[] = []
  afterEach(async () => {
    for (const reading of readings.splice(0)) await reading.stop()
    house?.close()
  })

  test('each price once and in order, one at a time, many at a time and in other scripts', async () => {
    const on = await openHouse()
    house = on
    const url = `${on.url}/v1/stream?mode=every&pairs=BTC/USD,${encodeURIComponent('币安/USD')}`
    const here = Object.entries(clients).filter(([, { isHere }]) => isHere)
    expect(here.length).toBeGreaterThanOrEqual(3)
    const opened = await Promise.all(here.map(([, { open }]) => open(url)))
    readings.push(...opened)
    await until('everybody reads', () => on.hub.counts().readers === here.length)
    for (let at = 1; at <= 40; at += 1) {
      on.price({ at, pair: at % 3 === 0 ? '币安/USD' : 'BTC/USD' })
      // Apart, so that they come in several pieces.
      await new Promise(resolve => setImmediate(resolve))
    }
    for (let at = 41; at <= 2000; at += 1) on.price({ at })
    const all = Array.from({ length: 2000 }, (_, index) => `1-${index + 1} ${index + 1}.50000000`)
    for (const [index, [name]] of here.entries()) {
      const reading = opened[index]
      await until(`${name} has read all`, async () => {
        // Whoever could not keep up goes on when it has, at the next turn of this clock.
        on.clock.advance(0)
        return ((await reading?.read())?.length ?? 0) >= all.length
      })
      expect(await reading?.read(), name).toEqual(all)
    }
  }, 60_000)
})
