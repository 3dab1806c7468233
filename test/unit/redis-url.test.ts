import { expect, test } from 'vitest'
import { readRedisUrl } from '../../src/redis-url.ts'

const optionsOf = (url: string) => {
  const reading = readRedisUrl(url)
  return reading.kind === 'read' ? reading.target.options : reading.cause
}

test('one Redis is named by host, port, user, password and database', () => {
  expect(optionsOf('redis://localhost')).toEqual({ host: 'localhost', port: 6379, db: 0 })
  expect(optionsOf('redis://[::1]:7000/3')).toEqual({ host: '::1', port: 7000, db: 3 })
  expect(optionsOf('rediss://ann:p%40ss@redis.example')).toMatchObject({ username: 'ann', password: 'p@ss', tls: {} })
})

test('a password may hold the signs that end other parts of an address', () => {
  for (const password of ['a@b', 'a/b', 'a?b', 'a#b', 'a:b', '@/:?#']) {
    expect(optionsOf(`redis://:${password}@h:1`)).toEqual({ host: 'h', port: 1, db: 0, password })
  }
})

test('a Sentinel group is named by its sentinels and its name', () => {
  expect(optionsOf('redis+sentinel://:pw@a:1,b/prices')).toEqual({
    sentinels: [
      { host: 'a', port: 1 },
      { host: 'b', port: 26_379 },
    ],
    name: 'prices',
    password: 'pw',
  })
})

test('what is wrong with an address is said in one sentence, without the password', () => {
  const mistakes: readonly (readonly [string, RegExp])[] = [
    ['', /is not an address/],
    ['redis://:s3cret@h?x=1', /is not an address/],
    ['http://:s3cret@h', /must begin with redis:/],
    ['redis://:s3cret@h:0', /a port from 1 to 65535/],
    ['redis://:s3cret@h:65536', /a port from 1 to 65535/],
    ['redis://:s3cret@a,b', /must name one host/],
    ['redis://:s3cret@h/prices', /database number/],
    ['redis://:s3cret%zz@h', /%-escape/],
    ['redis+sentinel://:s3cret@a:1', /name of the group/],
    ['redis+sentinel://:s3cret@a:1,/prices', /host:port,host:port/],
    ['redis+cluster://:s3cret@a:1,b:2', /Redis Cluster, which is not supported yet/],
  ]
  for (const [url, sentence] of mistakes) {
    const cause = optionsOf(url)
    expect(cause).toMatch(sentence)
    expect(cause).not.toContain('s3cret')
  }
})
