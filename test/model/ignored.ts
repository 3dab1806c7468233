/**
 * What each machine ignores on purpose, by innermost state. Every other pair of state and public event does something. A test fails for a
 * pair that is missing here, and for one that is listed although it is handled or cannot be.
 */
type Ignored = Readonly<Record<string, readonly string[]>>

/** No socket is open: these come from one that was closed, too late to matter. */
const ofSockets = ['socket.opened', 'socket.closed', 'socket.refused', 'socket.leaving']
/** Who is not connected is not interested in what is heard. */
const ofFeed = ['feed.quiet', 'feed.heard', 'feed.covered']

export const ignoredByConnection: Ignored = {
  idle: ['connection.stop', ...ofSockets, ...ofFeed],
  // A socket that is not open announces nothing. Every state that tries already does what a start asks for.
  connecting: ['connection.start', 'socket.leaving', ...ofFeed],
  // An open socket opens no second time, and a refusal comes instead of the opening. Without a successor nothing is covered.
  'connected.settled.streaming': ['connection.start', 'socket.opened', 'socket.refused', 'feed.heard', 'feed.covered'],
  'connected.settled.quiet': ['connection.start', 'socket.opened', 'socket.refused', 'feed.quiet', 'feed.covered'],
  // The successor on its way is the remedy for silence, too. That the old socket will leave is why we are here.
  'connected.rotating.opening': ['connection.start', 'socket.leaving', ...ofFeed],
  'connected.rotating.pausing': ['connection.start', 'socket.leaving', 'socket.opened', 'socket.refused', ...ofFeed],
  'connected.rotating.covering': ['connection.start', 'socket.opened', 'socket.refused', 'socket.leaving', 'feed.heard'],
  reconnecting: ['connection.start', ...ofSockets, ...ofFeed],
  // The exchange said how long to stay away; being wanted does not shorten it.
  blocked: ['connection.start', ...ofSockets, ...ofFeed],
  'intentionally-disconnected': ['connection.stop', ...ofSockets, ...ofFeed],
}

/** Answers to questions that were not asked here. */
const answersToAcquire = ['lease.granted', 'lease.refused']
const answersToRenew = ['lease.held', 'lease.lost']

/** About an offer that was not made here, or not claimed. */
const ofOffers = ['lease.claimed', 'claim.granted', 'claim.refused', 'standby.covered']
/** Who hands over does so already. */
const handsOver = ['leadership.hand-over', 'lease.offered']

export const ignoredByLeadership: Ignored = {
  // Who has no term cannot lose one.
  'follower.watching': [
    ...answersToAcquire,
    ...answersToRenew,
    'lease.unreachable',
    'lease.given-up',
    'lease.fenced',
    'relay.current',
    ...ofOffers,
    'leadership.hand-over',
  ],
  // It asked to take part in a hand-over, and waits for the answer.
  'follower.succeeding.claiming': [
    ...[...answersToAcquire, ...answersToRenew, ...handsOver],
    ...['lease.unreachable', 'lease.given-up', 'lease.fenced', 'lease.claimed', 'relay.current', 'standby.covered'],
  ],
  'follower.succeeding.preparing': [
    ...[...answersToAcquire, ...answersToRenew, ...handsOver],
    ...['lease.unreachable', 'lease.given-up', 'lease.fenced', 'lease.claimed', 'relay.current', 'claim.granted', 'claim.refused'],
  ],
  'follower.succeeding.taking': [...[...answersToRenew, ...handsOver, ...ofOffers], ...['lease.given-up', 'lease.fenced', 'relay.current']],
  // It asks already, so a relay that falls behind is no news.
  'follower.campaigning': [...answersToRenew, 'lease.given-up', 'lease.fenced', 'relay.current', 'relay.behind', ...handsOver, ...ofOffers],
  // A leader follows nobody: neither the relay nor another's lease decides anything.
  'leader.holding': [
    ...answersToAcquire,
    ...answersToRenew,
    ...['lease.unreachable', 'lease.given-up', 'lease.released', 'relay.current', 'relay.behind', 'lease.offered'],
    ...ofOffers,
  ],
  'leader.renewing': [
    ...answersToAcquire,
    'lease.given-up',
    'lease.released',
    'relay.current',
    'relay.behind',
    'lease.offered',
    ...ofOffers,
  ],
  // Until a successor has the lease it goes on as before.
  'leader.handing-over.offering': [
    ...[...answersToAcquire, ...answersToRenew, ...handsOver],
    ...['lease.unreachable', 'lease.given-up', 'lease.released', 'relay.current', 'relay.behind'],
    ...['claim.granted', 'claim.refused', 'standby.covered'],
  ],
  'leader.handing-over.awaiting.sure': [
    ...[...answersToAcquire, ...answersToRenew, ...handsOver, ...ofOffers],
    ...['lease.unreachable', 'lease.given-up', 'lease.released', 'relay.current', 'relay.behind'],
  ],
  'leader.handing-over.awaiting.renewing': [
    ...[...answersToAcquire, ...handsOver, ...ofOffers],
    ...['lease.given-up', 'lease.released', 'relay.current', 'relay.behind'],
  ],
  'leader.handing-over.releasing': [
    ...[...answersToAcquire, ...answersToRenew, ...handsOver, ...ofOffers],
    ...['lease.unreachable', 'lease.released', 'relay.current', 'relay.behind'],
  ],
  // A solo asks by itself every few hundred milliseconds, and publishes nothing that could be fenced.
  'solo.alone': [
    ...answersToAcquire,
    ...answersToRenew,
    ...['lease.unreachable', 'lease.given-up', 'lease.fenced', 'relay.current', 'relay.behind', ...handsOver, ...ofOffers],
  ],
  'solo.probing': [...answersToRenew, 'lease.given-up', 'lease.fenced', 'relay.current', 'relay.behind', ...handsOver, ...ofOffers],
  // It waits for one thing, and is alone again if that does not come.
  'solo.standing-down': [
    ...answersToAcquire,
    ...answersToRenew,
    ...['lease.unreachable', 'lease.given-up', 'lease.fenced', 'relay.behind', ...handsOver, ...ofOffers],
  ],
}

export const ignoredByRelay: Ignored = {
  // Only a current copy has something to report. Caught up before subscribed would prove nothing.
  joining: ['bus.caught-up', 'relay.report'],
  'catching-up': ['bus.subscribed', 'relay.report'],
  // Pairs that are wanted later are subscribed and read without leaving it.
  current: ['bus.subscribed', 'bus.caught-up'],
  // From a connection that is given up.
  behind: ['bus.subscribed', 'bus.caught-up', 'bus.lost', 'relay.report'],
}

/** Answers of a source that was not asked, or was asked and is not waited for any longer. */
const answers = ['source.rest', 'source.shared', 'source.local', 'source.none']

export const ignoredByFallback: Ignored = {
  'live.steady': ['websocket.heard', ...answers],
  // Doubted once is doubted: saying it again must not put off the fall.
  'live.doubted': ['websocket.lost', ...answers],
  'polling.asking': ['websocket.lost'],
  'polling.resting': ['websocket.lost', ...answers],
  'shared-cache.asking': ['websocket.lost'],
  'shared-cache.resting': ['websocket.lost', ...answers],
  'local-cache.asking': ['websocket.lost'],
  'local-cache.resting': ['websocket.lost', ...answers],
  'stale.asking': ['websocket.lost'],
  'stale.resting': ['websocket.lost', ...answers],
}

export const ignoredByGateway: Ignored = {
  // Nobody was asked to retire or to go.
  starting: ['leadership.retired', 'readers.gone'],
  serving: ['doors.open', 'leadership.retired', 'readers.gone'],
  // Draining happens once, and doors that open now are about to close.
  'draining.retiring': ['doors.open', 'gateway.drain', 'readers.gone'],
  'draining.parting': ['doors.open', 'gateway.drain', 'leadership.retired'],
}
