/** The shapes of what is answered, as JSON Schema (2020-12). Nothing else may be in an answer than what stands here. */

type Schema = Readonly<Record<string, unknown>>

const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more })
const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
const flag = (description: string): Schema => ({ type: 'boolean', description })
const listOf = (items: Schema, description: string): Schema => ({ type: 'array', items, description })
const oneOf = (words: readonly string[], description: string): Schema => ({ enum: words, description })
const refTo = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** All properties are required, but for those named after them. */
const object = (description: string, properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  description,
  properties,
  required: Object.keys(properties).filter(name => !optional.includes(name)),
  additionalProperties: false,
})

const mapOf = (values: Schema, description: string): Schema => ({ type: 'object', description, additionalProperties: values })

const amount = (description: string): Schema =>
  text(`${description}, digit for digit as the exchange sent it`, { pattern: '^-?[0-9]{1,40}([.][0-9]{1,40})?$' })
const time = (description: string): Schema => count(`${description}, milliseconds since 1970`)
const pair = text('What is priced, such as BTC/USD')
const level = oneOf(
  ['live', 'polling', 'shared-cache', 'local-cache', 'stale'],
  'Where prices come from now, best first; the last three are cached',
)
const role = oneOf(['follower', 'leader', 'solo'], 'What this instance is; solo: cut off from the others, with a socket of its own')

const priceFields: Readonly<Record<string, Schema>> = {
  cause: oneOf(['trade', 'ticker', 'book', 'rest'], 'What brought this price'),
  pair,
  symbol: text('The same as the exchange calls it'),
  price: amount('Price of the last trade'),
  bid: amount('Best bid'),
  ask: amount('Best ask'),
  open24h: amount('Price 24 hours ago'),
  high24h: amount('Highest in 24 hours'),
  low24h: amount('Lowest in 24 hours'),
  volume24h: amount('Volume of 24 hours in the base currency'),
  change24h: amount('Change in 24 hours'),
  changePercent24h: amount('Change in 24 hours in per cent'),
  tradeId: count('Id of the last trade'),
  exchangeTime: time('When the exchange says it happened'),
  receivedAt: time('When it arrived here'),
  source: oneOf(['websocket', 'rest'], 'How it arrived'),
  level,
  cached: flag('Whether it may be older than the newest trade'),
}
const mayLack = [
  ...['bid', 'ask', 'open24h', 'high24h', 'low24h', 'volume24h', 'change24h', 'changePercent24h'],
  ...['tradeId', 'exchangeTime'],
]
const id = text('Position, opaque: send the last one back as Last-Event-ID', { pattern: '^[0-9]{1,16}-[0-9]{1,16}$' })

const pairError = object('A pair that is not served', {
  pair,
  code: oneOf(['unknown-pair', 'not-trading', 'no-room', 'no-price-yet'], 'Why'),
  detail: text('The same as a sentence'),
})

/** What the data of each event on a stream holds. */
export const events = {
  status: object('On connect, and whenever it changes', {
    level,
    role,
    since: time('Since when the instance has this level'),
    pairs: mapOf(level, 'Level of each pair of this stream'),
  }),
  price: object('A newer price. Per pair never an older one after it', priceFields, mayLack),
  gap: object(
    'With mode=every: trades of a pair that could not be had',
    { pair, from: count('First trade id'), to: count('Last trade id') },
    ['from', 'to'],
  ),
  interval: object('This reader does not keep up, or does again: from here on it gets at most one price per pair in this time', {
    intervalMs: count('ms; 0: each as it comes'),
  }),
  'pair-error': pairError,
  reconnect: object('The server ends this stream on purpose; come back', { afterMs: count('Wait so long first, ms') }),
  busy: object('No room now. The stream ends; come back', { afterMs: count('Wait so long first, ms') }),
} as const

const bus = object('The bus of this instance', {
  kind: oneOf(['embedded', 'redis'], 'What instances share'),
  state: oneOf(['joining', 'catching-up', 'current', 'behind'], 'Whether the copy here is current'),
  garbled: count('Messages that could not be read'),
  holes: count('Prices that followed one which never came'),
  published: count('Prices published by this instance'),
  conflated: count('Prices replaced by newer ones before they were published'),
  lost: count('Prices the bus did not take'),
  uncached: count('Prices told but not stored'),
  waiting: count('Prices waiting for the bus'),
})

const connection = oneOf(
  ['idle', 'connecting', 'connected', 'reconnecting', 'intentionally-disconnected', 'blocked'],
  'The connection to the exchange',
)

const shard = object('One of them', {
  shard: count('Its number, from 1'),
  connection,
  sockets: count('Its sockets'),
  streams: count('Streams asked for'),
  confirmed: count('Streams something was heard of'),
})

const exchange = object(
  'The link to the exchange',
  {
    symbols: count('Symbols it lists'),
    sockets: count('Sockets'),
    attempts: count('Connections tried'),
    opened: count('Connections that opened'),
    refused: count('Connections refused with a status'),
    host: text('Where the last one led to'),
    streams: count('Streams asked for'),
    confirmed: count('Streams something was heard of'),
    shards: listOf(shard, 'The connections side by side'),
    ticks: count('Messages with a price'),
    garbage: count('Messages that are no JSON'),
    foreign: count('Messages of something not asked for'),
    silent: listOf(text('A stream'), 'Streams that fell silent while their socket lives'),
    missedTrades: object('Trades that readers of every one lacked', {
      asked: count('Times they were asked for'),
      found: count('Trades the exchange still knew'),
    }),
  },
  ['host'],
)

const status = object(
  'One instance, with the words of its state machines',
  {
    instance: text('Its name'),
    role,
    epoch: count('The newest term known here'),
    connection,
    level,
    since: time('Since when it has this level'),
    lastError: {
      anyOf: [object('What went wrong last', { message: text('A sentence'), at: time('When') }), { type: 'null' }],
      description: 'What went wrong last, if anything did',
    },
    pairs: mapOf(
      object('One pair', { level, source: oneOf(['websocket', 'rest'], 'How its price arrived'), ageMs: count('Age of its price, ms') }, [
        'source',
        'ageMs',
      ]),
      'Pairs wanted here',
    ),
    readers: count('Streams open now'),
    workers: listOf(
      object('One', { pid: count('Process'), readers: count('Streams open there'), silentMs: count('Since it last said so, ms') }),
      'Processes that hold the readers, if there are any',
    ),
    bus,
    exchange,
  },
  ['workers'],
)

const health = object(
  'Whether readers should be sent here',
  {
    status: oneOf(['ready', 'not ready'], 'ready with 200, not ready with 503'),
    reasons: listOf({ type: 'string' }, 'Why not'),
    live: flag('Only at /health'),
    detail: refTo('Status'),
  },
  ['live', 'detail'],
)

const problem = object(
  'What is wrong with a request (RFC 9457)',
  {
    type: text('about:blank'),
    title: text('In three words'),
    status: count('As the status of the answer'),
    detail: text('In one sentence'),
    errors: listOf(refTo('PairError'), 'Of each pair, where none is left'),
  },
  ['errors'],
)

export const schemas = {
  Price: object('The last price of a pair', { id, ...priceFields }, mayLack),
  Prices: object('Last prices', {
    prices: listOf(refTo('Price'), 'Those there are'),
    errors: listOf(refTo('PairError'), 'What is wrong with the others'),
  }),
  Pairs: object('Pairs the exchange lists', {
    pairs: listOf(
      object('One', { pair, symbol: text('The same as the exchange calls it'), status: text('TRADING, or why not') }),
      'At most 500',
    ),
  }),
  Status: status,
  Health: health,
  Alive: object('This process answers', { status: oneOf(['alive'], 'Always') }),
  HandingOver: object('Under way', { status: oneOf(['handing over'], 'Always') }),
  PairError: pairError,
  Problem: problem,
} as const
