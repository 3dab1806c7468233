/** `12 s`, `3 min`, `2 h`, `4 d`; what is younger than a second is `now`. */
export function readAge(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return 'now'
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** `17:52:03`, with the day when it was another one. */
export function readTime(epochMs: number): string {
  const then = new Date(epochMs)
  const isToday = then.toDateString() === new Date().toDateString()
  return isToday ? time.format(then) : `${then.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${time.format(then)}`
}
