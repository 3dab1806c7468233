/** Milliseconds since the session began as `1:02:03.456`, hours only where there are some. */
export function clock(ms: number): string {
  const whole = Math.max(0, Math.floor(ms))
  const part = (value: number, digits: number): string => String(value).padStart(digits, '0')
  const hours = Math.floor(whole / 3_600_000)
  const rest = `${part(Math.floor(whole / 60_000) % 60, 2)}:${part(Math.floor(whole / 1000) % 60, 2)}.${part(whole % 1000, 3)}`
  return hours === 0 ? rest : `${hours}:${rest}`
}
