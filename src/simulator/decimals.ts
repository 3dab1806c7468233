/** Prices and quantities are whole numbers of 1e-8, so that sums are exact; this many make one. */
export const ONE = 100_000_000

/** A whole number of 1e-8 as the spot exchange prints it: always eight decimals. */
export function e8(value: bigint | number): string {
  const text = String(value)
  const sign = text.startsWith('-') ? '-' : ''
  const digits = text.slice(sign.length).padStart(9, '0')
  return `${sign}${digits.slice(0, -8)}.${digits.slice(-8)}`
}

/** The reverse of `e8` for a decimal string of up to eight decimals. */
export function fromDecimal(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(8, '0').slice(0, 8))
}

/** `part / whole` in percent with three decimals, as `priceChangePercent` prints it; "0.000" of nothing. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '0.000' : ((part / whole) * 100).toFixed(3)
}
