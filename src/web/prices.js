// The price page: one EventSource, one row per pair.

const kept = new URLSearchParams(location.search).get('pairs')
const pairs = new Set((kept ?? 'BTC/USD,ETH/USD').split(',').filter(pair => pair !== ''))
const rows = new Map()
const words = {
  live: 'live',
  polling: 'polling over REST',
  'shared-cache': 'from the shared cache',
  'local-cache': 'from the local cache',
  stale: 'stale',
}

const byId = id => document.getElementById(id)
const tidy = text => text.replace(/(\.\d\d\d*?)0+$/, '$1')
const put = (node, text) => {
  if (node.textContent !== text) node.textContent = text
}

let source

function connect() {
  source?.close()
  source = undefined
  for (const [pair, row] of rows) if (!pairs.has(pair)) removeRow(pair, row)
  for (const pair of pairs) if (!rows.has(pair)) addRow(pair)
  history.replaceState(null, '', pairs.size > 0 ? `?pairs=${[...pairs].join(',')}` : '?')
  if (pairs.size === 0) return say('no pairs', '')
  source = new EventSource(`/v1/stream?pairs=${encodeURIComponent([...pairs].join(','))}`)
  source.addEventListener('price', ({ data }) => showPrice(JSON.parse(data)))
  source.addEventListener('status', ({ data }) => showStatus(JSON.parse(data)))
  source.addEventListener('pair-error', ({ data }) => dropPair(JSON.parse(data)))
  source.addEventListener('busy', () => banner('This instance is full; trying again soon.'))
  source.onerror = () => {
    const gone = source.readyState === EventSource.CLOSED
    say(gone ? 'cannot be had' : 'reconnecting', 'stale')
    if (gone) banner('The stream was refused. Is every pair spelt as in BTC/USD?')
  }
}

function say(text, className) {
  put(byId('level'), text)
  byId('level').className = `level ${className}`
}

function banner(text) {
  byId('banner').hidden = text === ''
  put(byId('banner'), text)
}

function showStatus({ level, role, since, pairs: levels }) {
  say(words[level] ?? level, level)
  put(byId('instance'), `served by a ${role}`)
  banner(level === 'live' ? '' : `Prices are ${words[level] ?? level} since ${new Date(since).toLocaleTimeString()}.`)
  for (const [pair, pairLevel] of Object.entries(levels)) showLevel(pair, pairLevel)
}

function showLevel(pair, level) {
  const row = rows.get(pair)
  if (row === undefined) return
  put(row.level, row.price.textContent === '' ? 'waiting' : (words[level] ?? level))
  row.level.className = level
  row.pairLevel = level
}

function showPrice(price) {
  const row = rows.get(price.pair)
  if (row === undefined) return
  const before = Number(row.last ?? price.price)
  const now = Number(price.price)
  if (now !== before) row.price.className = `number price ${now > before ? 'up' : 'down'}`
  row.last = price.price
  row.receivedAt = price.receivedAt
  put(row.price, tidy(price.price))
  put(row.bid, price.bid === undefined ? '' : tidy(price.bid))
  put(row.ask, price.ask === undefined ? '' : tidy(price.ask))
  if (price.changePercent24h !== undefined) {
    const change = Number(price.changePercent24h)
    put(row.change, `${change > 0 ? '+' : ''}${change.toFixed(2)} %`)
    row.change.className = `number ${change < 0 ? 'down' : 'up'}`
  }
  showLevel(price.pair, row.pairLevel ?? price.level)
}

function dropPair({ pair, detail }) {
  put(byId('wrong'), detail)
  pairs.delete(pair)
  const row = rows.get(pair)
  if (row !== undefined) removeRow(pair, row)
}

function addRow(pair) {
  const node = document.createElement('tr')
  const cell = (className, tag = 'td') => {
    const made = document.createElement(tag)
    made.className = className
    node.append(made)
    return made
  }
  const name = cell('', 'th')
  name.scope = 'row'
  name.textContent = pair
  const row = {
    node,
    price: cell('number price'),
    change: cell('number'),
    bid: cell('number wide'),
    ask: cell('number wide'),
    age: cell('number quiet'),
    level: cell(''),
  }
  row.level.textContent = 'waiting'
  const remove = document.createElement('button')
  remove.textContent = '×'
  remove.ariaLabel = `Remove ${pair}`
  remove.onclick = () => {
    pairs.delete(pair)
    connect()
  }
  cell('').append(remove)
  byId('rows').append(node)
  rows.set(pair, row)
}

function removeRow(pair, { node }) {
  node.remove()
  rows.delete(pair)
}

byId('add').addEventListener('submit', async submitted => {
  submitted.preventDefault()
  const pair = byId('pair').value.trim().toUpperCase().replace('-', '/')
  put(byId('wrong'), '')
  if (!/^[^/,\s]+\/[^/,\s]+$/.test(pair)) return put(byId('wrong'), `"${pair}" is no pair; one looks like BTC/USD.`)
  byId('pair').value = ''
  pairs.add(pair)
  connect()
})

byId('pair').addEventListener('input', async () => {
  const search = byId('pair').value.trim()
  if (search === '') return
  const answer = await fetch(`/v1/pairs?search=${encodeURIComponent(search)}`)
  const found = (await answer.json()).pairs.filter(({ status }) => status === 'TRADING').slice(0, 20)
  byId('pairs').replaceChildren(...found.map(({ pair }) => Object.assign(document.createElement('option'), { value: pair })))
})

setInterval(() => {
  for (const { age, receivedAt } of rows.values()) {
    if (receivedAt === undefined) continue
    const seconds = Math.max(0, Date.now() - receivedAt) / 1000
    put(age, seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`)
  }
}, 200)

connect()
