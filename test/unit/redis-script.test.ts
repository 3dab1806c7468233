import { expect, test } from 'vitest'
import { createRunner } from '../../src/redis-script.ts'

const script = { lua: 'return 1', sha: 'abc' }
const forgotten = new Error('NOSCRIPT No matching script')

/** A Redis that takes commands in order and answers each when told to. */
function scripted() {
  const taken: string[] = []
  const answers: ((reply: unknown) => void)[] = []
  const take = (text: string) =>
    new Promise<unknown>((resolve, reject) => {
      taken.push(text)
      answers.push(reply => (reply instanceof Error ? reject(reply) : resolve(reply)))
    })
  const run = createRunner({
    evalsha: (_sha, _count, ...args) => take(`sha ${args.join()}`),
    eval: (_lua, _count, ...args) => take(`lua ${args.join()}`),
  })
  const answer = async (reply: unknown): Promise<void> => {
    answers.shift()?.(reply)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { taken, answer, run: (arg: string) => run(script, [], [arg]) }
}

test('calls go out at once and in order', () => {
  const { taken, run } = scripted()
  for (const arg of ['1', '2']) void run(arg)
  expect(taken).toEqual(['sha 1', 'sha 2'])
})

test('a call made while forgotten scripts are sent again waits for them, so that it overtakes none', async () => {
  const { taken, answer, run } = scripted()
  const replies = ['1', '2'].map(run)
  await answer(forgotten)
  replies.push(run('3'))
  expect(taken).toEqual(['sha 1', 'sha 2', 'lua 1'])
  await answer(forgotten)
  replies.push(run('4'))
  expect(taken).toEqual(['sha 1', 'sha 2', 'lua 1', 'lua 2', 'sha 3', 'sha 4'])
  for (const reply of ['a', 'b', 'c', 'd']) await answer(reply)
  expect(await Promise.all(replies)).toEqual(['a', 'b', 'c', 'd'])
})

test('another error is the answer, and nobody waits because of it', async () => {
  const { taken, answer, run } = scripted()
  const first = run('1')
  const failed = expect(first).rejects.toThrow('READONLY')
  await answer(new Error('READONLY no'))
  await failed
  void run('2')
  expect(taken).toEqual(['sha 1', 'sha 2'])
})
