import type { Listing } from './wire.ts'

/** Pairs found for what was typed, best first. */

const foundMax = 40

export async function lookUp(text: string, signal: AbortSignal): Promise<readonly Listing[]> {
  const answer = await fetch(`/v1/pairs?search=${encodeURIComponent(text.trim())}`, { signal })
  if (!answer.ok) return []
  const { pairs } = (await answer.json()) as { readonly pairs: readonly Listing[] }
  return rank(pairs, text).slice(0, foundMax)
}

/** Quotes most people mean, first; the others after them. */
const usual = ['USD', 'USDT', 'USDC', 'EUR', 'BTC']

/** What is traded goes before what is not, what begins with the text before what holds it, short bases before long, usual quotes before others. */
export function rank(listings: readonly Listing[], text: string): readonly Listing[] {
  const wanted = text.trim().toUpperCase().replace('-', '/')
  const scoreOf = ({ pair, status }: Listing): number => {
    const [base = '', quote = ''] = pair.split('/')
    const rarity = (usual.indexOf(quote) + usual.length + 1) % (usual.length + 1)
    const place = pair === wanted ? 0 : base === wanted ? 1 : pair.startsWith(wanted) ? 2 : 3
    return (status === 'TRADING' ? 0 : 10_000) + 200 * place + 10 * Math.min(base.length, 19) + rarity
  }
  return [...listings].sort((a, b) => scoreOf(a) - scoreOf(b) || a.pair.length - b.pair.length || (a.pair < b.pair ? -1 : 1))
}
