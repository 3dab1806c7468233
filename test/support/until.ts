/** Looks until what is awaited is there, and returns it. Fails with a sentence after `withinMs`, also when a look itself does not end. */
export async function until<T>(what: string, look: () => T | Promise<T>, withinMs = 10_000): Promise<NonNullable<Exclude<T, false>>> {
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isOver = true
      reject(new Error(`waited ${withinMs} ms in vain until ${what}`))
    }, withinMs)
  })
  const seek = async (): Promise<NonNullable<Exclude<T, false>>> => {
    for (;;) {
      const seen = await look()
      if (seen !== undefined && seen !== null && seen !== false) return seen as NonNullable<Exclude<T, false>>
      if (isOver) return await late
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
  try {
    return await Promise.race([seek(), late])
  } finally {
    clearTimeout(timer)
  }
}
