import type { Mutation } from './mutations.ts'

/** Mistakes that were really made, and found by playing worlds: put back one by one. */
export const foundBySimulation: readonly Mutation[] = [
  {
    name: 'a pair that is listed again is not asked about for an hour',
    file: 'src/upstream.ts',
    changes: [
      [
        "found.kind === 'unknown' && learnsAt - clock.now() > symbolsSoonMs",
        "found.kind === 'unknown' && learnsAt - clock.now() > symbolsSoonMs * 1e6",
      ],
    ],
    suites: ['simulation', 'test/unit/upstream.test.ts'],
  },
  {
    name: 'a stored price from the future, by our clock, is taken for fresh',
    file: 'src/downstream.ts',
    changes: [['isStored && Math.abs(ageMs) > storedFreshMs', 'isStored && ageMs > storedFreshMs']],
    suites: ['simulation', 'test/unit/downstream.test.ts'],
  },
  {
    name: 'a stored price, young enough to count as live, counts as told this moment',
    file: 'src/downstream.ts',
    changes: [['isTold: !isStored', 'isTold: true']],
    suites: ['simulation', 'test/unit/downstream.test.ts'],
  },
  {
    name: 'a socket that never said anything is believed for as long as one of rare trades',
    file: 'src/exchange/feed.ts',
    changes: [['mute: 5000', 'mute: 15_000']],
    suites: ['simulation', 'test/integration/exchange-outages.test.ts'],
  },
  {
    name: 'ids of a stream do not grow over all pairs',
    file: 'src/board/board.ts',
    changes: [
      [
        'newest = isNewer(at, newest) && madeAt(at) > madeAt(newest) ? at : behind(newest, at.epoch)',
        'newest = at.epoch > 0 ? at : behind(newest, at.epoch)',
      ],
    ],
    suites: ['simulation', 'test/unit/board-hub.test.ts'],
  },
  {
    name: 'a price of a newer term keeps its place, however long before it was made',
    file: 'src/board/board.ts',
    changes: [['isNewer(at, newest) && madeAt(at) > madeAt(newest) ? at', 'isNewer(at, newest) ? at']],
    suites: ['simulation', 'test/unit/board-mailbox.test.ts'],
  },
  {
    name: 'a successor that cannot read what is stored publishes all the same',
    file: 'src/succession.ts',
    changes: [['const triesMax = 8', 'const triesMax = 1']],
    suites: ['simulation', 'test/unit/succession.test.ts'],
  },
  {
    name: 'a socket of our own that speaks of one pair makes all of them live',
    file: 'src/levels.ts',
    changes: [
      [
        'entry.isStored || entry.heardAt < vouchedSince(pair) - heartbeatMissedAfterMs',
        'entry.isStored || (!hasOwnSocket() && entry.heardAt < vouchedSince(pair) - heartbeatMissedAfterMs)',
      ],
    ],
    suites: ['simulation', 'test/unit/levels.test.ts'],
  },
  {
    name: 'a ticker that knows of newer trades tells the old price once more',
    file: 'src/exchange/fold.ts',
    changes: [
      [
        "return state.price === undefined || isBehind(state) ? undefined : 'ticker'",
        "return state.price === undefined ? undefined : 'ticker'",
      ],
    ],
    suites: ['simulation', 'test/unit/exchange-fold.test.ts'],
  },
  {
    name: 'the first trade of a pair says that nothing came before it',
    file: 'src/exchange/fold.ts',
    changes: [['state.isAfterHole = (tick', 'state.isAfterHole = state.lastTrade >= 0 && (tick']],
    suites: ['simulation', 'test/unit/exchange-fold.test.ts'],
  },
  {
    name: 'a reader back from an instance on its own is shown what another kept from before',
    file: 'src/board/reader.ts',
    changes: [['|| (!isNow && !isSameTerm && madeAt(at) < madeAt(after)) ?', '?']],
    suites: ['simulation', 'test/unit/reader.test.ts'],
  },
  {
    name: 'a pair that a leader forgets for a moment is no longer called stale',
    file: 'src/levels.ts',
    changes: [['if (at < lastAt - unsaidMs) stale.delete', 'if (at < lastAt - unsaidMs * 0) stale.delete']],
    suites: ['simulation', 'test/unit/levels.test.ts'],
  },
  {
    name: 'a leader that loses its lease forgets what it called stale',
    file: 'src/pulse.ts',
    changes: [['    levels.beat(heartbeat)\n', '']],
    suites: ['simulation', 'test/unit/pulse.test.ts'],
  },
  {
    name: 'who stood still past its lease shows its own readers what came meanwhile as if it came now',
    file: 'src/path.ts',
    changes: [['waiting === undefined && !publisher.isOver', 'waiting === undefined']],
    suites: ['simulation', 'test/unit/mutation-path.test.ts'],
  },
  {
    name: 'where trades are heard a socket is trusted to be silent for long, although its tickers never came',
    file: 'src/exchange/feed.ts',
    changes: [
      [
        'for (const name of asked) if (isPulse(name)) return',
        'if (confirmed.size === 0) for (const name of asked) if (isPulse(name)) return',
      ],
    ],
    suites: ['simulation', 'test/unit/mutation-feed.test.ts'],
  },
  {
    name: 'a reader with an interval gets a newer id while an older price waits for the next beat',
    file: 'src/board/mailbox.ts',
    changes: [['if (pending.size > 0) for (const [at, entry] of due', 'if (!isBeat && pending.size > 0) for (const [at, entry] of due']],
    suites: ['simulation', 'test/unit/board-mailbox.test.ts'],
  },
  {
    name: 'a leader that hands over renews too late what little is left of its lease',
    file: 'src/actors.ts',
    changes: [['leftMs < ttlMs / 2 ? leftMs : ttlMs', 'leftMs < -1 ? leftMs : ttlMs']],
    suites: ['simulation', 'test/unit/mutation-actors.test.ts'],
  },
  {
    name: 'a successor that never says anything takes the place of a socket that lives',
    file: 'src/exchange/feed.ts',
    changes: [['afterMs: 5000, missed: 10', 'afterMs: 5000, missed: 1e9']],
    suites: ['simulation', 'test/unit/mutation-feed.test.ts'],
  },
]
