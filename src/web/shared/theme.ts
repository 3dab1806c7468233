import { effect, signal } from '@preact/signals'
import { keep, kept } from './kept.ts'

/** Light or dark: the system's wish until somebody chooses otherwise, here and on every page of this origin. */
export type Theme = 'light' | 'dark'

const wish = matchMedia('(prefers-color-scheme: dark)')
const wished = (): Theme => (wish.matches ? 'dark' : 'light')
const chosen = (): Theme | undefined => {
  const choice = kept('theme')
  return choice === 'light' || choice === 'dark' ? choice : undefined
}

export const theme = signal<Theme>(chosen() ?? wished())

/** The other one. Choosing what the system wishes is no choice: it follows the system again. */
export function turnTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark'
  keep('theme', theme.value === wished() ? undefined : theme.value)
}

/** Lets the page wear its theme from now on. */
export function wearTheme(): void {
  wish.addEventListener('change', () => {
    theme.value = chosen() ?? wished()
  })
  addEventListener('storage', () => {
    theme.value = chosen() ?? wished()
  })
  effect(() => {
    document.documentElement.dataset.theme = theme.value
  })
}
