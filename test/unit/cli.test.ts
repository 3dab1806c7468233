import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCommand } from '../../src/cli.ts'
import { settings } from '../../src/config.ts'

const unset = { port: undefined, seed: undefined, replay: [], speed: 1, symbols: undefined, rate: 1, hold: false }
const helpText = (...args: readonly string[]): string => {
  const command = readCommand(args)
  if (command.kind !== 'help') throw new Error(`no help: ${JSON.stringify(command)}`)
  return command.text
}

test('each command is understood', () => {
  expect(readCommand(['serve'])).toEqual({ kind: 'serve' })
  expect(readCommand(['doctor'])).toEqual({ kind: 'doctor' })
  expect(readCommand(['demo'])).toEqual({ kind: 'demo', exchange: unset })
  expect(readCommand(['exchange'])).toEqual({ kind: 'exchange', exchange: unset })
})

test('says which Tickcast it is', () => {
  expect(helpText('--version')).toMatch(/^\d+\.\d+\.\d+$/)
})

test('a recording to open is one file, and perhaps a port', () => {
  expect(readCommand(['inspect', 'a.jsonl'])).toEqual({ kind: 'inspect', file: 'a.jsonl', port: 8090 })
  expect(readCommand(['inspect', '--port=0', 'a.jsonl'])).toEqual({ kind: 'inspect', file: 'a.jsonl', port: 0 })
  for (const wrong of [[], ['a', 'b'], ['a', '--port', 'x'], ['a', '--nonsense']])
    expect(readCommand(['inspect', ...wrong])).toMatchObject({ kind: 'mistake', text: expect.stringContaining('tickcast inspect --help') })
  expect(helpText('inspect', '--help')).toMatch(/^tickcast inspect FILE: /)
})

test('every flag of the exchange is read, by demo too', () => {
  const flags = [
    '--port',
    '9001',
    '--seed',
    's',
    '--replay',
    'a',
    '--replay=b',
    '--speed',
    '2.5',
    '--symbols',
    '10',
    '--rate=0.1',
    '--hold',
  ]
  const exchange = { port: 9001, seed: 's', replay: ['a', 'b'], speed: 2.5, symbols: 10, rate: 0.1, hold: true }
  expect(readCommand(['exchange', ...flags])).toEqual({ kind: 'exchange', exchange })
  expect(readCommand(['demo', ...flags])).toEqual({ kind: 'demo', exchange })
})

test('without a command, or asked for it, the usage is shown', () => {
  for (const args of [[], ['help'], ['--help'], ['-h'], ['help', 'serve']])
    for (const name of ['serve', 'demo', 'exchange', 'doctor']) expect(helpText(...args)).toContain(`tickcast ${name}`)
})

test('each command has help, whatever else was typed, with the settings it reads', () => {
  for (const name of ['serve', 'demo', 'exchange', 'doctor']) {
    expect(helpText(name, '--help')).toMatch(new RegExp(`^tickcast ${name}: `))
    expect(helpText(name, '--nonsense', '-h')).toBe(helpText(name, '--help'))
  }
  for (const name of ['serve', 'demo']) for (const { name: one } of Object.values(settings)) expect(helpText(name, '--help')).toContain(one)
  for (const name of ['demo', 'exchange'])
    for (const flag of ['port', 'seed', 'replay', 'speed', 'hold', 'symbols', 'rate'])
      expect(helpText(name, '--help')).toContain(`--${flag}`)
})

test.each([
  [['serv'], 'There is no command "serv". Try: tickcast --help'],
  [['constructor'], 'There is no command "constructor". Try: tickcast --help'],
  [['toString'], 'There is no command "toString". Try: tickcast --help'],
  [['serve', '--port', '1'], 'tickcast serve takes no "--port"; its settings come from the environment. Try: tickcast serve --help'],
  [['doctor', 'x'], 'tickcast doctor takes no "x"; its settings come from the environment. Try: tickcast doctor --help'],
  [['exchange', '--port', '65536'], '--port 65536 is no number from 0 to 65535. Try: tickcast exchange --help'],
  [['exchange', '--port', '80.5'], '--port 80.5 is no whole number. Try: tickcast exchange --help'],
  [['exchange', '--port', '0x50'], '--port 0x50 is no number from 0 to 65535. Try: tickcast exchange --help'],
  [['exchange', '--port='], '--port  is no number from 0 to 65535. Try: tickcast exchange --help'],
  [['exchange', '--symbols', '0'], '--symbols 0 is no number from 1 to 20000. Try: tickcast exchange --help'],
  [['exchange', '--symbols', '1.5'], '--symbols 1.5 is no whole number. Try: tickcast exchange --help'],
  [['demo', '--speed', '0'], '--speed 0 is no number from 0.01 to 1000. Try: tickcast demo --help'],
  [['demo', '--rate', 'Infinity'], '--rate Infinity is no number from 0.01 to 1000. Try: tickcast demo --help'],
])('%j is a mistake, told in one line', (args, text) => {
  expect(readCommand(args)).toEqual({ kind: 'mistake', text })
})

test.each([[['demo', '--nonsense']], [['demo', 'x']], [['exchange', '--port']], [['exchange', '--hold=yes']]])('%j is a mistake', args => {
  const command = readCommand(args)
  expect(command.kind).toBe('mistake')
  if (command.kind === 'mistake') expect(command.text).toMatch(/^[^\n]+\. Try: tickcast (demo|exchange) --help$/)
})

test('no command line makes it throw', () => {
  const word = fc.oneof(
    fc.constantFrom('serve', 'demo', 'exchange', 'doctor', '--port', '--replay', '--', '-', '--hold', '__proto__'),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), args => void readCommand(args)),
    { numRuns: 2000 },
  )
})
