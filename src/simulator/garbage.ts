/** Frames no feed should choke on: truncated JSON, no JSON, a binary frame, an array, an event nobody knows. */
export const GARBAGE: readonly (string | Buffer)[] = [
  '{"stream":"btcusdt@trade","data":{"e":"trade","E":17',
  'upstream connect error or disconnect/reset before headers',
  Buffer.from([0x00, 0xff, 0x10, 0x27, 0xc3, 0x28]),
  '[{"e":"24hrMiniTicker"},null,[]]',
  '{"stream":"btcusdt@tomorrow","data":{"e":"tomorrow","E":1700000000000,"s":"BTCUSDT"}}',
]

/** A well-formed text frame of exactly so many bytes, but for very few. */
export function giant(bytes: number): string {
  const empty = '{"stream":"!giant","data":{"e":"giant","padding":""}}'
  return empty.replace('""', `"${'x'.repeat(Math.max(0, bytes - empty.length))}"`)
}
