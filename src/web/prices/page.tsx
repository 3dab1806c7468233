import type { JSX } from 'preact'
import { Announcer, announce } from '../shared/announce.tsx'
import { Masthead } from '../shared/masthead.tsx'
import { Banner } from './banner.tsx'
import { instanceName, status } from './instance.ts'
import { Search } from './search.tsx'
import { connection } from './stream.ts'
import { Table } from './table.tsx'
import { watch, watchlist } from './watchlist.ts'
import { levelWords, roleWords } from './words.ts'

export const Page = (): JSX.Element => (
  <>
    <Masthead here="prices">
      <Instance />
      <LevelPill />
    </Masthead>
    <main>
      <div class="toolbar">
        <div>
          <h1>Live prices</h1>
          {watchlist.value.length > 0 && <p class="count">{watchlist.value.length === 1 ? '1 pair' : `${watchlist.value.length} pairs`}</p>}
        </div>
        <Search />
      </div>
      <Banner />
      {watchlist.value.length === 0 ? <Nothing /> : <Table />}
      {watchlist.value.length > 0 && <Command />}
    </main>
    <Announcer />
  </>
)

const Instance = (): JSX.Element => {
  const role = status.value?.role ?? ''
  return (
    <span class="instance" title={roleWords[role]}>
      {instanceName.value !== '' && <b>{instanceName}</b>}
      {role !== '' && <span class="role">{role}</span>}
    </span>
  )
}

const LevelPill = (): JSX.Element => {
  const { kind } = connection.value
  const level = status.value?.level
  if (kind === 'idle') return <span class="level waiting">no pairs</span>
  if (kind === 'open' && level !== undefined) return <span class={`level ${level}`}>{levelWords[level]}</span>
  return kind === 'connecting' ? <span class="level waiting">connecting</span> : <span class="level cut">reconnecting</span>
}

const suggested = ['BTC/USD', 'ETH/USD', 'SOL/USD', 'BNB/USD', 'XRP/USD']

const Nothing = (): JSX.Element => (
  <div class="panel nothing">
    <h2>No pairs yet</h2>
    <p>Look one up above, or begin with one of these.</p>
    <p class="suggested">
      {suggested.map(pair => (
        <button
          key={pair}
          type="button"
          class="chip"
          onClick={() => {
            watch(pair)
            announce(`${pair} added.`)
          }}
        >
          <span aria-hidden="true">+ </span>
          {pair}
        </button>
      ))}
    </p>
  </div>
)

/** The same prices where programs read them. */
const Command = (): JSX.Element => {
  const pairs = watchlist.value
  return (
    <p class="command">
      The same in a terminal: <code>{`curl -N '${location.origin}/v1/stream?pairs=${pairs.join(',')}'`}</code>
    </p>
  )
}
