import { fromCallback, setup } from 'xstate'
import { notProvided } from './port.ts'

/**
 * Where do our prices come from now?
 *
 * Promise: it goes down only on evidence (the stream stopped and stayed so; the next source was asked and did not answer), one honest
 * answer at a time, and up at once when a better source delivers. Every level below live keeps asking the better ones.
 *
 *     live.steady             -- websocket.lost -->          live.doubted
 *     live.doubted            -- websocket.heard -->         live.steady
 *     live.doubted            -- after doubtMs -->           polling
 *     polling                 -- websocket.heard -->         live
 *     polling.asking          -- source.rest -->             polling.resting
 *     polling.asking          -- source.shared -->           shared-cache.resting
 *     polling.asking          -- source.local -->            local-cache.resting
 *     polling.asking          -- source.none -->             stale.resting
 *     polling.asking          -- after askMaxMs -->          local-cache.resting
 *     polling.resting         -- after restMs -->            polling.asking
 *     shared-cache            -- websocket.heard -->         live
 *     shared-cache.asking     -- source.rest -->             polling.resting
 *     shared-cache.asking     -- source.shared -->           shared-cache.resting
 *     shared-cache.asking     -- source.local -->            local-cache.resting
 *     shared-cache.asking     -- source.none -->             stale.resting
 *     shared-cache.asking     -- after askMaxMs -->          local-cache.resting
 *     shared-cache.resting    -- after restMs -->            shared-cache.asking
 *     local-cache             -- websocket.heard -->         live
 *     local-cache.asking      -- source.rest -->             polling.resting
 *     local-cache.asking      -- source.shared -->           shared-cache.resting
 *     local-cache.asking      -- source.local -->            local-cache.resting
 *     local-cache.asking      -- source.none -->             stale.resting
 *     local-cache.asking      -- after askMaxMs -->          stale.resting
 *     local-cache.resting     -- after restMs -->            local-cache.asking
 *     stale                   -- websocket.heard -->         live
 *     stale.asking            -- source.rest -->             polling.resting
 *     stale.asking            -- source.shared -->           shared-cache.resting
 *     stale.asking            -- source.local -->            local-cache.resting
 *     stale.asking            -- source.none -->             stale.resting
 *     stale.asking            -- after askMaxMs -->          stale.resting
 *     stale.resting           -- after restMs -->            stale.asking
 */

export type FallbackEvent =
  /** Prices from the exchange's stream arrive again, over our own socket or over the bus. */
  | { type: 'websocket.heard' }
  /** The socket broke, or streams that should speak are silent. */
  | { type: 'websocket.lost' }
  /** The best source that answered just now: the exchange over REST, the cache shared over the bus, our own board, or nothing recent. */
  | { type: 'source.rest' }
  | { type: 'source.shared' }
  | { type: 'source.local' }
  | { type: 'source.none' }

const level = {
  initial: 'asking',
  on: { 'websocket.heard': 'live' },
} as const

const asking = (whenSilent: 'local-cache' | 'stale') =>
  ({
    invoke: { id: 'probe', src: 'probe' },
    on: {
      'source.rest': '#fallback.polling.resting',
      'source.shared': '#fallback.shared-cache.resting',
      'source.local': '#fallback.local-cache.resting',
      'source.none': '#fallback.stale.resting',
    },
    after: { askMaxMs: `#fallback.${whenSilent}.resting` },
  }) as const

const resting = { after: { restMs: 'asking' } } as const

export const fallbackMachine = setup({
  types: { events: {} as FallbackEvent },
  actors: { probe: fromCallback<FallbackEvent>(notProvided('actor', 'probe')) },
  delays: {
    doubtMs: notProvided('delay', 'doubtMs'),
    askMaxMs: notProvided('delay', 'askMaxMs'),
    restMs: notProvided('delay', 'restMs'),
  },
}).createMachine({
  id: 'fallback',
  options: { maxIterations: 100 },
  initial: 'stale',
  states: {
    live: {
      initial: 'steady',
      states: {
        steady: { on: { 'websocket.lost': 'doubted' } },
        doubted: { on: { 'websocket.heard': 'steady' }, after: { doubtMs: '#fallback.polling' } },
      },
    },
    polling: { ...level, states: { asking: asking('local-cache'), resting } },
    'shared-cache': { ...level, states: { asking: asking('local-cache'), resting } },
    'local-cache': { ...level, states: { asking: asking('stale'), resting } },
    stale: { ...level, states: { asking: asking('stale'), resting } },
  },
})
