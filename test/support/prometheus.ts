/** A scrape, read as strictly as Prometheus reads text format 0.0.4: throws at the first line it would refuse. */
export interface Scrape {
  /** Value of one sample; labels as they are written, in their order: `at="bus"`. Throws when there is none. */
  of(name: string, labels?: string): number
  /** Word of the label whose sample is 1. Throws unless it is exactly one. */
  word(name: string): string
  /** Name → counter or gauge, in the order told. */
  readonly kinds: ReadonlyMap<string, string>
}

const sampleShape =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=\w))?)*)\})? (\+Inf|-Inf|NaN|-?[0-9.]+(?:e[+-]?\d+)?)$/

export function readScrape(text: string): Scrape {
  const kinds = new Map<string, string>()
  const samples = new Map<string, number>()
  let helped = ''
  let current = ''
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  for (const line of text.slice(0, -1).split('\n')) {
    const [, mark, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (mark === 'HELP') {
      helped = name
    } else if (mark === 'TYPE') {
      if (helped !== name || kinds.has(name) || !/^(counter|gauge)$/.test(rest)) throw new Error(`out of place: ${line}`)
      kinds.set(name, rest)
      current = name
    } else {
      const [, of = '', labels = '', value = ''] = sampleShape.exec(line) ?? []
      const key = `${of}{${labels}}`
      if (of === '' || of !== current || samples.has(key)) throw new Error(`no sample of ${current}, or twice: ${line}`)
      samples.set(key, Number(value.replace('Inf', 'Infinity')))
    }
  }
  return {
    kinds,
    of: (name, labels = '') => {
      const value = samples.get(`${name}{${labels}}`)
      if (value === undefined) throw new Error(`no sample ${name}{${labels}} in ${[...samples.keys()].join(' ')}`)
      return value
    },
    word: name => {
      const words = [...samples]
        .filter(([key, value]) => key.startsWith(`${name}{`) && value === 1)
        .map(([key]) => /="(.*)"/.exec(key)?.[1])
      if (words.length !== 1) throw new Error(`${name} says ${words.join(', ')}`)
      return words[0] ?? ''
    },
  }
}
