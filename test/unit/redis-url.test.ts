import { expect, test } from 'vitest'
import { objectionToPrefix, readRedisUrl } from '../../src/redis-url.ts'

const read = (url: string) => {
  const reading = readRedisUrl(url)
  return reading.kind === 'read' ? reading.target : reading.cause
}

test('one Redis is named by host, port, user, password and database', () => {
  expect(read('redis://localhost')).toMatchObject({
    kind: 'standalone',
    addresses: [{ host: 'localhost', port: 6379 }],
    db: 0,
    isTls: false,
  })
  expect(read('redis://[::1]:7000/3')).toMatchObject({ addresses: [{ host: '::1', port: 7000 }], db: 3 })
  expect(read('rediss://ann:p%40ss@redis.example')).toMatchObject({ username: 'ann', password: 'p@ss', isTls: true })
})

test('a password may hold the signs that end other parts of an address', () => {
  for (const password of ['a@b', 'a/b', 'a?b', 'a#b', 'a:b', '@/:?#']) {
    expect(read(`redis://:${password}@h:1`)).toMatchObject({ addresses: [{ host: 'h', port: 1 }], password })
  }
})

test('a Sentinel group is named by its sentinels and its name', () => {
  const addresses = [
    { host: 'a', port: 1 },
    { host: 'b', port: 26_379 },
  ]
  expect(read('redis+sentinel://:pw@a:1,b/prices')).toMatchObject({
    kind: 'sentinel',
    addresses,
    group: 'prices',
    password: 'pw',
    isTls: false,
  })
  expect(read('rediss+sentinel://a:1,b/prices')).toMatchObject({ kind: 'sentinel', addresses, isTls: true })
})

test('a Redis Cluster is named by some of its servers', () => {
  const addresses = [
    { host: 'a', port: 1 },
    { host: 'b', port: 6379 },
  ]
  expect(read('redis+cluster://ann:pw@a:1,b')).toMatchObject({ kind: 'cluster', addresses, username: 'ann', password: 'pw', isTls: false })
  expect(read('rediss+cluster://a:1,b')).toMatchObject({ kind: 'cluster', addresses, isTls: true })
})

test('in a Redis Cluster the prefix needs a hash tag, elsewhere it does not', () => {
  const objection = (url: string, prefix: string) => {
    const target = read(url)
    return typeof target === 'string' ? target : objectionToPrefix(target, prefix)
  }
  for (const prefix of ['', 'tickcast:', '{}:', '{}{t}:', '{t', 't}'])
    expect(objection('redis+cluster://a', prefix)).toMatch(/TICKCAST_PREFIX needs a hash tag \(\{tickcast\}: has one\)$/)
  for (const prefix of ['{t}:', 'x{t}', '{t}{}', '{{t}']) expect(objection('redis+cluster://a', prefix)).toBeUndefined()
  for (const url of ['redis://a', 'redis+sentinel://a/g']) expect(objection(url, '')).toBeUndefined()
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
    ['redis+cluster://:s3cret@a:1,,b', /host:port,host:port/],
    ['redis+cluster://:s3cret@a:1/1', /no databases/],
    ['redis+what://:s3cret@a:1', /\+sentinel or \+cluster/],
  ]
  for (const [url, sentence] of mistakes) {
    const cause = read(url)
    expect(cause).toMatch(sentence)
    expect(cause).not.toContain('s3cret')
  }
})
