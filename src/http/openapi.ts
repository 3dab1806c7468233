import { events, schemas } from './schemas.ts'

/**
 * The API, described once (OpenAPI 3.1): it is what /openapi.json answers and what /docs shows, and a test holds the real answers to it.
 */

type SchemaName = keyof typeof schemas

export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'path' | 'header'
  readonly required: boolean
  readonly description: string
  readonly schema: Readonly<Record<string, unknown>>
  readonly example?: string
}

export interface Operation {
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly Parameter[]
  readonly security?: readonly object[]
  readonly responses: Readonly<Record<string, Answered>>
}

export interface Answered {
  readonly description: string
  readonly content?: Readonly<Record<string, { readonly schema: Readonly<Record<string, unknown>> }>>
}

const parameter = (where: Parameter['in'], name: string, description: string, more: Partial<Parameter> = {}): Parameter => ({
  name,
  in: where,
  required: where === 'path',
  description,
  schema: { type: 'string' },
  ...more,
})

const json = (name: SchemaName, description: string): Answered => ({
  description,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
})
const plain = (type: string, description: string): Answered => ({ description, content: { [type]: { schema: { type: 'string' } } } })
const problem = (description: string): Answered => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
})

const pairs = (required: boolean): Parameter =>
  parameter('query', 'pairs', 'Up to 200 pairs with commas between them, in any case; BTC-USD is read as BTC/USD.', {
    required,
    example: 'BTC/USD,ETH/USD',
  })
const malformed = problem('The request is malformed; the detail says how.')
const noneLeft = problem('The exchange trades none of these pairs; errors says why of each.')
const noPriceYet = problem('No price has arrived within three seconds; ask again.')

const streamText = `Server-Sent Events: status, the last price of each pair at once, then each newer one. The events and their data:
${Object.keys(events).join(', ')} (schemas below). A price carries an id: EventSource sends the last one back by itself when it comes again,
and gets only what is newer. A comment comes after 15 s in which nothing else did.`

export const paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/v1/stream': {
    get: {
      summary: 'Prices as they happen',
      description: streamText,
      parameters: [
        pairs(true),
        parameter('query', 'mode', 'latest: what a slow reader missed is conflated to the newest. every: each trade once, in order.', {
          schema: { enum: ['latest', 'every'], default: 'latest' },
        }),
        parameter('query', 'interval', 'With mode=latest: at most one price per pair in so many milliseconds.', {
          schema: { type: 'integer', minimum: 0, maximum: 3_600_000, default: 0 },
        }),
        parameter('header', 'Last-Event-ID', 'Only what is newer than this id; one that is not understood sends everything.'),
        parameter('query', 'lastEventId', 'The same for clients that cannot send the header.'),
      ],
      responses: {
        200: plain('text/event-stream', 'The stream. Where there is no room: retry, event: busy, and its end.'),
        400: malformed,
        404: noneLeft,
      },
    },
  },
  '/v1/prices': {
    get: {
      summary: 'Last prices',
      description: 'Without pairs: all that this instance follows. A pair nobody had is asked for and waited for, up to three seconds.',
      parameters: [pairs(false)],
      responses: { 200: json('Prices', 'Prices, and what is wrong with the other pairs.'), 400: malformed, 404: noneLeft },
    },
  },
  '/v1/prices/{base}/{quote}': {
    get: {
      summary: 'Last price of one pair',
      parameters: [
        parameter('path', 'base', 'BTC of BTC/USD.', { example: 'BTC' }),
        parameter('path', 'quote', 'USD of BTC/USD.', { example: 'USD' }),
      ],
      responses: { 200: json('Price', 'The price.'), 400: malformed, 404: noneLeft, 503: noPriceYet },
    },
  },
  '/v1/prices/{pair}': {
    get: {
      summary: 'The same, written with a dash',
      parameters: [parameter('path', 'pair', 'BTC-USD, or BTC%2FUSD.', { example: 'BTC-USD' })],
      responses: { 200: json('Price', 'The price.'), 400: malformed, 404: noneLeft, 503: noPriceYet },
    },
  },
  '/v1/pairs': {
    get: {
      summary: 'Pairs the exchange lists',
      parameters: [parameter('query', 'search', 'Part of a pair or symbol; empty: any.', { example: 'btc' })],
      responses: { 200: json('Pairs', 'At most 500, best first.') },
    },
  },
  '/v1/status': { get: { summary: 'This instance in the words of its state machines', responses: { 200: json('Status', 'How it is.') } } },
  '/health/live': { get: { summary: 'Does the process answer', responses: { 200: json('Alive', 'It does.') } } },
  '/health/ready': {
    get: {
      summary: 'May readers be sent here',
      responses: { 200: json('Health', 'They may.'), 503: json('Health', 'Better not; reasons says why.') },
    },
  },
  '/health': {
    get: {
      summary: 'Both, with the status as detail',
      responses: { 200: json('Health', 'Ready.'), 503: json('Health', 'Alive, not ready.') },
    },
  },
  '/metrics': { get: { summary: 'Numbers for Prometheus', responses: { 200: plain('text/plain', 'Text exposition format 0.0.4.') } } },
  '/openapi.json': {
    get: {
      summary: 'This description',
      responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } } },
    },
  },
  '/docs': { get: { summary: 'This description for people', responses: { 200: plain('text/html', 'A page.') } } },
  '/admin/hand-over': {
    post: {
      summary: 'Give the lead to another instance',
      security: [{ admin: [] }],
      responses: {
        202: json('HandingOver', 'Under way; /v1/status of every instance tells the new leader.'),
        401: problem('The token is missing or wrong.'),
        403: problem('This instance has no TICKCAST_ADMIN_TOKEN, so nobody may.'),
        409: problem('This instance does not lead.'),
      },
    },
  },
}

export const description = {
  openapi: '3.1.1',
  info: {
    title: 'Tickcast',
    version: '1',
    description:
      'Live prices of an exchange, to browsers over Server-Sent Events. Amounts are decimal strings, times milliseconds since 1970.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  paths,
  components: {
    schemas: {
      ...schemas,
      ...Object.fromEntries(Object.entries(events).map(([name, schema]) => [`event-${name}`, schema])),
    },
    securitySchemes: { admin: { type: 'http', scheme: 'bearer', description: 'TICKCAST_ADMIN_TOKEN of the instance.' } },
  },
} as const
