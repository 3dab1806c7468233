import type { ComponentChildren, JSX } from 'preact'
import { theme, turnTheme } from './theme.ts'
import './masthead.css'

export interface MastheadProps {
  readonly here: 'prices' | 'machines'
  /** The other page is not there: this one is a part of another program, or shows a file. */
  readonly isAlone?: boolean
  /** What this page says about the instance, at the right. */
  readonly children?: ComponentChildren
}

const links = [
  { name: 'prices', path: '/', text: 'Prices' },
  { name: 'machines', path: '/machines', text: 'Machines' },
] as const

/** The top of both pages: who we are, the other page, the colours. */
export const Masthead = ({ here, isAlone = false, children }: MastheadProps): JSX.Element => (
  <header class="masthead">
    <a class="brand" href={isAlone ? undefined : '/'}>
      <Mark />
      Tickcast
    </a>
    {!isAlone && (
      <nav aria-label="Pages">
        {links.map(({ name, path, text }) => (
          <a key={name} href={path} aria-current={name === here ? 'page' : undefined}>
            {text}
          </a>
        ))}
      </nav>
    )}
    <div class="about">{children}</div>
    <ThemeButton />
  </header>
)

const Mark = (): JSX.Element => (
  <svg class="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
    <rect width="32" height="32" rx="8" />
    <path d="M6 20.5 12 14l5 4.5L26 9" />
    <circle cx="26" cy="9" r="2.6" />
  </svg>
)

const ThemeButton = (): JSX.Element => (
  <button
    type="button"
    class="icon"
    aria-label="Dark colours"
    title="Dark colours"
    aria-pressed={theme.value === 'dark'}
    onClick={turnTheme}
  >
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <circle cx="10" cy="10" r="7.25" fill="none" stroke="currentColor" stroke-width="1.5" />
      <path d="M10 2.75a7.25 7.25 0 0 1 0 14.5z" fill="currentColor" />
    </svg>
  </button>
)
