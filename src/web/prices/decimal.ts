/** Amounts as the exchange writes them, `60513.30000000`, compared and laid out as text: no digit passes through floating point. */

interface Parts {
  readonly isNegative: boolean
  /** Without leading zeros; empty below one. */
  readonly whole: string
  /** Without trailing zeros. */
  readonly fraction: string
}

function read(amount: string): Parts | undefined {
  const match = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(amount)
  if (match === null || !/\d/.test(amount)) return undefined
  const [, sign, whole = '', fraction = ''] = match
  return { isNegative: sign === '-' && whole + fraction !== '', whole, fraction }
}

const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/** Below, above or equal to 0 as `a` is less than, more than or equal to `b`; 0 as well for what is no amount. */
export function compareAmounts(a: string, b: string): number {
  const [one, two] = [read(a), read(b)]
  if (one === undefined || two === undefined) return 0
  if (one.isNegative !== two.isNegative) return one.isNegative ? -1 : 1
  const size = one.whole.length - two.whole.length || byText(one.whole, two.whole) || byText(one.fraction, two.fraction)
  return one.isNegative && size !== 0 ? -size : size
}

/** How many digits after the point say something: 1 for `60513.30000000`. */
export const decimalsOf = (amount: string): number => read(amount)?.fraction.length ?? 0

/** `60513.30000000` with 2 decimals → `60,513.30`. Digits are added, never taken away; what is no amount is shown as it is. */
export function layOut(amount: string, decimals: number): string {
  const parts = read(amount)
  if (parts === undefined) return amount
  const whole = (parts.whole || '0').replace(/\B(?=(\d{3})+$)/g, ',')
  const fraction = parts.fraction.padEnd(decimals, '0')
  return `${parts.isNegative ? '−' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/** `-1.234` → `−1.23 %`. A share of change, not an amount to trade at: rounding is what is wanted. */
export function percent(text: string): string {
  const value = Number(text)
  if (!Number.isFinite(value)) return ''
  const shown = Math.abs(value).toFixed(2)
  const sign = Number(shown) === 0 ? '' : value < 0 ? '−' : '+'
  return `${sign}${shown} %`
}
