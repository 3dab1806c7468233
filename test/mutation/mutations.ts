import { foundBySimulation } from './found.ts'
import type { Suite } from './suites.ts'

/** One bug that somebody could make, and what should notice it. */
export interface Mutation {
  /** What the program does wrong. */
  readonly name: string
  readonly file: string
  /** What to find, exactly once in the file, and what to put in its place. */
  readonly changes: readonly (readonly [find: string, replacement: string])[]
  /** Those most likely to notice first. */
  readonly suites: readonly Suite[]
}

const embedded = 'test/contract/embedded.test.ts'
const redis = 'test/contract/redis.test.ts'
const redisFaults = 'test/contract/redis-faults.test.ts'
const unit = (name: string): Suite => `test/unit/${name}.test.ts`
const model = (name: string): Suite => `test/model/${name}.test.ts`
const simulation = 'simulation'

const fencing: readonly Mutation[] = [
  {
    name: 'Redis takes prices of any epoch: the fence is gone',
    file: 'src/bus/publish.lua',
    changes: [["if redis.call('GET', KEYS[1]) ~= epoch then", 'if false then']],
    suites: [redis],
  },
  {
    name: 'the embedded bus takes prices of any epoch',
    file: 'src/bus/memory-bus.ts',
    changes: [['keys.get(names.epoch) === String(epoch) ? tell(keys)', 'epoch > 0 ? tell(keys)']],
    suites: [simulation, embedded],
  },
  {
    name: 'Redis fences by "not older" instead of "the same epoch"',
    file: 'src/bus/publish.lua',
    changes: [["if redis.call('GET', KEYS[1]) ~= epoch then", "if tonumber(redis.call('GET', KEYS[1]) or '0') > tonumber(epoch) then"]],
    suites: [redis],
  },
  {
    name: 'the embedded bus fences by "not older" instead of "the same epoch"',
    file: 'src/bus/memory-bus.ts',
    changes: [['keys.get(names.epoch) === String(epoch) ? tell(keys)', 'Number(keys.get(names.epoch) ?? 0) <= epoch ? tell(keys)']],
    suites: [embedded],
  },
  {
    name: 'Redis counts epochs one by one, and after losing its keys gives one twice',
    file: 'src/leadership/acquire.lua',
    changes: [['math.max(previous + 1, micros, tonumber(ARGV[3]) + 1)', 'previous + 1']],
    suites: [redis],
  },
  {
    name: 'Redis ignores the highest epoch the candidate has seen',
    file: 'src/leadership/acquire.lua',
    changes: [['math.max(previous + 1, micros, tonumber(ARGV[3]) + 1)', 'math.max(previous + 1, micros)']],
    suites: [redis],
  },
  {
    name: 'the embedded lease counts epochs one by one',
    file: 'src/leadership/memory-lease.ts',
    changes: [['keys.timeMicros(), floorEpoch + 1)', 'floorEpoch * 0)']],
    suites: [simulation, embedded],
  },
  {
    name: 'prices are told before they are stored: a replica takes them and tells nobody',
    file: 'src/bus/publish.lua',
    changes: [
      ["\nfor at = first, #ARGV, 2 do\n  redis.call('PUBLISH', ARGV[at], ARGV[at + 1])\nend\n", '\n'],
      [
        'local first = #KEYS + 2\n',
        "local first = #KEYS + 2\nfor at = first, #ARGV, 2 do\n  redis.call('PUBLISH', ARGV[at], ARGV[at + 1])\nend\n",
      ],
    ],
    suites: [redisFaults],
  },
]

const leasing: readonly Mutation[] = [
  {
    name: 'anybody can release the lease in Redis',
    file: 'src/leadership/release.lua',
    changes: [["if redis.call('GET', KEYS[1]) ~= ARGV[1] then", "if redis.call('EXISTS', KEYS[1]) == 0 then"]],
    suites: [redis],
  },
  {
    name: 'anybody can release the embedded lease',
    file: 'src/leadership/memory-lease.ts',
    changes: [
      [
        'if (keys.get(names.leader) !== id) return false\n        keys.delete',
        'if (keys.get(names.leader) === undefined) return false\n        keys.delete',
      ],
    ],
    suites: [embedded],
  },
  {
    name: 'Redis renews a lease whose epoch is over',
    file: 'src/leadership/renew.lua',
    changes: [[" and redis.call('GET', KEYS[2]) == ARGV[3]", '']],
    suites: [redis],
  },
  {
    name: 'the embedded lease is renewed whatever the epoch',
    file: 'src/leadership/memory-lease.ts',
    changes: [['keys.get(names.leader) === id && keys.get(names.epoch) === String(epoch)', 'keys.get(names.leader) === id && epoch > 0']],
    suites: [embedded],
  },
  {
    name: 'the lease counts from its answer instead of from the sending of the question',
    file: 'src/actors.ts',
    changes: [['=> sentAt + ttlMs * (1 - leaseMargin)', '=> Math.max(sentAt, clock.now()) + ttlMs * (1 - leaseMargin)']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'the lease is trusted to its last millisecond: no margin',
    file: 'src/actors.ts',
    changes: [['const leaseMargin = 0.1', 'const leaseMargin = 0']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'a grant that came too late is taken for good',
    file: 'src/actors.ts',
    changes: [["isStillGood: ({ event }) => event.type === 'lease.granted' && event.validUntil > clock.now()", 'isStillGood: () => true']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'a lease granted to nobody who still waits is not given back',
    file: 'src/actors.ts',
    changes: [
      [
        "if (outcome.kind === 'granted' && mine === asks) void lease.release({ id })",
        "if (outcome.kind === 'granted' && mine > asks) void lease.release({ id })",
      ],
    ],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'a leader that drains keeps its lease',
    file: 'src/actors.ts',
    changes: [['void lease.release({ id }).then(() =>', 'void Promise.resolve().then(() =>']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'followers ask for the lease all in the same moment: no jitter',
    file: 'src/actors.ts',
    changes: [['remainingMs + 1 + clock.random() * 49', 'remainingMs + 1 + clock.random() * 0']],
    suites: [unit('mutation-actors')],
  },
]

const leading: readonly Mutation[] = [
  {
    name: 'a leader that was fenced goes on leading',
    file: 'machines/leadership.ts',
    changes: [["'lease.fenced': { target: 'follower', actions: 'rememberCause' }", "'lease.fenced': { actions: 'rememberCause' }"]],
    suites: [model('leadership')],
  },
  {
    name: 'a leader holds on when its lease is over',
    file: 'machines/leadership.ts',
    changes: [['            leaseSafetyMs: leaseOver,\n', '']],
    suites: [model('leadership')],
  },
  {
    name: 'the lease is taken for a minute longer than it is',
    file: 'src/actors.ts',
    changes: [['Math.max(0, context.validUntil - clock.now())', 'Math.max(0, context.validUntil + 60_000 - clock.now())']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'one unanswered question is enough to go on alone',
    file: 'machines/leadership.ts',
    changes: [['export const missesMax = 3', 'export const missesMax = 1']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'a solo never stands down',
    file: 'machines/leadership.ts',
    changes: [
      [
        "'lease.refused': { target: 'standing-down', actions: 'rememberHolder' }",
        "'lease.refused': { target: 'alone', actions: 'rememberHolder' }",
      ],
    ],
    suites: [simulation],
  },
  {
    name: 'an instance that stood still and missed its lease goes on alone without asking',
    file: 'machines/leadership.ts',
    changes: [["context.onLoss === 'solo' && context.misses > 0", "context.onLoss === 'solo'"]],
    suites: [model('leadership'), simulation],
  },
  {
    name: 'a leader publishes although its lease may be over',
    file: 'src/bus/publisher.ts',
    changes: [[' && !isOver()', '']],
    suites: [unit('publisher')],
  },
  {
    name: 'prices are sent again and again without a rest while the bus is out of reach',
    file: 'src/bus/publisher.ts',
    changes: [['const retryMs = 100', 'const retryMs = 0']],
    suites: [unit('publisher')],
  },
  {
    name: 'what newer prices have overtaken is sent again, too',
    file: 'src/bus/publisher.ts',
    changes: [['batch.filter(message => newest.get(message.pair) === message.payload)', 'batch.slice()']],
    suites: [unit('publisher')],
  },
  {
    name: 'when too many prices wait, the oldest of each pair is kept',
    file: 'src/bus/publisher.ts',
    changes: [
      [
        '      kept.delete(message.pair)\n      kept.set(message.pair, message)',
        '      if (!kept.has(message.pair)) kept.set(message.pair, message)',
      ],
    ],
    suites: [unit('publisher')],
  },
  {
    name: 'the leader streams only what its own readers want',
    file: 'src/instance.ts',
    changes: [["diary.isStandby() ? wanted.everywhere() : role === 'solo'", "diary.isStandby() ? wanted.here() : role === 'solo'"]],
    suites: [simulation],
  },
]

const handingOver: readonly Mutation[] = [
  {
    name: 'a lease is taken over without a claim, however late the request arrives',
    file: 'src/leadership/acquire.lua',
    changes: [[" and redis.call('GET', KEYS[3]) == ARGV[1]", '']],
    suites: [redis],
  },
  {
    name: 'the embedded lease is taken over without a claim',
    file: 'src/leadership/memory-lease.ts',
    changes: [[' && keys.get(names.successor) === id', '']],
    suites: [embedded],
  },
  {
    name: 'an offer, or a claim, outlives the term it was made in',
    file: 'src/leadership/acquire.lua',
    changes: [["redis.call('DEL', KEYS[3])", '']],
    suites: [redis],
  },
  {
    name: 'an offer is claimed that nobody makes any more',
    file: 'src/leadership/claim.lua',
    changes: [[" or redis.call('GET', KEYS[2]) ~= ARGV[2]", '']],
    suites: [redis],
  },
  {
    name: 'what the socket of a successor brought before it led is forgotten',
    file: 'src/path.ts',
    changes: [['for (const { tick, receivedAt } of held) take(tick, receivedAt)', 'void held']],
    suites: [unit('mutation-path')],
  },
  {
    name: 'a successor publishes before it leads',
    file: 'src/path.ts',
    changes: [['if (waiting === undefined && !publisher.isOver) return take(', 'if (waiting !== null) return take(']],
    suites: [unit('mutation-path')],
  },
  {
    name: 'a leader that hears a newer epoch goes on',
    file: 'src/bus/publisher.ts',
    changes: [['if (term !== undefined && at.epoch > term.epoch) stopPublishing(term.epoch)', '']],
    suites: [unit('publisher')],
  },
  {
    name: 'a successor lets go of its socket when it gets the lease',
    file: 'machines/hand-over.ts',
    changes: [
      ["target: '#leadership.leader', actions: 'takeTerm'", "target: '#leadership.leader', actions: ['takeTerm', 'tellStandbyOver']"],
    ],
    suites: [model('leadership')],
  },
  {
    name: 'a leader that hands over stops renewing',
    file: 'machines/hand-over.ts',
    changes: [["sure: { after: { renewMs: 'renewing', leaseSafetyMs", 'sure: { after: { leaseSafetyMs']],
    suites: [model('leadership')],
  },
]

const following: readonly Mutation[] = [
  {
    name: 'a follower reads the last prices before it subscribes',
    file: 'src/bus/follow.ts',
    changes: [
      [
        '      await line.subscribe(pairs.map(names.channel))\n',
        '      await readLast()\n      await line.subscribe(pairs.map(names.channel))\n',
      ],
    ],
    suites: [embedded],
  },
  {
    name: 'a follower says it has caught up before it has the last prices',
    file: 'src/bus/follow.ts',
    changes: [
      [
        '      await readLast()\n',
        '      if (!progress.caughtUp) events.caughtUp()\n      progress.caughtUp = true\n      await readLast()\n',
      ],
    ],
    suites: [embedded],
  },
  {
    name: 'a copy of the bus counts as current as soon as it is subscribed',
    file: 'machines/relay.ts',
    changes: [["'bus.subscribed': 'catching-up'", "'bus.subscribed': 'current'"]],
    suites: [model('relay')],
  },
  {
    name: 'a follower that lost the bus never joins again',
    file: 'machines/relay.ts',
    changes: [["      after: { rejoinMs: 'joining' },\n", '']],
    suites: [simulation],
  },
  {
    name: 'a follower subscribes before its connection is ready',
    file: 'src/bus/follow.ts',
    changes: [
      [
        'line.open().then(() => line.subscribe([...bulletins.keys()]))',
        'Promise.all([line.open(), line.subscribe([...bulletins.keys()])]).then(() => {})',
      ],
    ],
    suites: [redis],
  },
  {
    name: 'a connection that stands and delivers nothing is not noticed',
    file: 'src/downstream.ts',
    changes: [['const deafAfterMs = 5000', 'const deafAfterMs = 5_000_000']],
    suites: [unit('mutation-downstream')],
  },
  {
    name: 'a stored price replaces a live one that came meanwhile',
    file: 'src/bus/follow.ts',
    changes: [['if (payload && silent.has(pair) && !progress.over)', 'if (payload && !progress.over)']],
    suites: [embedded, simulation],
  },
  {
    name: 'the board takes prices that are not newer',
    file: 'src/board/board.ts',
    changes: [['before !== undefined && !isNewer(', 'before !== undefined && update.at.epoch < 0 && !isNewer(']],
    suites: [unit('board-mailbox')],
  },
  {
    name: 'the board takes an older trade at a newer position',
    file: 'src/board/board.ts',
    changes: [['before !== undefined && isOlderTrade(', 'before !== undefined && update.at.epoch < 0 && isOlderTrade(']],
    suites: [simulation, unit('board-mailbox')],
  },
  {
    name: 'a stored price is shown as live',
    file: 'src/levels.ts',
    changes: [['const isUnheard = entry.isStored || ', 'const isUnheard = ']],
    suites: [unit('mutation-levels')],
  },
  {
    name: 'a new level vouches for prices from before it',
    file: 'src/levels.ts',
    changes: [['vouchedSince(pair) - heartbeatMissedAfterMs', 'vouchedSince(pair) - 1e9']],
    suites: [unit('levels')],
  },
  {
    name: 'a heartbeat of a leader that is over counts',
    file: 'src/levels.ts',
    changes: [['if (last !== undefined && heartbeat.epoch < last.epoch) return\n', '']],
    suites: [unit('mutation-levels')],
  },
  {
    name: 'what the bus knew of a symbol is forgotten when the socket opens',
    file: 'src/path.ts',
    changes: [['if (known !== undefined) seedState(state, known.update.body)', 'if (known === undefined) seedState(state, pair)']],
    suites: [unit('mutation-path')],
  },
  {
    name: 'what others publish while we have a socket is not learnt',
    file: 'src/path.ts',
    changes: [
      [
        'if (state !== undefined) seedState(state, update.body)',
        'if (state === undefined) seedState(emptyState(update.pair), update.body)',
      ],
    ],
    suites: [unit('mutation-path')],
  },
]

const exchanging: readonly Mutation[] = [
  {
    name: 'a ticker moves the price back to an older trade',
    file: 'src/exchange/fold.ts',
    changes: [['if (!state.tradesFlow && tick.tradeId >= state.lastTrade) takePrice', 'if (!state.tradesFlow) takePrice']],
    suites: [unit('exchange-fold')],
  },
  {
    name: 'an answer over REST moves the price back to an older trade',
    file: 'src/exchange/fold.ts',
    changes: [['if (tick.tradeId < state.lastTrade || isOld(state, tick)) return undefined', 'if (isOld(state, tick)) return undefined']],
    suites: [unit('exchange-fold')],
  },
  {
    name: 'a futures contract is taken for spot',
    file: 'src/exchange/binance-message.ts',
    changes: [["  if ('ps' in data || 'pair' in data) return foreign('a futures contract')\n", '']],
    suites: [unit('exchange-decode')],
  },
  {
    name: 'a trade of futures is taken for spot',
    file: 'src/exchange/binance-message.ts',
    changes: [["if (e !== type || typeof M !== 'boolean')", "if (e !== type || typeof M === 'string')"]],
    suites: [unit('exchange-decode')],
  },
  {
    name: 'waits between connection attempts do not grow',
    file: 'src/actors.ts',
    changes: [['250 * 2 ** (attempt - 2)) + backoffMs(clock, attempt - 2, 250, 12_000)', '250) + backoffMs(clock, 0, 250, 12_000)']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'back-off is reset as soon as a socket opens',
    file: 'machines/connection.ts',
    changes: [["      tags: 'usable',\n", "      tags: 'usable',\n      entry: 'forgetAttempts',\n"]],
    suites: [model('connection')],
  },
  {
    name: 'back-off has no jitter: all instances come back in the same moment',
    file: 'src/clock.ts',
    changes: [['return clock.random() * Math.min(', 'return (1 + clock.random() * 0) * Math.min(']],
    suites: [unit('mutation-actors')],
  },
  {
    name: 'a connection that was stopped on purpose comes back by itself',
    file: 'machines/connection.ts',
    changes: [
      [
        "      entry: ['closeCurrent', 'closeSuccessor', 'forgetAttempts', 'tellDown'],\n",
        "      entry: ['closeCurrent', 'closeSuccessor', 'forgetAttempts', 'tellDown'],\n      after: { backoffMs: 'connecting' },\n",
      ],
    ],
    suites: [model('connection')],
  },
  {
    name: 'an ageing socket is closed before its successor has opened',
    file: 'machines/connection.ts',
    changes: [["entry: 'openSuccessor',", "entry: ['openSuccessor', 'closeCurrent'],"]],
    suites: [model('connection')],
  },
  {
    name: 'silence of the exchange is never noticed',
    file: 'src/exchange/feed.ts',
    changes: [['    if (!isSilent()) return\n    clock.soon', '    if (isSilent()) return\n    clock.soon']],
    suites: [unit('exchange-socket')],
  },
  {
    name: 'a dead socket is never noticed',
    file: 'src/exchange/binance.ts',
    changes: [['const deadAfterMs = 4200', 'const deadAfterMs = 4_200_000']],
    suites: [unit('exchange-socket')],
  },
  {
    name: 'a subscription counts as confirmed by its acknowledgement',
    file: 'src/exchange/subscriptions.ts',
    changes: [
      [
        '      pending.delete(name)\n      leaving.delete(name)\n    }\n',
        "      pending.delete(name)\n      leaving.delete(name)\n      if (request.method === 'SUBSCRIBE') confirmed.add(name)\n    }\n",
      ],
    ],
    suites: [unit('exchange-subscriptions')],
  },
  {
    name: 'after a reconnection nothing is subscribed',
    file: 'src/exchange/feed.ts',
    changes: [
      [
        '            socket.subscriptions.want(namesOf(wanted, streams))\n',
        '            if (counts.ticks === 0) socket.subscriptions.want(namesOf(wanted, streams))\n',
      ],
    ],
    suites: [simulation],
  },
  {
    name: 'the exchange is asked for streams before the socket is open',
    file: 'src/exchange/feed.ts',
    changes: [['if (isReady) socket.subscriptions.want(names)', 'if (isReady || names.size > 0) socket.subscriptions.want(names)']],
    suites: [unit('mutation-feed')],
  },
  {
    name: 'more messages are sent than the exchange allows',
    file: 'src/exchange/subscriptions.ts',
    changes: [['export const messagesMax = 3', 'export const messagesMax = 30']],
    suites: [unit('exchange-subscriptions'), unit('exchange-socket')],
  },
  {
    name: 'a refused subscription is asked for again without a rest',
    file: 'src/exchange/subscriptions.ts',
    changes: [
      [
        'const waitMs = againMs.least + backoffMs(clock, failures, againMs.first, againMs.max)',
        'const waitMs = 0 * backoffMs(clock, failures, againMs.first, againMs.max)',
      ],
    ],
    suites: [unit('exchange-subscriptions')],
  },
  {
    name: 'a new pair opens the socket anew',
    file: 'src/exchange/feed.ts',
    changes: [
      [
        'for (const { socket, isReady } of open.values()) if (isReady) socket.subscriptions.want(names)',
        "for (const [link, { tell, isReady }] of open) if (isReady && names.size > 0) tell({ type: 'socket.closed', link, cause: 'new pairs' })",
      ],
    ],
    suites: [unit('mutation-feed')],
  },
  {
    name: 'what the exchange refuses over REST is asked again at once',
    file: 'src/exchange/rest.ts',
    changes: [
      ['closedUntil = Math.max(closedUntil, clock.now() + waitMs)', 'closedUntil = Math.max(closedUntil, clock.now() + waitMs * 0)'],
    ],
    suites: [unit('exchange-rest')],
  },
  {
    name: 'pairs whose connection is broken are called live because others stream',
    file: 'src/exchange/shards.ts',
    changes: [['return isMissed(shard) ? clock.now() : shard.since', 'return isMissed(shard) ? Number.NEGATIVE_INFINITY : shard.since']],
    suites: [unit('exchange-shards'), 'test/simulation/shards.test.ts'],
  },
  {
    name: 'who no longer leads keeps the connections beside the first',
    file: 'src/exchange/shards.ts',
    changes: [['if (isAllOver) end(number, shard)', 'if (isAllOver && number < first) end(number, shard)']],
    suites: [simulation],
  },
  {
    name: 'a connection nobody needs any more is never closed',
    file: 'machines/gateway.ts',
    changes: [['        enqueue.stopChild(shardName(shard))\n', '']],
    suites: [model('gateway')],
  },
  {
    name: 'connections side by side are all opened at once',
    file: 'src/exchange/attempts.ts',
    changes: [['export const apartMs = 1000', 'export const apartMs = 0']],
    suites: [unit('exchange-shards')],
  },
  {
    name: 'a connection gets more symbols than it may carry streams',
    file: 'src/exchange/shards.ts',
    changes: [['Math.floor(streamsMax / streams.length)', 'streamsMax']],
    suites: [simulation],
  },
  {
    name: 'each instance counts its own connections only',
    file: 'src/bus/visits.lua',
    changes: [['(counts[at] or 0) + count', 'counts[at] or count']],
    suites: [redis],
  },
  {
    name: 'who was refused by the exchange keeps it to itself',
    file: 'src/visits.ts',
    changes: [['restRefused: restWaitMs => void visit({ restWaitMs })', 'restRefused: () => void visit({})']],
    suites: [unit('visits')],
  },
  {
    name: 'a connection started anew forgets that the exchange wants nobody',
    file: 'src/exchange/attempts.ts',
    changes: [['const closedMs = closedUntil - clock.now()', 'const closedMs = closedUntil - 1e12']],
    suites: [unit('exchange-shards')],
  },
  {
    name: 'a pair the exchange does not trade keeps the others from being streamed',
    file: 'src/upstream.ts',
    changes: [["if (found.kind !== 'trading') continue", "if (found.kind !== 'trading') break"]],
    suites: [unit('mutation-upstream')],
  },
]

const demanding: readonly Mutation[] = [
  {
    name: 'Redis lists the demand of dead instances for ever',
    file: 'src/demand/living.lua',
    changes: [["redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)", 'now = 0']],
    suites: [redis, redisFaults],
  },
  {
    name: 'what a dead instance wanted stays in Redis for ever',
    file: 'src/demand/announce.lua',
    changes: [["redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])", "redis.call('SET', KEYS[1], ARGV[2])"]],
    suites: [redis, redisFaults],
  },
  {
    name: 'the embedded ledger never forgets a dead instance',
    file: 'src/demand/memory-ledger.ts',
    changes: [['writeDemand(pairs), ttlMs)', 'writeDemand(pairs), ttlMs * 1000)']],
    suites: [embedded],
  },
  {
    name: 'what others wanted once is wanted for ever',
    file: 'src/demand/wanted.ts',
    changes: [
      [
        'elsewhere = [...outcome.wanted].filter',
        'elsewhere = [...elsewhere.map((pair): [string, Pair[]] => ["", [pair]]), ...outcome.wanted].filter',
      ],
    ],
    suites: [unit('wanted')],
  },
  {
    name: 'a pair is let go the moment its last reader leaves: no linger',
    file: 'src/demand/wanted.ts',
    changes: [['lingering.set(pair, clock.now() + lingerMs)', 'lingering.set(pair, clock.now() + 0 * lingerMs)']],
    suites: [unit('wanted')],
  },
  {
    name: 'a pair nobody wants any more lingers for ever',
    file: 'src/demand/wanted.ts',
    changes: [['    letGoOfOld()\n    beats += 1', '    if (beats < 0) letGoOfOld()\n    beats += 1']],
    suites: [unit('wanted')],
  },
  {
    name: 'a new pair is not told to the others, only announced',
    file: 'src/demand/wanted.ts',
    changes: [['if (here !== before.here) announce(true)', 'if (here !== before.here) announce(false)']],
    suites: [unit('wanted')],
  },
]

const reading: readonly Mutation[] = [
  {
    name: 'a full mailbox of every trade drops the newest instead of the oldest',
    file: 'src/board/mailbox.ts',
    changes: [['    if (isFull) drop()\n', '    if (isFull && bytes < 0) drop()\n    if (isFull) return isFull\n']],
    suites: [unit('board-mailbox')],
  },
  {
    name: 'the mailbox of the latest keeps the oldest price of a pair',
    file: 'src/board/mailbox.ts',
    changes: [['      pending.set(entry.pair, entry)\n', '      if (!pending.has(entry.pair)) pending.set(entry.pair, entry)\n']],
    suites: [unit('board-mailbox')],
  },
  {
    name: 'a blocked reader of every trade loses one',
    file: 'src/board/hub.ts',
    changes: [
      [
        '    if (news === undefined) return\n    const',
        "    if (news === undefined || (reader.mode === 'every' && reader.blockedAt !== undefined)) return\n    const",
      ],
    ],
    suites: [unit('board-hub')],
  },
  {
    name: 'trades that were lost on the bus are not told as a gap',
    file: 'src/board/mailbox.ts',
    changes: [
      ["if (!entry.isAfterGap && entry.update.cause === 'trade') return undefined", "if (entry.update.cause === 'trade') return undefined"],
    ],
    suites: [unit('board-mailbox')],
  },
  {
    name: 'a silent stream gets no comment, and proxies close it',
    file: 'src/board/ladder.ts',
    changes: [['const heartbeatAfterMs = 15_000', 'const heartbeatAfterMs = 15_000_000']],
    suites: [unit('board-hub')],
  },
  {
    name: 'a reader that comes back is sent what it has had',
    file: 'src/board/reader.ts',
    changes: [['if (after === undefined) return entry', 'if (after === undefined || at.epoch > 0) return entry']],
    suites: [unit('board-hub')],
  },
  {
    name: 'a reader that comes from elsewhere is shown what was made earlier',
    file: 'src/board/reader.ts',
    changes: [['const laterMicros = 1_000_000\n', 'const laterMicros = -1e18\n']],
    suites: [unit('mutation-reader')],
  },
  {
    name: 'a reader that comes from elsewhere waits for a position that never comes',
    file: 'src/board/reader.ts',
    changes: [['const laterMicros = 1_000_000\n', 'const laterMicros = 1e18\n']],
    suites: [unit('mutation-reader')],
  },
  {
    name: 'a reader that left is held for ever',
    file: 'src/board/hub.ts',
    changes: [['    if (!groups.leave(reader)) audienceOf(reader).leave(reader, reader.pairs)\n', '']],
    suites: [unit('mutation-hub')],
  },
  {
    name: 'a reader that falls behind its group forgets which trades it had',
    file: 'src/board/group.ts',
    changes: [['before: mailbox }', 'before: { ...mailbox, trades: new Map() } }']],
    suites: [unit('board-group')],
  },
  {
    name: 'who joins a group that is about to be sent to is sent what was in its greeting',
    file: 'src/board/group.ts',
    changes: [['if (group.isDirty) return false', 'if (group.isDirty && group.pairs.length === 0) return false']],
    suites: [unit('board-hub')],
  },
  {
    name: 'a reader that takes nothing is never cut',
    file: 'src/board/ladder.ts',
    changes: [['const stuckAfterMs = 30_000', 'const stuckAfterMs = 30_000_000']],
    suites: [unit('board-hub')],
  },
  {
    name: 'a reader is told on the way out to come back at once, all in the same moment',
    file: 'src/board/hub.ts',
    changes: [['Math.round(minMs + clock.random() * (maxMs - minMs))', 'Math.round(minMs + clock.random() * 0 * maxMs)']],
    suites: [unit('board-hub')],
  },
  {
    name: 'a price is encoded again for every reader',
    file: 'src/board/board.ts',
    changes: [['entry.frame ??= chunk(', 'entry.frame = chunk(']],
    suites: [unit('board-mailbox')],
  },
]

const pressing: readonly Mutation[] = [
  {
    name: 'a compressed stream refers to what its reader was never sent',
    file: 'src/http/press.ts',
    changes: [['    kept(next, frame, () =>', '    kept(next === alone ? next : alone, frame, () =>']],
    suites: [unit('http-press')],
  },
  {
    name: 'each reader is compressed for by itself',
    file: 'src/http/press.ts',
    changes: [['if (known !== undefined) return', 'if (known !== undefined && known.past.readers < 0) return']],
    suites: [unit('http-press')],
  },
  {
    name: 'nothing is compressed against what came before it',
    file: 'src/http/press.ts',
    changes: [['const readersMin = 8\n', 'const readersMin = 1e9\n']],
    suites: [unit('http-press')],
  },
]

const fallingBehind: readonly Mutation[] = [
  {
    name: 'the wheel calls one whose time is a turn away',
    file: 'src/board/wheel.ts',
    changes: [['      if (at > now && at !== Number.POSITIVE_INFINITY) place(one, at)', '      if (at < now - 1e9) place(one, at)']],
    suites: [unit('board-wheel')],
  },
  {
    name: 'the wheel forgets what came due while its process stood still',
    file: 'src/board/wheel.ts',
    changes: [['const from = Math.max(done, to - size)', 'const from = Math.max(done, to - 3)']],
    suites: [unit('board-wheel')],
  },
  {
    name: 'a reader with an interval gets only the first price',
    file: 'src/board/hub.ts',
    changes: [['    else if (reader.blockedAt === undefined) waiting.add(reader)\n', '']],
    suites: [unit('board-hub')],
  },
  {
    name: 'a reader that stays behind is written to as fast as ever',
    file: 'src/board/ladder.ts',
    changes: [['  changeInterval(reader, slowerMs)\n', '']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'a reader that falls behind once is slowed',
    file: 'src/board/ladder.ts',
    changes: [['const fallsMax = 3\n', 'const fallsMax = 1\n']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'short stalls are held against a reader as if they were long',
    file: 'src/board/ladder.ts',
    changes: [['const behindMaxMs = 5000\n', 'const behindMaxMs = 0\n']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'a slowed reader stays slow for ever',
    file: 'src/board/ladder.ts',
    changes: [['if (intervalMs > slowness.askedMs) {', 'if (intervalMs < slowness.askedMs) {']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'a reader that recovers is written to faster than it asked for',
    file: 'src/board/ladder.ts',
    changes: [['fasterMs < shortestMs ? slowness.askedMs : fasterMs', 'fasterMs < shortestMs ? 0 : fasterMs']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'the price that waits for a slow reader is lost when its interval changes',
    file: 'src/board/ladder.ts',
    changes: [['if (!isGap(item)) reader.mailbox.put(item)', 'if (!isGap(item) && intervalMs < 0) reader.mailbox.put(item)']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'what a reader was slow for is never forgotten',
    file: 'src/board/ladder.ts',
    changes: [['  reader.slowness = undefined\n', '']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'a reader that is too slow at any rate is kept',
    file: 'src/board/ladder.ts',
    changes: [['|| slowerMs > longestMs)', '|| slowerMs > longestMs * 1e6)']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'a reader of every trade is told gaps for ever',
    file: 'src/board/ladder.ts',
    changes: [['  if (slowness !== undefined) slowness.falls += 1\n', '  void slowness\n']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'a slow reader is not told that it is written to less often',
    file: 'src/board/hub.ts',
    changes: [["    if (next === 'slowed') tellInterval(reader, next, now)\n", '']],
    suites: [unit('board-ladder')],
  },
  {
    name: 'all that waited for a reader of every trade is written at once',
    file: 'src/board/hub.ts',
    changes: [['const portionBytes = 64 * 1024\n', 'const portionBytes = 64 * 1024 * 1024\n']],
    suites: [unit('board-hub')],
  },
  {
    name: 'what was written in portions counts as waiting still',
    file: 'src/board/mailbox.ts',
    changes: [['    bytes -= taken\n', '']],
    suites: [unit('board-mailbox')],
  },
]

const fallingBack: readonly Mutation[] = [
  {
    name: 'the first silence is taken for the end of the stream, without a doubt',
    file: 'machines/fallback.ts',
    changes: [["'websocket.lost': 'doubted'", "'websocket.lost': '#fallback.polling'"]],
    suites: [model('fallback')],
  },
  {
    name: 'prices are heard again and the level stays down',
    file: 'machines/fallback.ts',
    changes: [["  on: { 'websocket.heard': 'live' },\n", '']],
    suites: [model('fallback')],
  },
  {
    name: 'a level below live asks once and never again',
    file: 'machines/fallback.ts',
    changes: [["const resting = { after: { restMs: 'asking' } } as const", 'const resting = {} as const']],
    suites: [model('fallback')],
  },
  {
    name: 'readers are sent away before the lease is given up',
    file: 'machines/gateway.ts',
    changes: [["      initial: 'retiring',", "      initial: 'parting',"]],
    suites: [model('gateway')],
  },
  {
    name: 'an instance keeps its socket when it has lost leadership',
    file: 'machines/gateway.ts',
    changes: [["    'leadership.lost': { actions: 'disconnect' },\n", '']],
    suites: [simulation],
  },
]

const distrusting: readonly Mutation[] = [
  {
    name: 'a price from far ahead is believed, and locks every later one out',
    file: 'src/downstream.ts',
    changes: [[' || isImpossible(update.at.epoch)) return garbled()', ') return garbled()']],
    suites: [unit('downstream')],
  },
  {
    name: 'a heartbeat from far ahead is believed, and locks every later one out',
    file: 'src/downstream.ts',
    changes: [['if (heartbeat === undefined || isImpossible(heartbeat.epoch)) garbled()', 'if (heartbeat === undefined) garbled()']],
    suites: [unit('downstream')],
  },
  {
    name: 'an epoch written from far ahead is counted on from: followers believe no leader any more',
    file: 'src/leadership/acquire.lua',
    changes: [['previous <= micros + 86400000000', 'previous < 9007199254740991']],
    suites: [redisFaults],
  },
  {
    name: 'holes in what is heard are not healed',
    file: 'src/downstream.ts',
    changes: [['    await readStored(wanted.here())\n', '']],
    suites: [unit('downstream')],
  },
  {
    name: 'a follower keeps in memory whatever length somebody publishes',
    file: 'src/redis-wire.ts',
    changes: [['if (length > stringBytesMax) skip', 'if (length > stringBytesMax * 1e9) skip']],
    suites: [unit('redis-wire')],
  },
  {
    name: 'a follower does not notice that its slot was taken away',
    file: 'src/redis-wire.ts',
    changes: [["if (name === 'sunsubscribe') close(", "if (name === 'nothing') close("]],
    suites: [unit('redis-wire')],
  },
  {
    name: 'in a Cluster prices are told to all its servers, and not in their slot',
    file: 'src/redis-script.ts',
    changes: [["call(redis.REDIS_VERSION_NUM and 'SPUBLISH' or 'PUBLISH'", "call('PUBLISH'"]],
    suites: ['test/contract/redis-cluster.test.ts'],
  },
  {
    name: 'after a planned failover the leader stays on the old master',
    file: 'src/redis.ts',
    changes: [["if (target.kind === 'sentinel') stops.push(", "if (target.kind === 'standalone') stops.push("]],
    suites: ['test/contract/redis-sentinel.test.ts'],
  },
  {
    name: 'a Cluster is used without a hash tag',
    file: 'src/redis-url.ts',
    changes: [["kind !== 'cluster' || hasHashTag(prefix)", "kind !== 'cluster' || hasHashTag(prefix) || prefix.length >= 0"]],
    suites: [unit('redis-url'), unit('config')],
  },
  {
    name: 'any certificate will do',
    file: 'src/redis-place.ts',
    changes: [['connectTls({ host, port,', 'connectTls({ host, port, rejectUnauthorized: false,']],
    suites: ['test/contract/redis-tls.test.ts'],
  },
]

export const mutations: readonly Mutation[] = [
  ...fencing,
  ...leasing,
  ...leading,
  ...handingOver,
  ...following,
  ...exchanging,
  ...demanding,
  ...reading,
  ...fallingBehind,
  ...pressing,
  ...fallingBack,
  ...distrusting,
  ...foundBySimulation,
]
