import { and, assign, createMachine, fromCallback, fromPromise, not, or, raise, setup } from 'xstate'

/** A machine with one of everything that a statechart can have. */
export const tortureMachine = setup({
  types: { events: {} as { type: string; [field: string]: unknown }, context: {} as { count: number } },
  actors: { ask: fromPromise(async () => 1), line: fromCallback(() => {}) },
  guards: {
    isOpen: () => true,
    isEarly: () => false,
    isAbove: ({ context }, params: { limit: number }) => context.count > params.limit,
  },
  actions: { ring: () => {}, count: assign({ count: ({ context }) => context.count + 1 }) },
  delays: { napMs: 10, 'long.napMs': 20 },
}).createMachine({
  id: 'torture',
  context: { count: 0 },
  type: 'parallel',
  description: 'one of everything',
  states: {
    day: {
      initial: 'calm',
      entry: ['ring', () => {}],
      exit: { type: 'ring' },
      states: {
        calm: {
          tags: ['quiet', 'safe'],
          on: {
            go: [
              { guard: 'isOpen', target: 'busy', actions: ['count', raise({ type: 'gone' })] },
              { guard: { type: 'isAbove', params: { limit: 3 } }, target: 'busy.deep' },
              { guard: and(['isOpen', or(['isEarly', not('isOpen')])]), target: '#asleep' },
              {
                guard: function isNamed() {
                  return false
                },
                target: 'over',
              },
              { guard: () => false, target: 'over' },
              { actions: assign({ count: 0 }) },
            ],
            'feed.*': 'busy',
            '*': { actions: 'ring' },
            never: {},
          },
          after: { napMs: 'busy', 'long.napMs': { target: 'over', guard: 'isEarly' }, 1000: 'over' },
          always: [
            { guard: 'isEarly', target: 'busy' },
            { guard: not('isOpen'), target: 'over' },
          ],
        },
        busy: {
          initial: 'shallow',
          invoke: [
            { id: 'asking', src: 'ask', onDone: { target: 'calm', actions: 'count' }, onError: 'over', onSnapshot: { actions: 'ring' } },
            { src: fromCallback(() => {}) },
          ],
          states: {
            shallow: { on: { down: 'deep' } },
            deep: { id: 'deepest' },
            back: { type: 'history', history: 'deep', target: 'shallow' },
          },
          on: { again: { target: 'busy', reenter: true }, back: '.back', gone: {} },
        },
        over: { type: 'final' },
      },
      onDone: { actions: 'ring' },
    },
    night: { initial: 'asleep', states: { asleep: { id: 'asleep', on: { wake: 'awake' } }, awake: {} } },
  },
  on: { reset: [{ target: ['.day.calm', '.night.awake'] }] },
})

/** A state whose keys would break a name that is cut at its signs. */
export const oddMachine = createMachine({
  id: 'odd.one',
  initial: 'a|b',
  states: { 'a|b': { on: { 'x|y': 'c d' } }, 'c d': { after: { 5: 'a|b' } } },
})
