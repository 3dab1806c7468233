import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'

/** The trades of a recording, read by means that share nothing with the product: a pattern over the text of each line. */
export async function readTrades(file: string): Promise<{ tradeId: number; price: string }[]> {
  const trades: { tradeId: number; price: string }[] = []
  for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
    const match = /@trade".*"t":(\d+),"p":"([\d.]+)"/.exec(line)
    if (match !== null) trades.push({ tradeId: Number(match[1]), price: match[2] ?? '' })
  }
  return trades
}
